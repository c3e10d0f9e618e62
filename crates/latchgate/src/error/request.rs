//! Requests to the gate's own routes that are refused before anything else is looked at.

use std::fmt;

/// Why a request to one of our own routes was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The route does not allow this method.
    Method {
        /// The methods it allows, as an `Allow` header.
        allow: &'static str,
    },
    /// A login was requested by something other than a top-level navigation.
    NotANavigation,
    /// A request that changes something came from another site.
    CrossSite,
    /// The body is missing, too long, or not `application/x-www-form-urlencoded`.
    Body,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method { allow } => write!(f, "this route allows only {allow}"),
            Self::NotANavigation => f.write_str(
                "a login needs a top-level navigation by GET; a fetch, an iframe or a prefetch cannot follow it",
            ),
            Self::CrossSite => f.write_str("the request came from another site"),
            Self::Body => f.write_str(
                "the body must be application/x-www-form-urlencoded and at most 64 KiB long",
            ),
        }
    }
}

impl std::error::Error for RequestError {}

debug_with_causes!(RequestError);
