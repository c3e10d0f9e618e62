//! What a session store needs. Applications choose a store and never use this.
//!
//! [`SessionStore`] says what a store must keep to, and the crate `latchgate-store-contract` tests whether it
//! does. A store never sees a session id, a name or a token: only hashes ([`StoreKey`]), and sealed bytes that it cannot open
//! ([`StoredRecord`]). A [`StoreOpener`] makes one from the URL in a setting
//! ([`Settings::stores`](crate::Settings::stores)).

mod memory;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use crate::causes::write_with_causes;
pub use memory::MemoryStore;

/// What the methods of [`SessionStore`] return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What a record lies under: a hash. Stores see neither session ids nor names of people.
pub type StoreKey = [u8; 32];

/// A session as a store sees it: sealed bytes it cannot open.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The sealed session. Stores have to take 1 MiB.
    pub sealed: Vec<u8>,
    /// Grows with every change of the session; [`SessionStore::replace`] compares it.
    pub generation: u32,
    /// When the record may be forgotten, in seconds since the epoch.
    pub expires_at: u64,
    /// What [`SessionStore::find`] finds the record by; `None` for records nobody looks for.
    pub names: Option<StoredNames>,
}

/// The names a session can be found by without its cookie, as keyed hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredNames {
    /// The provider's session: issuer and `sid`.
    pub sid: StoreKey,
    /// The person: issuer and `sub`.
    pub sub: StoreKey,
}

/// One of the [`StoredNames`], to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredName {
    /// The provider's session.
    Sid(StoreKey),
    /// The person.
    Sub(StoreKey),
}

/// The answer to [`SessionStore::lease`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The caller has it until it expires.
    Granted {
        /// Greater than the fence of any lease of this record before.
        fence: u64,
        /// The record, as it is now.
        record: StoredRecord,
    },
    /// Somebody else has it.
    Held,
    /// There is no such record.
    Missing,
    /// This store has no leases: nodes that share it cannot wait for each other.
    Unsupported,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRecord")
            .field("bytes", &self.sealed.len())
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Keeps records under keys: a store of sessions that other nodes may share.
///
/// # The contract
///
/// 1. **Atomic.** Each call happens entirely or not at all, and calls for one key happen one after
///    the other, whichever node they come from.
/// 2. **Durable.** What a call has answered is what every later call on every node sees.
/// 3. **Expiring.** A record whose `expires_at` is not after `now` is not there, for any call. The
///    store drops it in the end without being asked.
/// 4. **Repeatable.** A caller whose answer was lost repeats the call: replacing a record by the very
///    one that is there is `true`, removing what is not there is no error.
/// 5. **Prompt.** A call answers or fails within five seconds. A connection that was lost is made
///    again by the next call.
/// 6. **Discreet.** Errors name no key and no content; where the store is, without a password.
///
/// `now` is the caller's time in seconds since the epoch, used for `expires_at`. Leases last seconds,
/// less than clocks of nodes differ: a store that several nodes share measures them by a clock of its
/// own.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// The record under `key`. One round trip.
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>>;

    /// Adds a record. `false`, and nothing changes, when there is one under `key` already.
    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Replaces the record under `key`, its names and its expiry, if it is there with exactly the
    /// generation `expected`. `false` when it is not: somebody else was faster, or the session has
    /// ended meanwhile. A lease stays what it is.
    ///
    /// This comparison fences a holder whose lease ran out: whatever it brings, it cannot undo
    /// what the next holder wrote.
    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Removes the record under `key`, if it is there, its lease with it.
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Asks for the only lease of the record under `key`, for so long; half a second to a minute.
    /// One node at a time refreshes the tokens of a session. Loading and replacing take no lease.
    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease>;

    /// Lets the lease with this `fence` last for so long from now on. `false` when it has run out or
    /// somebody else has one.
    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Ends the lease with this `fence`, if it is still the one.
    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()>;

    /// The keys of all records with this name, in any order. `None` when the store has no index:
    /// sessions are then ended from behind on the node that is told only.
    fn find<'a>(&'a self, name: &'a StoredName, now: u64)
    -> StoreFuture<'a, Option<Vec<StoreKey>>>;
}

/// A store that several hold is a store.
impl<S: SessionStore + ?Sized> SessionStore for Arc<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        (**self).load(key, now)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).insert(key, record, now)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).replace(key, expected, record, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        (**self).remove(key)
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        (**self).lease(key, duration, now)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).extend_lease(key, fence, duration, now)
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        (**self).release_lease(key, fence)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        (**self).find(name, now)
    }
}

/// Opens the store that a URL such as `redis://…` names, without connecting: the first call of the
/// store does. `None` when the scheme is another store's.
pub type StoreOpener = fn(&str) -> Option<Result<Arc<dyn SessionStore>, StoreError>>;

/// The store failed.
#[non_exhaustive]
pub enum StoreError {
    /// Its URL cannot be used. The reason names no password.
    Url(Box<dyn std::error::Error + Send + Sync>),
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
