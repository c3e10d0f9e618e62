//! Where the access tokens of an API may be sent: only to the API, and over TLS
//! ([RFC 6750 §5.3](https://www.rfc-editor.org/rfc/rfc6750#section-5.3)).

use std::fmt;

use url::{Host, Url};

/// The base URLs of one API, at least one.
#[derive(Clone)]
pub(crate) struct BaseUrls {
    first: Url,
    more: Vec<Url>,
}

/// Whether plain http is acceptable beyond loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    OnLoopback,
    Anywhere,
}

/// Why a URL cannot be the base URL of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// It is not an absolute http or https URL.
    NotAbsolute,
    /// It is plain http, to a host that is not loopback.
    PlainHttp,
    /// It has a user name, a password, a query or a fragment.
    Decorated,
}

impl fmt::Display for BaseUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "is not an absolute URL, such as `https://api.example.com/v1`",
            Self::PlainHttp => {
                "is not https; plain http is accepted on loopback only (127.0.0.1, [::1], localhost)"
            }
            Self::Decorated => "has a user name, a password, a query or a fragment",
        })
    }
}

impl std::error::Error for BaseUrlError {}

impl BaseUrls {
    pub(crate) fn new(first: Url, more: Vec<Url>) -> Self {
        Self { first, more }
    }

    /// The first one, which paths are appended to.
    pub(crate) fn first(&self) -> &Url {
        &self.first
    }

    /// The URL of a path below the first base URL. An absolute URL stays what it is.
    pub(crate) fn join(&self, path: &str) -> String {
        let is_absolute = |scheme: &str| {
            let start = path.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if is_absolute("https://") || is_absolute("http://") {
            return path.to_owned();
        }
        let base = self.first.as_str().trim_end_matches('/');
        match path.trim_start_matches('/') {
            "" => base.to_owned(),
            path if path.starts_with('?') => format!("{base}{path}"),
            path => format!("{base}/{path}"),
        }
    }

    /// Whether a URL belongs to this API: it has the origin of a base URL, and a path at or below its path.
    pub(crate) fn contain(&self, url: &Url) -> bool {
        let undecorated = url.username().is_empty() && url.password().is_none();
        let below = |base: &Url| {
            let rest = url.path().strip_prefix(base.path().trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_in = |base: &Url| url.origin() == base.origin() && below(base);
        undecorated && (is_in(&self.first) || self.more.iter().any(is_in))
    }
}

impl fmt::Debug for BaseUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = std::iter::once(&self.first).chain(&self.more);
        f.debug_list().entries(all.map(Url::as_str)).finish()
    }
}

/// Reads a base URL.
pub(crate) fn base_url(text: &str, plain_http: PlainHttp) -> Result<Url, BaseUrlError> {
    let url = Url::parse(text).map_err(|_| BaseUrlError::NotAbsolute)?;
    match url.scheme() {
        "https" => {}
        "http" if plain_http == PlainHttp::Anywhere || is_loopback(&url) => {}
        "http" => return Err(BaseUrlError::PlainHttp),
        _ => return Err(BaseUrlError::NotAbsolute),
    }
    let undecorated = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match undecorated {
        true => Ok(url),
        false => Err(BaseUrlError::Decorated),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(urls: &[&str]) -> BaseUrls {
        let mut urls = urls
            .iter()
            .map(|url| base_url(url, PlainHttp::OnLoopback).unwrap());
        BaseUrls::new(urls.next().unwrap(), urls.collect())
    }

    #[test]
    fn a_base_url_is_https_or_loopback_and_undecorated() {
        for good in [
            "https://api.example.com",
            "https://api.example.com:8443/v1/",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://localhost",
            "http://api.localhost",
        ] {
            assert!(base_url(good, PlainHttp::OnLoopback).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("/orders", BaseUrlError::NotAbsolute),
            ("api.example.com", BaseUrlError::NotAbsolute),
            ("ftp://api.example.com", BaseUrlError::NotAbsolute),
            ("http://api.example.com", BaseUrlError::PlainHttp),
            ("http://127.0.0.1.example.com", BaseUrlError::PlainHttp),
            ("https://jane@api.example.com", BaseUrlError::Decorated),
            ("https://:pw@api.example.com", BaseUrlError::Decorated),
            ("https://api.example.com/?a=b", BaseUrlError::Decorated),
            ("https://api.example.com/#a", BaseUrlError::Decorated),
        ] {
            assert_eq!(base_url(bad, PlainHttp::OnLoopback), Err(why), "{bad}");
        }
        assert!(base_url("http://orders.svc", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn paths_are_appended_and_absolute_urls_stay() {
        let api = api(&["https://api.example.com/v1/"]);
        for (path, url) in [
            ("/orders", "https://api.example.com/v1/orders"),
            ("orders?page=2", "https://api.example.com/v1/orders?page=2"),
            ("orders:7", "https://api.example.com/v1/orders:7"),
            ("?page=2", "https://api.example.com/v1?page=2"),
            ("", "https://api.example.com/v1"),
            ("/", "https://api.example.com/v1"),
            (
                "@evil.example/",
                "https://api.example.com/v1/@evil.example/",
            ),
            (
                "//evil.example/",
                "https://api.example.com/v1/evil.example/",
            ),
            ("HTTPS://evil.example/", "HTTPS://evil.example/"),
        ] {
            assert_eq!(api.join(path), url);
        }
    }

    #[test]
    fn nothing_else_looks_like_the_api() {
        let api = api(&["https://api.example.com/v1", "https://files.example.com"]);
        let contains = |url: &str| api.contain(&Url::parse(url).unwrap());
        for good in [
            "https://api.example.com/v1",
            "https://API.example.com:443/v1/orders?page=2",
            "https://api.example.com/v1/a/../orders",
            "https://files.example.com/any/where",
        ] {
            assert!(contains(good), "{good}");
        }
        for bad in [
            "http://api.example.com/v1/orders",
            "https://api.example.com:8443/v1/orders",
            "https://api.example.com/v10",
            "https://api.example.com/",
            "https://api.example.com/v1/../admin",
            "https://api.example.com/v1/%2e%2e/admin",
            "https://api.example.com/v1\\..\\..\\admin",
            "https://api.example.com.evil.example/v1/orders",
            "https://api.example.com@evil.example/v1/orders",
            "https://jane:pw@api.example.com/v1/orders",
            "https://jane@api.example.com/v1/orders",
            "https://:pw@api.example.com/v1/orders",
            "https://evil.example/https://api.example.com/v1",
        ] {
            assert!(!contains(bad), "{bad}");
        }
    }
}
