//! Where the visitor goes after login: a path on our own site, and nothing else.
//!
//! The text comes from a query string, so anyone can write it. Browsers read a `Location` by the [WHATWG URL
//! Standard](https://url.spec.whatwg.org/#url-parsing), which drops tabs and newlines, takes `\` for `/` and resolves
//! `.` and `%2e` segments *before* it looks for a host. A check on the text alone is therefore not enough:
//! [`ReturnTo::parse`] resolves the text the way a browser does, and returns exactly what it has checked.

use std::sync::LazyLock;

use url::{Position, Url};

/// A placeholder for whatever site a path is resolved on.
static SITE: LazyLock<Option<Url>> =
    LazyLock::new(|| Url::parse("https://return-to.invalid/").ok());

/// A same-origin path with its query and fragment, ready for a `Location` header.
///
/// Holding one means that it resolves to the origin it is sent from, whatever that origin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The longest accepted path with query and fragment, in bytes, before and after normalisation.
    pub const MAX_LEN: usize = 2048;

    /// The front page, `/`: the default, and the replacement for a path that was refused.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Parses and normalises `path[?query][#fragment]`. `None` if it is not acceptable.
    ///
    /// Accepted is printable ASCII without `\`, up to [`MAX_LEN`](Self::MAX_LEN) bytes, which
    /// starts with exactly one `/` both as written and once dot segments are resolved:
    /// `/.//evil.example` names a path in one reading and a host in the next, so it is refused.
    ///
    /// ```
    /// use latchgate::ReturnTo;
    ///
    /// let return_to = ReturnTo::parse("/invoices/./7?page=2#total");
    /// assert_eq!(return_to.as_ref().map(ReturnTo::as_str), Some("/invoices/7?page=2#total"));
    /// assert_eq!(ReturnTo::parse("//evil.example/invoices"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let normal = resolve(text)?;
        // What it resolves to must be a place where resolving ends.
        (normal == text || resolve(&normal)? == normal).then_some(Self(normal))
    }

    /// The path with query and fragment; starts with one `/` and is printable ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Resolves a path that looks safe on the placeholder site, and returns it if it stays there.
fn resolve(text: &str) -> Option<String> {
    if !is_plain_path(text) {
        return None;
    }
    let site = SITE.as_ref()?;
    let there = site.join(text).ok()?;
    let stayed = there.origin() == site.origin()
        && there.username().is_empty()
        && there.password().is_none();
    stayed.then(|| there[Position::BeforePath..].to_owned())
}

/// Whether the text, character by character, is a path without a host in front of it.
fn is_plain_path(text: &str) -> bool {
    text.len() <= ReturnTo::MAX_LEN
        && text.starts_with('/')
        && !text.starts_with("//")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_pass_unchanged() {
        for path in [
            "/",
            "/me",
            "/a/b/?q=1&r=%20#top",
            "/x?next=https://other.example/",
            "/x?redirect_uri=https://evil.example&scope=admin",
            "/@user",
            "/a:b",
            "/%2f%2fevil.example",
            "/%5cevil.example",
            "/%09/evil.example",
            "/a//b",
            "/?//x",
            "/#//x",
        ] {
            assert_eq!(
                ReturnTo::parse(path).as_ref().map(ReturnTo::as_str),
                Some(path)
            );
        }
    }

    #[test]
    fn dot_segments_are_resolved() {
        assert_eq!(
            ReturnTo::parse("/a/../b/./c"),
            Some(ReturnTo("/b/c".to_owned()))
        );
        assert_eq!(ReturnTo::parse("/../.."), Some(ReturnTo::root()));
    }

    #[test]
    fn other_places_are_refused() {
        for text in [
            "",
            " ",
            "me",
            "?a=b",
            "#x",
            ".",
            "..",
            "//",
            "//evil.example",
            "//return-to.invalid/x",
            "/\\return-to.invalid/x",
            "/a\\b",
            "//evil.example/x",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            "/x\r\nSet-Cookie: a=b",
            " /x",
            " //evil.example",
            "/ /evil.example",
            "/ \\evil.example",
            "/x y",
            "/.//evil.example",
            "/./\\evil.example",
            "/../\\evil.example",
            "/..//evil.example",
            "/x/..//evil.example",
            "/x/.././/evil.example",
            "/%2e//evil.example",
            "/%2E%2e//evil.example",
            "/x/%2e%2e//evil.example",
            "/.//",
            "https://app@evil.example/",
            "https://return-to.invalid/x",
            "https:/x",
            "https:x",
            "http://",
            "http:///evil.example",
            "[::1",
            "evil.example",
            "evil.example/x",
            "app.example.evil.example",
            ".example.com",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "/\u{0}",
            "/\u{7f}",
            "/\u{b}/evil.example",
            "/\u{a0}/evil.example",
            "/\u{2028}x",
            "/ü",
            "/\u{ff0f}evil.example",
            "\u{feff}/x",
            "http://ex\u{e4}mple.example",
        ] {
            assert_eq!(ReturnTo::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn length_is_limited_before_and_after_normalisation() {
        let longest = format!("/{}", "a".repeat(ReturnTo::MAX_LEN - 1));
        assert!(ReturnTo::parse(&longest).is_some());
        assert_eq!(ReturnTo::parse(&format!("{longest}a")), None);
        assert_eq!(
            ReturnTo::parse(&format!("/{}", "\"".repeat(ReturnTo::MAX_LEN - 1))),
            None
        );
        assert_eq!(ReturnTo::parse(&"/".repeat(65_536)), None);
    }

    fn stays(text: &str) {
        let Some(way_back) = ReturnTo::parse(text) else {
            return;
        };
        let app = Url::parse("https://app.example/login?x=y").unwrap();
        let there = app.join(way_back.as_str()).unwrap();
        assert_eq!(there.origin(), app.origin(), "{text:?} became {way_back:?}");
        assert_eq!(&there[Position::BeforePath..], way_back.as_str());
        assert_eq!(ReturnTo::parse(way_back.as_str()), Some(way_back));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_stays_on_the_origin(text in any::<String>()) {
            stays(&text);
            stays(&format!("/{text}"));
        }

        #[test]
        fn crafted_text_stays_on_the_origin(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "/", "\\", ".", "..", "%2e", "%2E", "%2f", "%5c", "%00", "%09", "\t", "\n", "\r", " ", "@", ":", "?", "#",
                    "[", "]", ";", "evil.example", "https", "x", "\"", "|", "^", "\u{ff0f}",
                ]),
                0..12,
            )
        ) {
            stays(&parts.concat());
            stays(&format!("/{}", parts.concat()));
        }
    }
}
