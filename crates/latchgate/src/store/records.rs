//! What stores keep, and what they answer.

use std::fmt;

/// The key of a record: a hash.
pub type StoreKey = [u8; 32];

/// A record to store: a session, sealed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// The sealed session. A store must accept 1 MiB.
    pub sealed: Vec<u8>,
    /// Grows with every change of the session. [`SessionStore::replace`](super::SessionStore::replace) compares it.
    pub generation: u32,
    /// When the record expires, in seconds since the epoch.
    pub expires_at: u64,
    /// What [`SessionStore::find`](super::SessionStore::find) finds the record by. `None` when nothing looks for it.
    pub names: Option<StoredNames>,
}

/// A record as [`SessionStore::load`](super::SessionStore::load) and [`SessionStore::lease`](super::SessionStore::lease) return it: a [`StoredRecord`]
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

/// The answer to [`SessionStore::lease`](super::SessionStore::lease).
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
