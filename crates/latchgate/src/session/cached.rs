//! A short memory in front of a store, for applications whose pages each ask for the session.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::store::{Lease, SessionStore, StoreFuture, StoreKey, StoredName, StoredRecord};

/// A [`SessionStore`] that remembers what it has loaded, for a few seconds.
///
/// ```
/// use std::time::Duration;
/// use latchgate::{CachedStore, MemoryStore};
///
/// let store = CachedStore::new(MemoryStore::default(), Duration::from_secs(5));
/// # let _ = store;
/// ```
///
/// What this process inserts, replaces or removes, it sees at once. **What another node does, it may
/// see as late as the time it remembers.** With five seconds:
///
/// * a session that was signed out at another node, or that the provider ended there by a back-channel
///   logout, lives on here for up to five seconds;
/// * tokens that another node has refreshed are served here up to five seconds later. A token that
///   is due is not served from memory: [`SessionStore::lease`] always asks the store, and
///   what it answers is remembered instead.
///
/// That is why no gate has one unless it is told to. The memory holds 10,000 sessions of at most
/// 64 KiB; more are loaded from the store each time. That nothing is there is never remembered.
pub struct CachedStore<S> {
    store: S,
    memory: Mutex<Memory>,
}

/// How many records are remembered.
const LIMIT: usize = 10_000;

/// A longer record is not remembered.
const LENGTH: usize = 64 << 10;

struct Memory {
    /// How long a record is remembered, in seconds.
    seconds: u64,
    records: HashMap<StoreKey, Remembered>,
    /// How often records have changed, by the last byte of their keys.
    changes: [u64; 256],
    swept_at: u64,
}

struct Remembered {
    record: StoredRecord,
    since: u64,
}

impl<S: SessionStore> CachedStore<S> {
    /// The longest that records are remembered, in seconds.
    pub const MAX_SECONDS: u64 = 60;

    /// Remembers what was loaded for so long: whole seconds, at most [`Self::MAX_SECONDS`]. What is
    /// longer counts as that, and less than a second is no time at all.
    #[must_use]
    pub fn new(store: S, remember: Duration) -> Self {
        Self {
            store,
            memory: Mutex::new(Memory {
                seconds: remember.as_secs().min(Self::MAX_SECONDS),
                records: HashMap::new(),
                changes: [0; 256],
                swept_at: 0,
            }),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, key: &StoreKey, now: u64) -> Option<StoredRecord> {
        let memory = self.memory();
        let found = memory.records.get(key)?;
        let there = found.is_fresh(now, memory.seconds) && found.record.expires_at > now;
        there.then(|| found.record.clone())
    }

    /// A change of a record begins.
    fn change<'a>(&'a self, key: &'a StoreKey, now: u64) -> Change<'a, S> {
        Change {
            cached: self,
            key,
            now,
            before: self.memory().changes_of(key),
            becomes: None,
        }
    }
}

impl Memory {
    fn changes_of(&self, key: &StoreKey) -> u64 {
        self.changes[usize::from(key[31])]
    }

    /// Remembers a record that the store had at `now`, unless it has changed since `before`.
    fn remember(&mut self, key: &StoreKey, record: &StoredRecord, before: u64, now: u64) {
        let unwanted = self.seconds == 0 || record.sealed.len() > LENGTH;
        if unwanted || self.changes_of(key) != before {
            return;
        }
        if let Some(there) = self.records.get(key) {
            // Two loads at once may end in the other order than they were answered in.
            if there.record.generation > record.generation {
                return;
            }
        } else if !self.has_room(now) {
            return;
        }
        let record = record.clone();
        self.records.insert(*key, Remembered { record, since: now });
    }

    /// Whether one more can be remembered, once what is no longer fresh is gone. To look for that
    /// once a second is often enough.
    fn has_room(&mut self, now: u64) -> bool {
        if self.records.len() >= LIMIT && self.swept_at != now {
            let seconds = self.seconds;
            self.records.retain(|_, found| found.is_fresh(now, seconds));
            self.swept_at = now;
        }
        self.records.len() < LIMIT
    }
}

impl Remembered {
    fn is_fresh(&self, now: u64, seconds: u64) -> bool {
        (self.since..self.since.saturating_add(seconds)).contains(&now)
    }
}

/// A change of a record by this process. However it ends, also when nobody waits for it any more:
/// what was remembered before is forgotten, and no load that began before is remembered.
struct Change<'a, S: SessionStore> {
    cached: &'a CachedStore<S>,
    key: &'a StoreKey,
    now: u64,
    /// How often records had changed when it began.
    before: u64,
    /// What the store has now, where that is known.
    becomes: Option<StoredRecord>,
}

impl<S: SessionStore> Drop for Change<'_, S> {
    fn drop(&mut self) {
        // In one step: no load may end between the parts.
        let mut memory = self.cached.memory();
        memory.records.remove(self.key);
        if let Some(record) = &self.becomes {
            memory.remember(self.key, record, self.before, self.now);
        }
        memory.changes[usize::from(self.key[31])] += 1;
    }
}

impl<S: SessionStore> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("seconds", &self.memory().seconds)
            .finish_non_exhaustive()
    }
}

impl<S: SessionStore> SessionStore for CachedStore<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        Box::pin(async move {
            if let Some(record) = self.remembered(key, now) {
                return Ok(Some(record));
            }
            let before = self.memory().changes_of(key);
            let loaded = self.store.load(key, now).await?;
            if let Some(record) = &loaded {
                self.memory().remember(key, record, before, now);
            }
            Ok(loaded)
        })
    }

    fn load_newest<'a>(
        &'a self,
        key: &'a StoreKey,
        now: u64,
    ) -> StoreFuture<'a, Option<StoredRecord>> {
        self.memory().records.remove(key);
        self.load(key, now)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut change = self.change(key, now);
            let inserted = self.store.insert(key, record.clone(), now).await?;
            change.becomes = inserted.then_some(record);
            Ok(inserted)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut change = self.change(key, now);
            let replaced = self
                .store
                .replace(key, expected, record.clone(), now)
                .await?;
            change.becomes = replaced.then_some(record);
            Ok(replaced)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let _change = self.change(key, 0);
            self.store.remove(key).await
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            let mut change = self.change(key, now);
            let lease = self.store.lease(key, duration, now).await?;
            // Whoever is told to wait looks next what the other has done: in the store, not here.
            if let Lease::Granted { record, .. } = &lease {
                change.becomes = Some(record.clone());
            }
            Ok(lease)
        })
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.store.extend_lease(key, fence, duration, now)
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        self.store.release_lease(key, fence)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        self.store.find(name, now)
    }
}

#[cfg(test)]
mod tests;
