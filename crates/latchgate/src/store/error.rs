//! What can be wrong with a store.

/// Why a session store failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL cannot be used. The source contains no password.
    #[error("the session store's URL cannot be used")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is full.
    #[error("the session store is full: it holds its limit of {limit} sessions")]
    Full {
        /// The most sessions it holds.
        limit: usize,
    },
    /// The store cannot be reached, or has refused the call.
    #[error("the session store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// A store whose URL cannot be used.
    #[must_use]
    pub fn url(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Url(source.into())
    }

    /// A store that cannot be reached, or has refused the call.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

debug_with_causes!(StoreError);
