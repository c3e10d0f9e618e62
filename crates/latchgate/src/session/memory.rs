//! Sessions in the memory of this process: for one node, and gone when it stops.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{SessionStore, StoreError, StoreFuture, StoredRecord};

/// A bounded [`SessionStore`] in memory. Expired sessions are dropped when room is needed, and every
/// [`MemoryStore::SWEEP_SECONDS`].
#[derive(Debug)]
pub struct MemoryStore {
    limit: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    records: HashMap<[u8; 32], StoredRecord>,
    swept_at: u64,
}

impl MemoryStore {
    /// How often expired sessions are swept, in seconds.
    pub const SWEEP_SECONDS: u64 = 60;

    /// A store for at most `limit` sessions. When it is full of live ones, new logins are refused:
    /// nobody who is signed in is thrown out for somebody who is not.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            shelf: Mutex::default(),
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// A store for 100,000 sessions: some 300 MB when every session holds 3 KB.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Shelf {
    fn sweep(&mut self, now: u64) {
        self.records.retain(|_, record| record.expires_at > now);
        self.swept_at = now;
    }
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a [u8; 32], now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        let record = self
            .shelf()
            .records
            .get(key)
            .filter(|record| record.expires_at > now)
            .cloned();
        Box::pin(async { Ok(record) })
    }

    fn insert<'a>(
        &'a self,
        key: &'a [u8; 32],
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, ()> {
        let mut shelf = self.shelf();
        if shelf.records.len() >= self.limit || now >= shelf.swept_at + Self::SWEEP_SECONDS {
            shelf.sweep(now);
        }
        let full = shelf.records.len() >= self.limit;
        if !full {
            shelf.records.insert(*key, record);
        }
        drop(shelf);
        let limit = self.limit;
        Box::pin(async move {
            if full {
                Err(StoreError::Full { limit })
            } else {
                Ok(())
            }
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a [u8; 32],
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let mut shelf = self.shelf();
        let replaced = match shelf.records.entry(*key) {
            Entry::Occupied(mut there)
                if there.get().generation == expected && there.get().expires_at > now =>
            {
                there.insert(record);
                true
            }
            _ => false,
        };
        drop(shelf);
        Box::pin(async move { Ok(replaced) })
    }

    fn remove<'a>(&'a self, key: &'a [u8; 32]) -> StoreFuture<'a, ()> {
        self.shelf().records.remove(key);
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(generation: u32, expires_at: u64) -> StoredRecord {
        StoredRecord {
            sealed: vec![7],
            generation,
            expires_at,
        }
    }

    #[tokio::test]
    async fn records_expire_and_make_room() {
        let store = MemoryStore::new(1);
        store.insert(&[1; 32], record(0, 100), 50).await.unwrap();
        assert!(store.load(&[1; 32], 99).await.unwrap().is_some());
        assert!(store.load(&[1; 32], 100).await.unwrap().is_none());
        assert!(matches!(
            store.insert(&[2; 32], record(0, 100), 99).await,
            Err(StoreError::Full { limit: 1 })
        ));
        store.insert(&[2; 32], record(0, 200), 100).await.unwrap();
        assert!(store.load(&[2; 32], 150).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn only_the_expected_generation_is_replaced() {
        let store = MemoryStore::default();
        assert!(!store.replace(&[1; 32], 0, record(1, 100), 1).await.unwrap());
        store.insert(&[1; 32], record(0, 100), 1).await.unwrap();
        assert!(store.replace(&[1; 32], 0, record(1, 100), 1).await.unwrap());
        assert!(!store.replace(&[1; 32], 0, record(2, 100), 1).await.unwrap());
        store.remove(&[1; 32]).await.unwrap();
        assert!(!store.replace(&[1; 32], 1, record(2, 100), 1).await.unwrap());
    }
}
