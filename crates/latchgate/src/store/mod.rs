//! What a session store needs. Applications choose a store and never use this.
//!
//! [`SessionStore`] has the contract, and the crate `latchgate-store-contract` tests it. A store never sees a session id, a
//! name or a token: only hashes ([`StoreKey`]), and sealed bytes that it cannot open ([`StoredRecord`]). A [`StoreOpener`]
//! makes one from the URL in a setting ([`Settings::stores`](crate::Settings::stores)).
//!
//! Leases and the index are optional. This store, in the memory of one process, has neither:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use latchgate::store::{
//!     Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
//! };
//!
//! #[derive(Debug, Default)]
//! struct SmallStore {
//!     records: Mutex<HashMap<StoreKey, StoredRecord>>,
//! }
//!
//! impl SmallStore {
//!     /// Runs one call on the records that have not expired.
//!     fn run<'a, T: Send + 'a>(
//!         &self,
//!         now: u64,
//!         call: impl FnOnce(&mut HashMap<StoreKey, StoredRecord>) -> T,
//!     ) -> StoreFuture<'a, T> {
//!         let answer = match self.records.lock() {
//!             Ok(mut records) => {
//!                 records.retain(|_, record| record.expires_at > now);
//!                 Ok(call(&mut records))
//!             }
//!             Err(_) => Err(StoreError::unavailable("a call has panicked")),
//!         };
//!         Box::pin(std::future::ready(answer))
//!     }
//! }
//!
//! impl SessionStore for SmallStore {
//!     fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
//!         self.run(now, |records| records.get(key).map(StoredRecord::loaded))
//!     }
//!
//!     fn insert<'a>(&'a self, key: &'a StoreKey, record: StoredRecord, now: u64) -> StoreFuture<'a, bool> {
//!         self.run(now, |records| {
//!             let is_free = !records.contains_key(key);
//!             if is_free {
//!                 records.insert(*key, record);
//!             }
//!             is_free
//!         })
//!     }
//!
//!     fn replace<'a>(
//!         &'a self,
//!         key: &'a StoreKey,
//!         expected: u32,
//!         record: StoredRecord,
//!         now: u64,
//!     ) -> StoreFuture<'a, bool> {
//!         self.run(now, |records| match records.get_mut(key) {
//!             Some(current) if current.generation == expected => {
//!                 *current = record;
//!                 true
//!             }
//!             // A call that is repeated because its answer was lost.
//!             Some(current) => *current == record,
//!             None => false,
//!         })
//!     }
//!
//!     fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
//!         self.run(0, |records| drop(records.remove(key)))
//!     }
//!
//!     fn lease<'a>(&'a self, _: &'a StoreKey, _: Duration, now: u64) -> StoreFuture<'a, Lease> {
//!         self.run(now, |_| Lease::Unsupported)
//!     }
//!
//!     fn extend_lease<'a>(
//!         &'a self,
//!         _: &'a StoreKey,
//!         _: u64,
//!         _: Duration,
//!         now: u64,
//!     ) -> StoreFuture<'a, bool> {
//!         self.run(now, |_| false)
//!     }
//!
//!     fn release_lease<'a>(&'a self, _: &'a StoreKey, _: u64) -> StoreFuture<'a, ()> {
//!         self.run(0, |_| ())
//!     }
//!
//!     fn find<'a>(&'a self, _: &'a StoredName, now: u64) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
//!         self.run(now, |_| None)
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let store = SmallStore::default();
//! let record = StoredRecord::new(b"sealed".to_vec(), 0, 2_000);
//! assert!(store.insert(&[7; 32], record.clone(), 1_000).await?);
//! assert_eq!(store.load(&[7; 32], 1_999).await?, Some(record.loaded()));
//! assert_eq!(store.load(&[7; 32], 2_000).await?, None);
//! # Ok::<_, StoreError>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Such a store serves one node. On several, two nodes can spend the same refresh token when there are
//! no leases, and a logout by the provider reaches the sessions of one node only when there is no index.

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

/// The key of a record: a hash.
pub type StoreKey = [u8; 32];

/// A record to store: a session, sealed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// The sealed session. A store must accept 1 MiB.
    pub sealed: Vec<u8>,
    /// Grows with every change of the session. [`SessionStore::replace`] compares it.
    pub generation: u32,
    /// When the record expires, in seconds since the epoch.
    pub expires_at: u64,
    /// What [`SessionStore::find`] finds the record by. `None` when nothing looks for it.
    pub names: Option<StoredNames>,
}

/// A record as [`SessionStore::load`] and [`SessionStore::lease`] return it: a [`StoredRecord`]
/// without its names.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedRecord {
    /// The sealed session.
    pub sealed: Vec<u8>,
    /// The generation it was stored with.
    pub generation: u32,
    /// When it expires, in seconds since the epoch.
    pub expires_at: u64,
}

/// The names that a session can be found by without its cookie, as keyed hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredNames {
    /// The session at the provider: issuer and `sid`.
    pub sid: StoreKey,
    /// The person: issuer and `sub`.
    pub sub: StoreKey,
}

/// One of the [`StoredNames`], to look for. A store that does not know one of these has no index for
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredName {
    /// The session at the provider.
    Sid(StoreKey),
    /// The person.
    Sub(StoreKey),
}

/// The answer to [`SessionStore::lease`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lease {
    /// The caller holds the lease until it expires. Made by [`Lease::granted`].
    #[non_exhaustive]
    Granted {
        /// Greater than the fence of any earlier lease of this record.
        fence: u64,
        /// The record as it is now.
        record: LoadedRecord,
    },
    /// Another caller holds it.
    Held,
    /// There is no such record.
    Missing,
    /// This store has no leases.
    Unsupported,
}

impl StoredRecord {
    /// A record without names.
    #[must_use]
    pub fn new(sealed: Vec<u8>, generation: u32, expires_at: u64) -> Self {
        Self {
            sealed,
            generation,
            expires_at,
            names: None,
        }
    }

    /// The record with these names.
    #[must_use]
    pub fn with_names(self, names: StoredNames) -> Self {
        Self {
            names: Some(names),
            ..self
        }
    }

    /// A copy of what is loaded of this record.
    #[must_use]
    pub fn loaded(&self) -> LoadedRecord {
        LoadedRecord::new(self.sealed.clone(), self.generation, self.expires_at)
    }
}

impl LoadedRecord {
    /// A record from its parts.
    #[must_use]
    pub fn new(sealed: Vec<u8>, generation: u32, expires_at: u64) -> Self {
        Self {
            sealed,
            generation,
            expires_at,
        }
    }
}

impl StoredNames {
    /// Names from the two hashes.
    #[must_use]
    pub fn new(sid: StoreKey, sub: StoreKey) -> Self {
        Self { sid, sub }
    }
}

impl Lease {
    /// A lease for the caller, with its fence and the record as it is now.
    #[must_use]
    pub fn granted(fence: u64, record: LoadedRecord) -> Self {
        Self::Granted { fence, record }
    }
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

impl fmt::Debug for LoadedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedRecord")
            .field("bytes", &self.sealed.len())
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Keeps records under keys. Several nodes may share a store.
///
/// # The contract
///
/// 1. **Atomic.** A call happens entirely or not at all, and the calls for one key happen one after
///    another, whichever nodes make them.
/// 2. **Durable.** Once a call has answered, every later call on every node sees what it did.
/// 3. **Expiring.** A record is there while `expires_at` is after `now`, and from then on for no call.
///    The store deletes expired records by itself.
/// 4. **Repeatable.** A caller that gets no answer repeats the call. So replacing a record by the same
///    one is `true`, and removing a missing record is no error.
/// 5. **Prompt.** A call answers or fails within five seconds. The next call replaces a connection
///    that was lost.
/// 6. **Discreet.** Errors contain no key and no content. They say where the store is, without a
///    password.
///
/// `now` is the caller's time in seconds since the epoch, and decides whether a record has expired.
/// Leases last seconds, and the clocks of nodes differ by more: a store that several nodes share
/// measures leases by its own clock.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Loads the record under `key`, in one round trip.
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>>;

    /// Inserts a record. `false`, and nothing changes, when there is one under `key` already.
    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Replaces the record under `key`, with its names and its expiry, if its generation is
    /// `expected`. Otherwise `false`, and nothing changes: another caller was faster, or the session
    /// has ended. A lease stays as it is.
    ///
    /// This comparison also fences: a caller whose lease has expired cannot overwrite what the next
    /// one wrote.
    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Removes the record under `key`, if there is one, and its lease.
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Asks for the lease of the record under `key`, for half a second to a minute. A record has one
    /// lease at a time: whoever holds it refreshes the tokens of the session. Loading and replacing
    /// need no lease.
    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease>;

    /// Lets the lease with this `fence` expire after `duration` from now. `false` when it has expired
    /// or another caller holds one.
    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Ends the lease with this `fence`, if it is still held.
    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()>;

    /// The keys of all records with this name, in any order. `None` when the store has no index: a
    /// logout by the provider then ends sessions on the node that receives it, and on no other.
    fn find<'a>(&'a self, name: &'a StoredName, now: u64)
    -> StoreFuture<'a, Option<Vec<StoreKey>>>;
}

/// A shared store is a store.
impl<S: SessionStore + ?Sized> SessionStore for Arc<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
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

/// Opens the store at a URL such as `redis://…`. The store connects at its first call. `None` when the
/// scheme belongs to another store.
pub type StoreOpener = fn(&str) -> Option<Result<Arc<dyn SessionStore>, StoreError>>;

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
