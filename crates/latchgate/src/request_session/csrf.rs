//! Protection against cross-site request forgery (CSRF): a page of another site must not make a visitor's browser change
//! something in the application with the visitor's session.

use crate::head::RequestHead;
use crate::navigation::Sender;

/// Whose pages may send requests that use a session.
#[derive(Clone, Debug, Default)]
pub(crate) enum Csrf {
    /// Those of any site, as far as the cookie's `SameSite` allows.
    #[default]
    Unchecked,
    /// Those of our own origin, and of these.
    Checked(Vec<String>),
}

/// The headers that only a script can send, and to another origin only if that origin's CORS policy allows it.
const BY_SCRIPT_ONLY: [&str; 2] = ["x-csrf", "x-requested-with"];

impl Csrf {
    /// Whether a request that brings a session may have been caused by a page of another site.
    pub(crate) fn forbids(&self, head: &dyn RequestHead, own_origin: &str) -> bool {
        match self {
            Self::Unchecked => false,
            Self::Checked(trusted) => may_be_forged(head, own_origin, trusted),
        }
    }

    /// The same where it is checked whether or not the application has switched that on.
    pub(crate) fn always_forbids(&self, head: &dyn RequestHead, own_origin: &str) -> bool {
        match self {
            Self::Unchecked => may_be_forged(head, own_origin, &[]),
            checked => checked.forbids(head, own_origin),
        }
    }
}

fn may_be_forged(head: &dyn RequestHead, own_origin: &str, trusted: &[String]) -> bool {
    // A page of any site can open a WebSocket with our cookies, and may then read and write.
    let opens_socket = head
        .first("upgrade")
        .is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    let safe = matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE");
    if safe && !opens_socket {
        return false;
    }
    let origin = head.first("origin");
    if origin.is_some_and(|origin| trusted.iter().any(|trusted| trusted == origin)) {
        return false;
    }
    match Sender::without_referer(head, own_origin) {
        Some(sender) => sender != Sender::Ourselves,
        None => !BY_SCRIPT_ONLY
            .iter()
            .any(|name| head.first(name).is_some_and(|value| !value.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://app.example.com";

    fn forbids(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/orders");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let trusted = vec!["https://admin.example.com".to_owned()];
        Csrf::Checked(trusted).forbids(&request.body(()).unwrap(), OURS)
    }

    #[test]
    fn the_table_of_the_documentation_holds() {
        let site = |site| ("sec-fetch-site", site);
        let origin = |origin| ("origin", origin);
        let socket = ("upgrade", "websocket");
        for (headers, expected) in [
            (vec![site("same-origin")], false),
            (vec![site("none")], false),
            (vec![site("same-site")], true),
            (vec![site("cross-site")], true),
            (vec![site("cross-site"), origin(OURS)], true),
            (vec![site("same-origin"), origin("null")], false),
            (
                vec![site("same-site"), origin("https://admin.example.com")],
                false,
            ),
            (
                vec![
                    site("same-site"),
                    origin("https://admin.example.com.evil.example"),
                ],
                true,
            ),
            (vec![origin(OURS)], false),
            (vec![origin("https://admin.example.com")], false),
            (vec![origin("http://app.example.com")], true),
            (vec![origin("https://app.example.com:8443")], true),
            (vec![origin("null")], true),
            (vec![origin("null"), ("x-csrf", "1")], true),
            (vec![site("cross-site"), ("x-csrf", "1")], true),
            (vec![], true),
            (vec![("x-csrf", "")], true),
            (vec![("x-csrf", "1")], false),
            (vec![("x-requested-with", "XMLHttpRequest")], false),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY", "post"] {
                assert_eq!(forbids(method, &headers), expected, "{method} {headers:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
                assert!(!forbids(method, &headers), "{method} {headers:?}");
                let headers: Vec<_> = headers.iter().copied().chain([socket]).collect();
                assert_eq!(forbids(method, &headers), expected, "{method} {headers:?}");
            }
        }
        assert!(forbids(
            "GET",
            &[site("cross-site"), ("upgrade", "WebSocket")]
        ));
    }

    #[test]
    fn nothing_is_checked_unless_it_is_switched_on() {
        let request = http::Request::post("/orders").header("sec-fetch-site", "cross-site");
        let request = request.body(()).unwrap();
        assert!(!Csrf::Unchecked.forbids(&request, OURS));
        assert!(Csrf::Unchecked.always_forbids(&request, OURS));
        let own = http::Request::post("/orders").header("origin", OURS);
        assert!(!Csrf::Unchecked.always_forbids(&own.body(()).unwrap(), OURS));
    }
}
