//! What counts as loopback ([RFC 8252 §7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)): the provider lives there and
//! nowhere else.

use http::HeaderMap;
use url::{Host, Url};

/// Whether a URI is an `http` or `https` URI on this machine, without credentials or fragment.
pub(crate) fn is_loopback_uri(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    matches!(url.scheme(), "http" | "https")
        && is_loopback_host(url.host())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

/// Whether a request was addressed to this machine. A web page that points its own host name at 127.0.0.1 (DNS rebinding)
/// is refused.
pub(crate) fn is_addressed_to_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(http::header::HOST) else {
        return true;
    };
    host.to_str()
        .ok()
        .and_then(|host| Url::parse(&format!("http://{host}/")).ok())
        .is_some_and(|url| is_loopback_host(url.host()))
}

fn is_loopback_host(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback_uri;

    #[test]
    fn loopback_uris_are_told_from_others() {
        for uri in [
            "http://127.0.0.1:3000/callback",
            "http://localhost/callback?x=1",
            "http://[::1]:3000/",
        ] {
            assert!(is_loopback_uri(uri), "{uri}");
        }
        for uri in [
            "http://example.com/callback",
            "http://127.0.0.1@example.com/",
            "http://localhost.example.com/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1/#fragment",
            "javascript:alert(1)",
            "/callback",
        ] {
            assert!(!is_loopback_uri(uri), "{uri}");
        }
    }
}
