//! A cookie jar, [RFC 6265 §5](https://www.rfc-editor.org/rfc/rfc6265#section-5): cookies belong to a host and a path.
//! Ports do not part them, so the provider and the application on 127.0.0.1 share one jar, as in a browser.

use std::time::{SystemTime, UNIX_EPOCH};

use cookie::Cookie;
use url::Url;

use crate::case::Failure;

/// Cookies of every host.
#[derive(Clone, Default)]
pub(super) struct CookieJar {
    cookies: Vec<Kept>,
}

#[derive(Clone)]
struct Kept {
    host: String,
    path: String,
    name: String,
    value: String,
}

impl CookieJar {
    /// Takes one `Set-Cookie`. One that has expired deletes.
    pub(super) fn set(&mut self, url: &Url, header: &str) -> Result<(), Failure> {
        let cookie = Cookie::parse(header)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let path = cookie
            .path()
            .filter(|path| path.starts_with('/'))
            .map_or_else(|| default_path(url), str::to_owned);
        self.cookies.retain(|kept| {
            (&kept.host, &kept.path, kept.name.as_str()) != (&host, &path, cookie.name())
        });
        if !expired(&cookie)? {
            let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
            self.cookies.push(Kept {
                host,
                path,
                name,
                value,
            });
        }
        Ok(())
    }

    /// The `Cookie` header for a request, longest paths first.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let mut sent: Vec<&Kept> = self
            .cookies
            .iter()
            .filter(|kept| kept.belongs_to(url))
            .collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = sent
            .iter()
            .map(|kept| format!("{}={}", kept.name, kept.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Kept {
    /// Path matching, RFC 6265 §5.1.4.
    fn belongs_to(&self, url: &Url) -> bool {
        let under = match url.path().strip_prefix(&self.path) {
            Some(rest) => rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'),
            None => false,
        };
        under && url.host_str() == Some(&self.host)
    }
}

/// The folder of the request, RFC 6265 §5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        None | Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a browser lives in real time")]
fn expired(cookie: &Cookie<'_>) -> Result<bool, Failure> {
    if let Some(age) = cookie.max_age() {
        return Ok(!age.is_positive());
    }
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    Ok(cookie
        .expires_datetime()
        .is_some_and(|expires| expires.unix_timestamp() <= now))
}

/// Checks the jar itself.
pub(super) fn check() -> Result<(), Failure> {
    let page = Url::parse("http://127.0.0.1:4000/interaction/one")?;
    let mut jar = CookieJar::default();
    jar.set(&page, "long=1; Path=/interaction/one; HttpOnly; Max-Age=60")?;
    jar.set(
        &page,
        "wide=2; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
    )?;
    jar.set(&page, "folder=3")?;
    ensure!(
        jar.header(&page).as_deref() == Some("long=1; folder=3; wide=2"),
        "{:?}",
        jar.header(&page)
    );
    let other_port = Url::parse("http://127.0.0.1:3000/interactions")?;
    ensure!(
        jar.header(&other_port).as_deref() == Some("wide=2"),
        "{:?}",
        jar.header(&other_port)
    );
    ensure!(
        jar.header(&Url::parse("http://localhost:4000/")?).is_none(),
        "another host got a cookie"
    );
    jar.set(
        &page,
        "wide=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    )?;
    jar.set(&page, "long=; Path=/interaction/one; Max-Age=0")?;
    ensure!(
        jar.header(&page).as_deref() == Some("folder=3"),
        "expired cookies stay"
    );
    Ok(())
}
