//! What can be wrong with a store.

use std::fmt;

/// Why a session store failed.
#[non_exhaustive]
pub enum StoreError {
    /// The URL cannot be used. The source contains no password.
    Url(Box<dyn std::error::Error + Send + Sync>),
    /// The store is full.
    Full {
        /// The most sessions it holds.
        limit: usize,
    },
    /// The store cannot be reached, or has refused the call.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
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

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { limit } => write!(
                f,
                "the session store is full: it holds its limit of {limit} sessions"
            ),
            Self::Unavailable(_) => f.write_str("the session store is unavailable"),
            Self::Url(_) => f.write_str("the session store's URL cannot be used"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(source) | Self::Url(source) => Some(source.as_ref()),
            Self::Full { .. } => None,
        }
    }
}

debug_with_causes!(StoreError);
