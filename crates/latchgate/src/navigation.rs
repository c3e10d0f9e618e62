//! Whether a request is a navigation by a person's browser, or made by a program.
//!
//! Only a navigation can be sent to the provider's login page and come back. Everything else (a `fetch`, an XHR, an
//! iframe, a prefetch, a WebSocket handshake, an API client, any unsafe method) gets a status instead.
//!
//! Decided by [Fetch Metadata](https://www.w3.org/TR/fetch-metadata/) where the browser sends it,
//! and by `Accept` and `X-Requested-With` where it does not.

use url::Url;

use crate::head::RequestHead;

/// How a request was made, as far as login is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Navigation {
    /// A top-level navigation: it may start a login.
    TopLevel,
    /// Anything else: it gets a status.
    None,
}

impl Navigation {
    /// Whether a protected page may answer this request with a redirect to the provider.
    pub(crate) fn of(head: &dyn RequestHead) -> Self {
        let safe = matches!(head.method(), "GET" | "HEAD");
        let says_so = head.first("sec-fetch-mode").is_some() || wants_html(head);
        if safe && says_so && may_navigate(head) {
            Self::TopLevel
        } else {
            Self::None
        }
    }

    /// Whether the browser says that this is a top-level navigation by `GET`. For redirects that nobody has asked for.
    pub(crate) fn is_certain(head: &dyn RequestHead) -> bool {
        head.method() == "GET"
            && head.first("sec-fetch-mode") == Some("navigate")
            && head.first("sec-fetch-dest") == Some("document")
            && may_navigate(head)
    }

    /// Whether a request to the login route may start a login, by whatever method. Clients that send none of these
    /// headers may: they requested the route explicitly.
    pub(crate) fn to_login_page(head: &dyn RequestHead) -> Self {
        if may_navigate(head) {
            Self::TopLevel
        } else {
            Self::None
        }
    }
}

/// Whether the client would rather read HTML than JSON.
pub(crate) fn wants_html(head: &dyn RequestHead) -> bool {
    accepts(head, &["text/html", "application/xhtml+xml"])
}

/// Whether the client names JSON among what it can read.
pub(crate) fn accepts_json(head: &dyn RequestHead) -> bool {
    accepts(head, &["application/json"])
}

fn accepts(head: &dyn RequestHead, kinds: &[&str]) -> bool {
    head.first("accept").is_some_and(|accept| {
        accept
            .split(',')
            .filter_map(|range| range.split(';').next())
            .any(|kind| kinds.contains(&kind.trim()))
    })
}

fn may_navigate(head: &dyn RequestHead) -> bool {
    let mode = head.first("sec-fetch-mode");
    let dest = head.first("sec-fetch-dest");
    let top_level = mode.is_none_or(|mode| mode == "navigate")
        && dest.is_none_or(|dest| dest == "document")
        && head.first("x-requested-with").is_none()
        && head.first("upgrade").is_none();
    let prefetch = [
        head.first("sec-purpose"),
        head.first("purpose"),
        head.first("x-moz"),
    ]
    .into_iter()
    .flatten()
    .any(|purpose| purpose.contains("prefetch") || purpose.contains("preview"));
    top_level && !prefetch
}

/// Whether a request that changes something came from a page of ours.
///
/// Decided by the first of `Sec-Fetch-Site`, `Origin` and `Referer` that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of our own origin, or the person themselves (address bar, bookmark).
    Ourselves,
    /// Another site, another subdomain, or another port.
    Foreign,
    /// The client says nothing.
    Unknown,
}

impl Sender {
    /// Who sent the request, seen from `origin` (`https://app.example.com`).
    pub(crate) fn of(head: &dyn RequestHead, origin: &str) -> Self {
        if let Some(sender) = Self::without_referer(head, origin) {
            return sender;
        }
        let Some(page) = head.first("referer") else {
            return Self::Unknown;
        };
        let rest = page.strip_prefix(origin);
        Self::ours(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// The same by `Sec-Fetch-Site` and `Origin` only, if one of them is sent.
    pub(crate) fn without_referer(head: &dyn RequestHead, origin: &str) -> Option<Self> {
        if let Some(site) = head.first("sec-fetch-site") {
            return Some(Self::ours(matches!(site, "same-origin" | "none")));
        }
        head.first("origin")
            .map(|sender| Self::ours(sender == origin))
    }

    fn ours(same: bool) -> Self {
        if same { Self::Ourselves } else { Self::Foreign }
    }
}

/// Whether the request fills a frame, and on a page of which origin, as far as the browser says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    in_a_frame: Option<bool>,
    page: Option<String>,
}

impl Framing {
    pub(crate) fn of(head: &dyn RequestHead) -> Self {
        let dest = head.first("sec-fetch-dest");
        let page = head.first("referer").map(|page| match Url::parse(page) {
            Ok(page) => page.origin().ascii_serialization(),
            Err(_) => String::new(),
        });
        Self {
            in_a_frame: dest.map(|dest| matches!(dest, "iframe" | "frame")),
            page,
        }
    }

    /// Whether the request fills a frame on a page of one of these origins. A page that hides its origin is accepted if
    /// the browser says that there is a frame.
    pub(crate) fn is_by_one_of(&self, origins: &[String]) -> bool {
        match (self.in_a_frame, &self.page) {
            (Some(false), _) | (None, None) => false,
            (Some(true), None) => true,
            (_, Some(page)) => origins.contains(page),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> http::Request<()> {
        let mut request = http::Request::builder().method(method).uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn only_top_level_navigations_by_safe_methods_may_start_a_login() {
        let html = ("accept", "text/html,application/xhtml+xml;q=0.9");
        let navigate = ("sec-fetch-mode", "navigate");
        for (method, headers, expected) in [
            ("GET", vec![html], Navigation::TopLevel),
            ("HEAD", vec![html], Navigation::TopLevel),
            (
                "GET",
                vec![navigate, ("sec-fetch-dest", "document")],
                Navigation::TopLevel,
            ),
            ("GET", vec![], Navigation::None),
            (
                "GET",
                vec![("accept", "application/json")],
                Navigation::None,
            ),
            ("GET", vec![("accept", "*/*")], Navigation::None),
            ("POST", vec![html, navigate], Navigation::None),
            ("DELETE", vec![html], Navigation::None),
            ("OPTIONS", vec![html], Navigation::None),
            (
                "GET",
                vec![html, ("sec-fetch-mode", "cors")],
                Navigation::None,
            ),
            (
                "GET",
                vec![html, ("x-requested-with", "XMLHttpRequest")],
                Navigation::None,
            ),
            (
                "GET",
                vec![html, navigate, ("sec-fetch-dest", "iframe")],
                Navigation::None,
            ),
            (
                "GET",
                vec![html, navigate, ("sec-purpose", "prefetch;prerender")],
                Navigation::None,
            ),
            ("GET", vec![html, ("purpose", "prefetch")], Navigation::None),
            (
                "GET",
                vec![html, ("upgrade", "websocket")],
                Navigation::None,
            ),
        ] {
            let request = request(method, &headers);
            assert_eq!(Navigation::of(&request), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn only_a_browser_that_says_so_is_certain_to_navigate() {
        let navigate = ("sec-fetch-mode", "navigate");
        let document = ("sec-fetch-dest", "document");
        let certain =
            |method, headers: &[(&str, &str)]| Navigation::is_certain(&request(method, headers));
        assert!(certain("GET", &[navigate, document]));
        for (method, headers) in [
            ("HEAD", vec![navigate, document]),
            ("POST", vec![navigate, document]),
            ("GET", vec![("accept", "text/html")]),
            ("GET", vec![navigate]),
            ("GET", vec![document]),
            ("GET", vec![navigate, ("sec-fetch-dest", "iframe")]),
            ("GET", vec![navigate, document, ("sec-purpose", "prefetch")]),
        ] {
            assert!(!certain(method, &headers), "{method} {headers:?}");
        }
    }

    #[test]
    fn the_sender_is_told_by_the_strongest_header_there_is() {
        let origin = "https://app.example.com";
        for (headers, expected) in [
            (vec![("sec-fetch-site", "same-origin")], Sender::Ourselves),
            (vec![("sec-fetch-site", "none")], Sender::Ourselves),
            (vec![("sec-fetch-site", "same-site")], Sender::Foreign),
            (
                vec![("sec-fetch-site", "cross-site"), ("origin", origin)],
                Sender::Foreign,
            ),
            (vec![("origin", origin)], Sender::Ourselves),
            (vec![("origin", "null")], Sender::Foreign),
            (
                vec![("origin", "https://app.example.com.evil.test")],
                Sender::Foreign,
            ),
            (
                vec![("referer", "https://app.example.com/x")],
                Sender::Ourselves,
            ),
            (
                vec![("referer", "https://app.example.com.evil.test/")],
                Sender::Foreign,
            ),
            (vec![], Sender::Unknown),
        ] {
            assert_eq!(
                Sender::of(&request("POST", &headers), origin),
                expected,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_frame_is_told_by_its_destination_and_its_page_by_the_referer() {
        let origins = ["https://op.example".to_owned()];
        let iframe = ("sec-fetch-dest", "iframe");
        let document = ("sec-fetch-dest", "document");
        let provider = ("referer", "https://op.example/end_session?x=1");
        let other = ("referer", "https://op.example.evil.test/");
        for (headers, expected) in [
            (vec![iframe], true),
            (vec![("sec-fetch-dest", "frame")], true),
            (vec![iframe, provider], true),
            (vec![provider], true),
            (vec![iframe, other], false),
            (vec![other], false),
            (vec![iframe, ("referer", "not a URL")], false),
            (vec![document], false),
            (vec![document, provider], false),
            (vec![("sec-fetch-dest", "image"), provider], false),
            (vec![], false),
        ] {
            let framing = Framing::of(&request("GET", &headers));
            assert_eq!(framing.is_by_one_of(&origins), expected, "{headers:?}");
        }
    }
}
