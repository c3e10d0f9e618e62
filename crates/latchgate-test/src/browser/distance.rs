//! How the site of a page relates to that of its link: [Fetch Metadata §2.3](https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header).

use url::Url;

/// `Sec-Fetch-Site`, from the closest to the farthest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Distance {
    /// No page: the URL was typed.
    Typed,
    SameOrigin,
    SameSite,
    Elsewhere,
}

impl Distance {
    pub(super) fn between(initiator: Option<&Url>, target: &Url) -> Self {
        match initiator {
            None => Self::Typed,
            Some(from) if from.origin() == target.origin() => Self::SameOrigin,
            // A host that is an IP address is its own site; ports do not part sites.
            Some(from) if from.host() == target.host() && from.scheme() == target.scheme() => {
                Self::SameSite
            }
            Some(_) => Self::Elsewhere,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Typed => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::Elsewhere => "cross-site",
        }
    }
}
