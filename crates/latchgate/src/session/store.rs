//! The store door: where sessions lie that do not travel in the cookie.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// What the methods of [`SessionStore`] return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A session as a store sees it: sealed bytes it cannot open.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The sealed session.
    pub sealed: Vec<u8>,
    /// Grows with every token refresh; [`SessionStore::replace`] compares it.
    pub generation: u32,
    /// When the record may be forgotten, in seconds since the epoch.
    pub expires_at: u64,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRecord")
            .field("bytes", &self.sealed.len())
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Keeps sessions under the hash of their id. Times are arguments: a store asks no clock.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// The record under `key`, unless it has expired at `now`.
    fn load<'a>(&'a self, key: &'a [u8; 32], now: u64) -> StoreFuture<'a, Option<StoredRecord>>;

    /// Adds a record under a key that was never used before.
    fn insert<'a>(
        &'a self,
        key: &'a [u8; 32],
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, ()>;

    /// Replaces the record under `key` if it is there with exactly the generation `expected`.
    /// `false` when it is not: somebody else was faster, or the session has ended meanwhile.
    fn replace<'a>(
        &'a self,
        key: &'a [u8; 32],
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Removes the record under `key`, if it is there.
    fn remove<'a>(&'a self, key: &'a [u8; 32]) -> StoreFuture<'a, ()>;
}

/// The store failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// It holds as many sessions as it may.
    Full {
        /// How many that is.
        limit: usize,
    },
    /// It could not be reached or refused.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { limit } => write!(
                f,
                "the session store already holds its limit of {limit} sessions"
            ),
            Self::Unavailable(_) => f.write_str("the session store is not available"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(source) => Some(source.as_ref()),
            Self::Full { .. } => None,
        }
    }
}
