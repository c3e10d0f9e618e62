//! Why a visitor's data cannot be stored.

/// Why the application's data for a visitor cannot be stored.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum VisitorError {
    /// All values together are too large.
    #[error(
        "the visitor's data would have {bytes} bytes, but a cookie holds at most {limit}; keep the data in a database, and only its key here"
    )]
    TooLarge {
        /// The size that they would have, in bytes.
        bytes: usize,
        /// The largest permitted size, in bytes.
        limit: usize,
    },
    /// The value cannot be written as JSON.
    #[error("the visitor's data cannot be written as JSON")]
    NotJson(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A page of another site has sent the request, by a method that is not safe: the browser has kept back the visitor's
    /// data, which the response would overwrite.
    #[error(
        "a page of another site sent the request, so the browser withheld the visitor's data, and a change would overwrite it; redirect to a page of the application (303) and change it there, or trust the site (`csrf_protection`, `trusted_origins`)"
    )]
    CrossSite,
}

debug_with_causes!(VisitorError);
