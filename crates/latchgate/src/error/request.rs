//! Requests to the gate's own routes that are refused before anything else is looked at.

/// Why a request to one of our own routes was refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The route does not allow this method.
    #[error("this route allows only {allow}")]
    Method {
        /// The methods it allows, as an `Allow` header.
        allow: &'static str,
    },
    /// A login was requested by something other than a top-level navigation.
    #[error(
        "a login needs a top-level navigation by GET; a fetch, an iframe or a prefetch cannot follow it"
    )]
    NotANavigation,
    /// A request that changes something came from another site.
    #[error("the request came from another site")]
    CrossSite,
    /// The body is missing, too long, or not `application/x-www-form-urlencoded`.
    #[error("the body must be application/x-www-form-urlencoded and at most 64 KiB long")]
    Body,
}

debug_with_causes!(RequestError);
