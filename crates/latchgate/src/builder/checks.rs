//! Checks before a gate is built: the base URL, the routes, the keys, the cookie name.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::config::{Mistakes, Problem};
use crate::cookie::Transport;
use crate::gate::{Base, BasePath, Evidence, Route, Routes};
use crate::io::Random;
use crate::provider::{Issuer, is_https_or_loopback};
use crate::return_to::ReturnTo;
use crate::seal::{KeyError, KeyRing, SessionKey};

/// The routes as configured, relative to the base URL.
pub(super) struct Paths {
    pub(super) login: String,
    pub(super) initiate_login: Option<String>,
    pub(super) callback: String,
    pub(super) session: Option<String>,
    pub(super) logout: String,
    pub(super) back_channel_logout: String,
    pub(super) front_channel_logout: String,
    pub(super) after_logout: String,
    pub(super) sign_in_page: Option<String>,
    pub(super) arrives: BasePath,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            login: "/login".to_owned(),
            initiate_login: None,
            callback: "/callback".to_owned(),
            session: None,
            logout: "/logout".to_owned(),
            back_channel_logout: "/backchannel-logout".to_owned(),
            front_channel_logout: "/frontchannel-logout".to_owned(),
            after_logout: "/".to_owned(),
            sign_in_page: None,
            arrives: BasePath::default(),
        }
    }
}

impl Paths {
    /// The routes below the base URL, for providers with these names. Errors are added to `mistakes`.
    pub(super) fn routes(
        self,
        base: &Base,
        names: Vec<String>,
        of_tenants: bool,
        mistakes: &mut Mistakes,
    ) -> Routes {
        if base.path.ends_with(&self.callback) && !self.callback.is_empty() {
            mistakes.add("base_url", Problem::CallbackUrl);
        }
        let mut complete = |setting, path: String| {
            let plain = ReturnTo::parse(&path).is_some_and(|parsed| parsed.as_str() == path);
            if !plain || path.contains(['?', '#']) {
                mistakes.add(setting, Problem::Path);
            }
            format!("{}{path}", base.path)
        };
        let routes = Routes {
            login: complete("login_path", self.login),
            initiate_login: self
                .initiate_login
                .map(|path| complete("initiate_login_path", path)),
            callback: complete("callback_path", self.callback),
            session: self.session.map(|path| complete("session_path", path)),
            logout: complete("logout_path", self.logout),
            back_channel_logout: complete("backchannel_logout_path", self.back_channel_logout),
            front_channel_logout: complete("frontchannel_logout_path", self.front_channel_logout),
            after_logout: complete("after_logout_path", self.after_logout),
            sign_in_page: self.sign_in_page.map(|page| complete("sign_in_page", page)),
            names,
            of_tenants,
            evidence: Evidence::default(),
        };
        let all: Vec<_> = routes.all().collect();
        let shared = |path: &str| {
            let own = |name: &String| {
                let of_providers = [&routes.login, &routes.callback];
                of_providers
                    .iter()
                    .any(|above| format!("{above}/{name}") == path)
            };
            all.iter().filter(|(_, other)| *other == path).count() > 1
                || routes.names.iter().any(own)
        };
        // Of the two, the one that is more rarely set is named.
        if let Some((route, _)) = all.iter().rev().find(|(_, path)| shared(path)) {
            mistakes.add(route.setting(), Problem::Collision);
        }
        let own_page = routes
            .sign_in_page
            .as_deref()
            .and_then(|page| routes.at(page));
        if own_page.is_some_and(Route::is_ours) {
            mistakes.add("sign_in_page", Problem::Collision);
        }
        routes
    }
}

/// The issuer, spelled as it spells itself.
pub(super) fn issuer(text: &str) -> Result<Issuer, Problem> {
    match text.trim() {
        "" => Err(Problem::Missing),
        _ => Issuer::parse(text).map_err(Problem::Issuer),
    }
}

/// The seconds by which other clocks may be off.
pub(super) fn leeway(leeway: Duration, mistakes: &mut Mistakes) -> u64 {
    if leeway > Duration::from_secs(60) {
        mistakes.add("leeway", Problem::Leeway);
    }
    leeway.as_secs()
}

pub(super) fn base(text: &str) -> Result<(Base, Transport), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::Missing);
    }
    // `localhost:3000` parses, with the scheme `localhost`.
    let Some(url) = Url::parse(text).ok().filter(Url::has_host) else {
        return Err(Problem::NotAUrl);
    };
    if !is_https_or_loopback(&url) {
        return Err(Problem::NotHttps);
    }
    let decorated = url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some();
    if decorated {
        return Err(Problem::Decorated);
    }
    let transport = if url.scheme() == "https" {
        Transport::Https
    } else {
        Transport::LoopbackHttp
    };
    let base = Base {
        origin: url.origin().ascii_serialization(),
        path: url.path().trim_end_matches('/').to_owned(),
        arrives: BasePath::default(),
    };
    Ok((base, transport))
}

/// A stand-in for a wrong base URL, while the rest is checked.
pub(super) fn loopback() -> (Base, Transport) {
    let base = Base {
        origin: "http://localhost".to_owned(),
        path: String::new(),
        arrives: BasePath::default(),
    };
    (base, Transport::LoopbackHttp)
}

/// The given keys, if they can be used; on loopback there may be none.
pub(super) fn session_keys(
    given: Vec<SessionKey>,
    transport: Transport,
) -> Result<Vec<SessionKey>, Problem> {
    if given.is_empty() && transport == Transport::Https {
        return Err(Problem::NoSessionKeys);
    }
    match given.iter().position(SessionKey::is_guessable) {
        None => Ok(given),
        Some(place) => Err(Problem::Key {
            position: place + 1,
            problem: KeyError::Guessable,
        }),
    }
}

/// A random key that is lost when the process ends.
pub(super) fn temporary_key(random: &dyn Random) -> Result<SessionKey, Problem> {
    let drawn = random.array().map_err(Problem::Random)?;
    Ok(SessionKey::from_bytes(drawn))
}

/// What seals with these keys, for one base URL.
pub(super) fn key_ring(keys: &[SessionKey], base: &Base) -> Result<Arc<KeyRing>, Problem> {
    let ring = KeyRing::new(keys, &[&base.origin]);
    ring.map(Arc::new).ok_or(Problem::Missing)
}

/// The longest name a session cookie may have, without its prefix.
const LONGEST_COOKIE_NAME: usize = 64;

/// The default name of the session cookie: `latchgate`, with the port and path of the base URL, because
/// browsers send a cookie to every port of its host, and ours to every path.
///
/// No two base URLs of one host share a name, and the session cookie of one is never named like the
/// login cookie of another: a port becomes `-` and digits; in the path, `/` becomes `_`, `-` is doubled,
/// and anything but letters and digits becomes `~` and two hexadecimal digits.
fn default_cookie_name(base: &Base) -> Result<String, Problem> {
    let mut name = "latchgate".to_owned();
    let port = Url::parse(&base.origin).ok().and_then(|url| url.port());
    if let Some(port) = port {
        name.push_str(&format!("-{port}"));
    }
    for byte in base.path.bytes() {
        match byte {
            b'/' => name.push('_'),
            b'-' => name.push_str("--"),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => name.push_str(&format!("~{byte:02x}")),
        }
    }
    if name.len() > LONGEST_COOKIE_NAME {
        return Err(Problem::LongBaseUrl);
    }
    Ok(name)
}

/// The session cookie's name, as it was set or derived from the base URL.
pub(super) fn cookie_name(set: Option<String>, base: &Base) -> Result<String, Problem> {
    match set {
        Some(name) if is_cookie_name(&name) => Ok(name),
        Some(_) => Err(Problem::CookieName),
        None => default_cookie_name(base),
    }
}

fn is_cookie_name(name: &str) -> bool {
    (1..=LONGEST_COOKIE_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(base_url: &str) -> String {
        default_cookie_name(&base(base_url).unwrap().0).unwrap()
    }

    #[test]
    fn the_cookies_name_comes_from_port_and_path() {
        for (base_url, expected) in [
            ("https://app.example.com", "latchgate"),
            ("https://app.example.com/", "latchgate"),
            ("https://app.example.com:443", "latchgate"),
            ("https://app.example.com:8443", "latchgate-8443"),
            ("http://localhost", "latchgate"),
            ("http://localhost:3000", "latchgate-3000"),
            ("http://[::1]:3000/shop/", "latchgate-3000_shop"),
            ("https://app.example.com/shop", "latchgate_shop"),
            ("https://app.example.com/my-shop", "latchgate_my--shop"),
            ("https://app.example.com/a/b", "latchgate_a_b"),
            (
                "https://app.example.com/caf\u{e9}",
                "latchgate_caf~25C3~25A9",
            ),
        ] {
            assert_eq!(name(base_url), expected, "{base_url}");
        }
    }

    /// The session cookies of one host, and what the login and logout cookies there begin with.
    #[test]
    fn no_two_base_urls_of_a_host_share_a_cookie() {
        let paths = [
            "",
            "/a",
            "/A",
            "/a/b",
            "/a-b",
            "/a_b",
            "/a--b",
            "/a~b",
            "/a.b",
            "/a~2fb",
            "/a/-b",
            "/a-/b",
            "/a//b",
            "/ab",
            "/-login",
            "/-visitor",
            "/visitor",
            "/login",
            "/a/login",
            "/a-login",
            "/a/-login",
            "/a--login",
            "/3000",
            "/-3000",
            "/a%2fb",
            "/a%2Fb",
            "/a%2Db",
        ];
        let mut taken = std::collections::BTreeMap::new();
        for origin in ["https://app.example.com", "https://app.example.com:3000"] {
            for path in paths {
                let base_url = format!("{origin}{path}");
                let session = name(&base_url);
                let others = ["-login", "-logout", "-silent", "-visitor"]
                    .map(|kind| format!("{session}{kind}"));
                for name in std::iter::once(session).chain(others) {
                    let before = taken.insert(name.clone(), base_url.clone());
                    assert_eq!(before, None, "{name} of {base_url}");
                }
            }
        }
    }

    #[test]
    fn a_long_path_needs_a_name_of_its_own() {
        let (base, _) = base(&format!("https://app.example.com/{}", "a".repeat(55))).unwrap();
        let error = default_cookie_name(&base).unwrap_err();
        assert!(matches!(error, Problem::LongBaseUrl), "{error}");
        assert!(error.to_string().contains("set it yourself"), "{error}");
    }
}
