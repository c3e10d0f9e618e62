//! A cookie jar, [RFC 6265bis §5](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis): cookies belong to a
//! host and a path. Ports make no difference, so the provider and the application on 127.0.0.1 share cookies, as in a browser.
//!
//! It is as strict as Chromium about what it accepts (name prefixes, 4096 bytes), and drops nothing by itself: an
//! application has to cope with browsers that keep a cookie beyond its `Max-Age`.

use cookie::{Cookie, SameSite};
use url::{Host, Url};

use super::BrowserError;

/// A cookie of more bytes than this, name and value together, is dropped by browsers.
const LARGEST: usize = 4096;

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
    secure: bool,
    same_site: SameSite,
    /// It is kept when the browser is closed.
    lasting: bool,
}

/// How a request is sent, which decides about its cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// By a page of the same site, by the person, or by a link.
    Freely,
    /// By a form of another site.
    AcrossSites,
}

impl CookieJar {
    /// Takes one `Set-Cookie`. One that has expired removes the cookie; one that a browser would refuse is ignored.
    pub(super) fn set(&mut self, url: &Url, header: &str) -> Result<(), BrowserError> {
        let cookie = Cookie::parse(header)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let path = cookie
            .path()
            .filter(|path| path.starts_with('/'))
            .map_or_else(|| default_path(url), str::to_owned);
        let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
        let secure = cookie.secure().unwrap_or_default();
        let same_site = cookie.same_site().unwrap_or(SameSite::Lax);
        let host_prefix =
            name.starts_with("__Host-") && !(secure && path == "/" && cookie.domain().is_none());
        let nowhere_secure = secure && !is_secure(url);
        let unsafe_none = same_site == SameSite::None && !secure;
        if host_prefix || nowhere_secure || unsafe_none || name.len() + value.len() > LARGEST {
            return Ok(());
        }
        self.cookies
            .retain(|kept| (&kept.host, &kept.path, &kept.name) != (&host, &path, &name));
        let lasting = cookie.max_age().is_some() || cookie.expires_datetime().is_some();
        if !expired(&cookie) {
            self.cookies.push(Kept {
                host,
                path,
                name,
                value,
                secure,
                same_site,
                lasting,
            });
        }
        Ok(())
    }

    /// The `Cookie` header for a request, longest paths first.
    pub(super) fn header(&self, url: &Url, how: Sent) -> Option<String> {
        let mut sent: Vec<&Kept> = self
            .cookies
            .iter()
            .filter(|kept| kept.belongs_to(url))
            .filter(|kept| how == Sent::Freely || kept.same_site == SameSite::None)
            .collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<String> = sent
            .iter()
            .map(|kept| format!("{}={}", kept.name, kept.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Names and values of what a request to `url` would carry.
    pub(super) fn seen_by(&self, url: &Url) -> Vec<(String, String)> {
        let sent = self.cookies.iter().filter(|kept| kept.belongs_to(url));
        sent.map(|kept| (kept.name.clone(), kept.value.clone()))
            .collect()
    }

    /// Puts a cookie in, even if a browser would refuse it.
    pub(super) fn plant(&mut self, url: &Url, name: &str, value: &str) {
        self.remove(url, name);
        self.cookies.push(Kept {
            host: url.host_str().unwrap_or_default().to_owned(),
            path: "/".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            secure: url.scheme() == "https",
            same_site: SameSite::Lax,
            lasting: true,
        });
    }

    /// Drops what a browser drops when it is closed.
    pub(super) fn close(&mut self) {
        self.cookies.retain(|kept| kept.lasting);
    }

    /// Takes a cookie of a host out.
    pub(super) fn remove(&mut self, url: &Url, name: &str) {
        let host = url.host_str().unwrap_or_default();
        self.cookies
            .retain(|kept| kept.name != name || kept.host != host);
    }
}

impl Kept {
    /// Path matching, RFC 6265 §5.1.4.
    fn belongs_to(&self, url: &Url) -> bool {
        let under = match url.path().strip_prefix(&self.path) {
            Some(rest) => rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'),
            None => false,
        };
        under && url.host_str() == Some(&self.host) && (!self.secure || is_secure(url))
    }
}

/// Whether `Secure` cookies go there. Chromium and Firefox send them to this machine without TLS, too.
fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    loopback || url.scheme() == "https"
}

/// The folder of the request, RFC 6265 §5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        None | Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

/// Whether it removes the cookie. Any date but the epoch is taken for one in the future.
fn expired(cookie: &Cookie<'_>) -> bool {
    match cookie.max_age() {
        Some(age) => !age.is_positive(),
        None => cookie
            .expires_datetime()
            .is_some_and(|expires| expires.year() <= 1970),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn cookies_go_where_they_came_from() {
        let page = url("http://127.0.0.1:4000/interaction/one");
        let mut jar = CookieJar::default();
        for cookie in [
            "long=1; Path=/interaction/one; HttpOnly; Max-Age=60",
            "wide=2; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
            "folder=3",
        ] {
            jar.set(&page, cookie).unwrap();
        }
        let sent = |jar: &CookieJar, to: &str| jar.header(&url(to), Sent::Freely);
        assert_eq!(
            sent(&jar, page.as_str()).as_deref(),
            Some("long=1; folder=3; wide=2")
        );
        let other_port = "http://127.0.0.1:3000/interactions";
        assert_eq!(sent(&jar, other_port).as_deref(), Some("wide=2"));
        assert_eq!(sent(&jar, "http://localhost:4000/"), None);
        jar.close();
        assert_eq!(sent(&jar, page.as_str()).as_deref(), Some("long=1; wide=2"));
        jar.set(&page, "folder=3").unwrap();
        jar.set(
            &page,
            "wide=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        )
        .unwrap();
        jar.set(&page, "long=; Path=/interaction/one; Max-Age=0")
            .unwrap();
        assert_eq!(sent(&jar, page.as_str()).as_deref(), Some("folder=3"));
    }

    #[test]
    fn cookies_that_browsers_refuse_are_refused() {
        let site = url("https://app.example.com/");
        let mut jar = CookieJar::default();
        jar.set(&site, "__Host-a=1; Path=/").unwrap();
        jar.set(&site, "__Host-a=1; Secure; Path=/sub").unwrap();
        jar.set(&site, &format!("long={}", "x".repeat(LARGEST)))
            .unwrap();
        jar.set(&site, "open=1; SameSite=None").unwrap();
        jar.set(&url("http://app.example.com/"), "plain=1; Secure")
            .unwrap();
        assert_eq!(jar.header(&site, Sent::Freely), None);
        jar.set(&site, "__Host-a=1; Secure; Path=/").unwrap();
        jar.set(&site, "b=2; Secure; SameSite=None").unwrap();
        assert_eq!(
            jar.header(&site, Sent::Freely).as_deref(),
            Some("__Host-a=1; b=2")
        );
        assert_eq!(jar.header(&site, Sent::AcrossSites).as_deref(), Some("b=2"));
        let here = url("http://localhost:3000/");
        jar.set(&here, "here=1; Secure").unwrap();
        assert_eq!(jar.header(&here, Sent::Freely).as_deref(), Some("here=1"));
    }
}
