//! Sessions in the memory of this process: for one node, and gone when it stops.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Lease, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord};

/// A bounded [`SessionStore`] in memory. Expired sessions are dropped when room is needed, and every
/// [`MemoryStore::SWEEP_SECONDS`].
///
/// No account can fill it: a person has at most [`MemoryStore::PER_PERSON`] sessions, and at most a
/// tenth of the limit. When they begin one more, or the store is full, the new one takes the place of
/// that session of theirs which was not written for longest, by its use or by a refresh. Nobody who
/// is signed in is thrown out for somebody else: when the store is full, people who have no session
/// in it are refused with [`StoreError::Full`].
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
    /// How often any record was written.
    writes: u64,
    swept_at: u64,
}

#[derive(Debug)]
struct Place {
    record: StoredRecord,
    /// Greater than that of any record that was written before.
    written: u64,
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

    /// The most sessions of one person.
    pub const PER_PERSON: usize = 100;

    /// A store for at most `limit` sessions.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            shelf: Mutex::default(),
        }
    }

    /// The most sessions of one person, in a store of this size.
    fn per_person(&self) -> usize {
        (self.limit / 10).clamp(1, Self::PER_PERSON)
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
        self.writes += 1;
        let written = self.writes;
        match self.places.get_mut(&key) {
            Some(place) => {
                place.record = record;
                place.written = written;
            }
            None => {
                let place = Place {
                    record,
                    written,
                    lease: None,
                };
                self.places.insert(key, Box::new(place));
            }
        }
    }

    /// The keys of all records with this name, expired ones too.
    fn named(&self, kind: u8, name: StoreKey) -> impl Iterator<Item = &StoreKey> {
        let range = (kind, name, [0; 32])..=(kind, name, [u8::MAX; 32]);
        self.by_name.range(range).map(|(_, _, key)| key)
    }

    /// Lets a person have one session more, at the cost of their own where there is no room.
    fn make_room_for(&mut self, sub: StoreKey, limit: usize, per_person: usize) {
        let is_full = self.places.len() >= limit;
        if !is_full && self.named(SUB, sub).nth(per_person - 1).is_none() {
            return;
        }
        let theirs = self
            .named(SUB, sub)
            .filter_map(|key| Some((self.places.get(key)?.written, *key)));
        if let Some((_, oldest)) = theirs.min() {
            tracing::debug!(
                event = "session_displaced",
                "a session made room for a newer one of the same person"
            );
            self.remove(&oldest);
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
        // To look for expired ones once a second is often enough, however many come to a full store.
        if (shelf.places.len() >= self.limit && shelf.swept_at != now)
            || now >= shelf.swept_at.saturating_add(Self::SWEEP_SECONDS)
        {
            shelf.sweep(now);
        }
        if shelf.live(key, now).is_some() {
            return done(false);
        }
        shelf.remove(key);
        if let Some(names) = record.names {
            shelf.make_room_for(names.sub, self.limit, self.per_person());
        }
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
        let keys: Vec<StoreKey> = shelf.named(kind, name).copied().collect();
        let live = keys
            .into_iter()
            .filter(|key| shelf.live(key, now).is_some());
        done(Some(live.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredNames;

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

    /// A record of a session of this person.
    fn of(person: u8, expires_at: u64) -> StoredRecord {
        let (sid, sub) = ([0; 32], [person; 32]);
        StoredRecord {
            names: Some(StoredNames { sid, sub }),
            ..record(0, expires_at)
        }
    }

    async fn has(store: &MemoryStore, key: u8) -> bool {
        store.load(&[key; 32], 50).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn one_person_can_neither_fill_the_store_nor_displace_anybody_else() {
        let store = MemoryStore::new(30);
        assert!(store.insert(&[200; 32], of(2, 100), 50).await.unwrap());
        for key in 1..=100 {
            assert!(store.insert(&[key; 32], of(1, 100), 50).await.unwrap());
        }
        let names = StoredName::Sub([1; 32]);
        let found = store.find(&names, 50).await.unwrap().unwrap();
        assert_eq!(found.len(), 3, "a tenth of the places");
        assert!(has(&store, 200).await && has(&store, 98).await && !has(&store, 97).await);
        assert!(store.insert(&[201; 32], of(3, 100), 50).await.unwrap());
    }

    #[tokio::test]
    async fn the_session_that_was_not_written_for_longest_goes_first() {
        let store = MemoryStore::new(30);
        for key in [9, 7, 8] {
            assert!(store.insert(&[key; 32], of(1, 100), 50).await.unwrap());
        }
        assert!(store.replace(&[9; 32], 0, of(1, 200), 50).await.unwrap());
        assert!(store.insert(&[1; 32], of(1, 100), 50).await.unwrap());
        assert!(has(&store, 9).await && !has(&store, 7).await && has(&store, 8).await);
        assert!(store.insert(&[2; 32], of(1, 100), 50).await.unwrap());
        assert!(has(&store, 9).await && !has(&store, 8).await);
    }

    #[tokio::test]
    async fn a_full_store_lets_those_in_who_are_there_already_in_place_of_themselves() {
        let store = MemoryStore::new(2);
        for (key, person) in [(1, 1), (2, 2)] {
            assert!(store.insert(&[key; 32], of(person, 100), 50).await.unwrap());
        }
        for stranger in [of(3, 100), record(0, 100)] {
            let refused = store.insert(&[3; 32], stranger, 50).await;
            assert!(matches!(refused, Err(StoreError::Full { limit: 2 })));
        }
        assert!(store.insert(&[4; 32], of(1, 100), 50).await.unwrap());
        assert!(!has(&store, 1).await && has(&store, 2).await && has(&store, 4).await);
        assert!(!store.insert(&[2; 32], of(1, 100), 50).await.unwrap());
        assert!(has(&store, 4).await, "nobody came, and nobody goes");
    }

    #[tokio::test]
    async fn only_the_holder_of_a_lease_gives_it_back() {
        let store = MemoryStore::default();
        let (key, duration) = ([1; 32], Duration::from_secs(6));
        store.insert(&key, record(0, 100), 50).await.unwrap();
        let granted = async |now| match store.lease(&key, duration, now).await.unwrap() {
            Lease::Granted { fence, .. } => Some(fence),
            _ => None,
        };
        let slow = granted(50).await.unwrap();
        let next = granted(56).await.unwrap();
        assert!(next > slow);
        store.release_lease(&key, slow).await.unwrap();
        assert_eq!(granted(57).await, None, "the next holder has it still");
        store.release_lease(&key, next).await.unwrap();
        assert!(granted(57).await.is_some());
    }

    #[tokio::test]
    async fn the_index_forgets_what_the_store_forgets() {
        let store = MemoryStore::default();
        for key in 0..10 {
            store.insert(&[key; 32], of(2, 100), 50).await.unwrap();
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
