//! Sessions in the memory of this process: for one node, and gone when it stops.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::store::{
    Lease, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
};

/// A bounded [`SessionStore`] in memory. Expired sessions are dropped when room is needed, and every
/// [`MemoryStore::SWEEP_SECONDS`].
#[derive(Debug)]
pub struct MemoryStore {
    limit: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Boxed: a map has up to twice the room that it needs.
    places: HashMap<StoreKey, Box<Place>>,
    /// Every name of every record, with the record's key.
    by_name: BTreeSet<(u8, StoreKey, StoreKey)>,
    /// The fence of the last lease of any record.
    fence: u64,
    swept_at: u64,
}

#[derive(Debug)]
struct Place {
    record: StoredRecord,
    lease: Option<Held>,
}

#[derive(Debug)]
struct Held {
    fence: u64,
    until: u64,
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
    /// A store for 100,000 sessions: some 250 MB when every session holds 2.2 KB.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Shelf {
    fn live(&mut self, key: &StoreKey, now: u64) -> Option<&mut Place> {
        self.places
            .get_mut(key)
            .map(Box::as_mut)
            .filter(|place| place.record.expires_at > now)
    }

    fn put(&mut self, key: StoreKey, record: StoredRecord) {
        self.drop_names(&key);
        self.by_name.extend(names(&key, &record));
        let mut record = record;
        record.sealed.shrink_to_fit();
        match self.places.get_mut(&key) {
            Some(place) => place.record = record,
            None => {
                let place = Place {
                    record,
                    lease: None,
                };
                self.places.insert(key, Box::new(place));
            }
        }
    }

    fn remove(&mut self, key: &StoreKey) {
        self.drop_names(key);
        self.places.remove(key);
    }

    fn drop_names(&mut self, key: &StoreKey) {
        if let Some(place) = self.places.get(key) {
            for name in names(key, &place.record) {
                self.by_name.remove(&name);
            }
        }
    }

    fn sweep(&mut self, now: u64) {
        let expired = self
            .places
            .iter()
            .filter(|(_, place)| place.record.expires_at <= now);
        let expired: Vec<StoreKey> = expired.map(|(key, _)| *key).collect();
        for key in expired {
            self.remove(&key);
        }
        self.swept_at = now;
    }
}

/// What the index has of a record.
fn names(key: &StoreKey, record: &StoredRecord) -> impl Iterator<Item = (u8, StoreKey, StoreKey)> {
    let (key, names) = (*key, record.names);
    names
        .into_iter()
        .flat_map(move |names| [(SID, names.sid, key), (SUB, names.sub, key)])
}

const SID: u8 = 0;
const SUB: u8 = 1;

/// Whole seconds, as the clock has them, and at least as long.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn done<'a, T: Send + 'a>(value: T) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        done(
            self.shelf()
                .live(key, now)
                .map(|place| place.record.clone()),
        )
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let mut shelf = self.shelf();
        if shelf.places.len() >= self.limit
            || now >= shelf.swept_at.saturating_add(Self::SWEEP_SECONDS)
        {
            shelf.sweep(now);
        }
        if shelf.live(key, now).is_some() {
            return done(false);
        }
        shelf.remove(key);
        if shelf.places.len() >= self.limit {
            let limit = self.limit;
            return Box::pin(async move { Err(StoreError::Full { limit }) });
        }
        shelf.put(*key, record);
        done(true)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let mut shelf = self.shelf();
        let fits = match shelf.live(key, now).map(|place| &place.record) {
            Some(there) if there.generation == expected => true,
            there => return done(there == Some(&record)),
        };
        shelf.put(*key, record);
        done(fits)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.shelf().remove(key);
        done(())
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        let mut shelf = self.shelf();
        let fence = shelf.fence + 1;
        let lease = match shelf.live(key, now) {
            None => Lease::Missing,
            Some(place) if place.lease.as_ref().is_some_and(|held| held.until > now) => Lease::Held,
            Some(place) => {
                let until = now.saturating_add(seconds(duration));
                place.lease = Some(Held { fence, until });
                Lease::Granted {
                    fence,
                    record: place.record.clone(),
                }
            }
        };
        shelf.fence = fence;
        done(lease)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let mut shelf = self.shelf();
        let ours = shelf
            .live(key, now)
            .and_then(|place| place.lease.as_mut())
            .filter(|held| held.fence == fence && held.until > now);
        let extended = ours.map(|held| held.until = now.saturating_add(seconds(duration)));
        done(extended.is_some())
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        if let Some(place) = self.shelf().places.get_mut(key) {
            place.lease.take_if(|held| held.fence == fence);
        }
        done(())
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        let (kind, name) = match *name {
            StoredName::Sid(sid) => (SID, sid),
            StoredName::Sub(sub) => (SUB, sub),
        };
        let mut shelf = self.shelf();
        let range = (kind, name, [0; 32])..=(kind, name, [u8::MAX; 32]);
        let keys: Vec<StoreKey> = shelf.by_name.range(range).map(|(_, _, key)| *key).collect();
        let live = keys
            .into_iter()
            .filter(|key| shelf.live(key, now).is_some());
        done(Some(live.collect()))
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
            names: None,
        }
    }

    #[tokio::test]
    async fn records_expire_and_make_room() {
        let store = MemoryStore::new(1);
        assert!(store.insert(&[1; 32], record(0, 100), 50).await.unwrap());
        assert!(store.load(&[1; 32], 99).await.unwrap().is_some());
        assert!(store.load(&[1; 32], 100).await.unwrap().is_none());
        assert!(matches!(
            store.insert(&[2; 32], record(0, 100), 99).await,
            Err(StoreError::Full { limit: 1 })
        ));
        assert!(store.insert(&[2; 32], record(0, 200), 100).await.unwrap());
        assert!(store.load(&[2; 32], 150).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_index_forgets_what_the_store_forgets() {
        let store = MemoryStore::default();
        let names = Some(super::super::store::StoredNames {
            sid: [1; 32],
            sub: [2; 32],
        });
        for key in 0..10 {
            let record = StoredRecord {
                names,
                ..record(0, 100)
            };
            store.insert(&[key; 32], record, 50).await.unwrap();
        }
        assert_eq!(store.shelf().by_name.len(), 20);
        store.remove(&[1; 32]).await.unwrap();
        assert_eq!(store.shelf().by_name.len(), 18);
        store
            .replace(&[2; 32], 0, record(1, 100), 50)
            .await
            .unwrap();
        assert_eq!(store.shelf().by_name.len(), 16);
        store.insert(&[11; 32], record(0, 900), 200).await.unwrap();
        let shelf = store.shelf();
        assert_eq!((shelf.by_name.len(), shelf.places.len()), (0, 1));
    }
}
