//! What a browser is asked to clear when somebody signs out by [OpenID Connect RP-Initiated Logout
//! 1.0 §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout): the header of
//! [Clear Site Data §3.1](https://www.w3.org/TR/clear-site-data/#header).

use http::HeaderValue;

/// A kind of data that a browser keeps for an origin.
///
/// Cookies are not among them: browsers would also remove the application's cookies and those of every
/// host under the registered domain, including the one that recognizes a visitor who comes back from the
/// provider's logout page. The gate removes its own cookies by name.
///
/// Browsers do this on https only, and it may take a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearSiteData {
    /// Cached responses and pages.
    Cache,
    /// `localStorage`, `sessionStorage`, IndexedDB and the like, service workers included.
    Storage,
}

impl ClearSiteData {
    const ALL: [Self; 2] = [Self::Cache, Self::Storage];

    fn as_str(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Storage => "storage",
        }
    }

    /// A list with commas; `None` if a word is not a kind.
    pub(crate) fn parse_list(list: &str) -> Option<Vec<Self>> {
        let kind = |word: &str| Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        list.split(',').map(|word| kind(word.trim())).collect()
    }
}

/// The value of the `Clear-Site-Data` header; `None` where nothing is to be cleared.
pub(crate) fn header(kinds: &[ClearSiteData]) -> Option<HeaderValue> {
    let words = ClearSiteData::ALL
        .iter()
        .filter(|kind| kinds.contains(kind));
    let quoted: Vec<String> = words.map(|kind| format!("\"{}\"", kind.as_str())).collect();
    HeaderValue::try_from(quoted.join(", "))
        .ok()
        .filter(|_| !quoted.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_kinds_becomes_a_header() {
        for (list, expected) in [
            ("cache", Some("\"cache\"")),
            ("storage , cache", Some("\"cache\", \"storage\"")),
            ("cache,cache", Some("\"cache\"")),
            ("cookies", None),
            ("*", None),
            ("cache,", None),
            ("Cache", None),
        ] {
            let parsed = ClearSiteData::parse_list(list);
            let value = parsed.and_then(|kinds| header(&kinds));
            assert_eq!(
                value.as_ref().map(HeaderValue::as_bytes),
                expected.map(str::as_bytes)
            );
        }
        assert_eq!(header(&[]), None);
    }
}
