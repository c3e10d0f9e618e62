//! Why a visitor's data cannot be stored.

use std::fmt;

/// Why the application's data for a visitor cannot be stored.
#[non_exhaustive]
pub enum VisitorError {
    /// All values together are too large.
    TooLarge {
        /// The size that they would have, in bytes.
        bytes: usize,
        /// The largest permitted size, in bytes.
        limit: usize,
    },
    /// The value cannot be written as JSON.
    NotJson(Box<dyn std::error::Error + Send + Sync>),
    /// A page of another site has sent the request, by a method that is not safe: the browser has kept back the visitor's
    /// data, which the response would overwrite.
    CrossSite,
}

impl fmt::Display for VisitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => write!(
                f,
                "the visitor's data would have {bytes} bytes, but a cookie holds at most {limit}; keep the data in a database, and only its key here"
            ),
            Self::NotJson(_) => f.write_str("the visitor's data cannot be written as JSON"),
            Self::CrossSite => f.write_str(
                "a page of another site sent the request, so the browser withheld the visitor's data, and a change would overwrite it; redirect to a page of the application (303) and change it there, or trust the site (`csrf_protection`, `trusted_origins`)",
            ),
        }
    }
}

impl std::error::Error for VisitorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotJson(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

debug_with_causes!(VisitorError);
