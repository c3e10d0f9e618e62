//! Sessions in the memory of this process: for one node, and gone when it stops.

mod diagnosis;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredNames,
    StoredRecord,
};
use crate::expiring_map::{ExpiringMap, LockedEntry};
use crate::report::Finding;

/// A bounded [`SessionStore`] in memory. Each write drops a few of the sessions that have expired, so
/// that no call takes long, however many there are.
///
/// No account can fill it: a person has at most [`MemoryStore::PER_PERSON`] sessions, and at most a
/// tenth of the limit. When they begin one more, or the store is full, the new session replaces the
/// one of theirs that was written longest ago, by use or by a refresh. Nobody loses a session to
/// somebody else: when the store is full, people who have no session in it are refused with
/// [`StoreError::Full`].
pub struct MemoryStore {
    limit: usize,
    sessions: ExpiringMap<StoreKey, Box<MemorySession>>,
    /// Locked after the session whose names it holds, never before.
    names: Mutex<Names>,
    /// One session is inserted at a time, so that the limits hold exactly. Locked before all else.
    insertion: Mutex<()>,
    /// The fence of the last lease of any session.
    last_fence: AtomicU64,
    /// The number of the last write of any session.
    last_write: AtomicU64,
    /// Told whenever a lease is released, or its session removed.
    released: Notify,
}

#[derive(Debug)]
struct MemorySession {
    record: StoredRecord,
    /// The number of its last write.
    written: u64,
    lease: Option<MemoryLease>,
}

#[derive(Debug)]
struct MemoryLease {
    fence: u64,
    expires_at: u64,
}

/// The first bytes of every name of every session, with the session's key. A name has few sessions:
/// those of one person. The record tells whether a session really has the name.
#[derive(Default)]
struct Names {
    sid: BTreeSet<(u64, StoreKey)>,
    sub: BTreeSet<(u64, StoreKey)>,
}

impl MemoryStore {
    /// The most sessions of one person.
    pub const PER_PERSON: usize = 100;

    /// A store for at most `limit` sessions.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            sessions: ExpiringMap::new(),
            names: Mutex::default(),
            insertion: Mutex::default(),
            last_fence: AtomicU64::new(0),
            last_write: AtomicU64::new(0),
            released: Notify::new(),
        }
    }

    /// The most sessions of one person, in a store of this size.
    fn per_person(&self) -> usize {
        (self.limit / 10).clamp(1, Self::PER_PERSON)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_write(&self) -> u64 {
        self.last_write.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Makes room for one session: removes an expired one, or one of the person who begins it. `false`
    /// if the store stays full.
    fn make_room(&self, sub: Option<StoreKey>, now: u64) -> bool {
        let is_full = self.sessions.len() >= self.limit && !self.drop_expired(now);
        let Some(sub) = sub else {
            return !is_full;
        };
        let name = StoredName::Sub(sub);
        let keys = self.names().under(&name);
        if !is_full && keys.len() < self.per_person() {
            return true;
        }
        let mut theirs = Vec::new();
        for key in keys {
            let mut entry = self.sessions.entry(key, now);
            match entry.get() {
                Some(session) if session.is_called(&name) => theirs.push((session.written, key)),
                Some(_) => {}
                None => {
                    entry.remove();
                    self.unlock(entry, None);
                }
            }
        }
        if !is_full && theirs.len() < self.per_person() {
            return true;
        }
        theirs.sort_unstable();
        theirs
            .into_iter()
            .any(|(written, key)| self.displace(key, written, now))
    }

    /// Removes a session unless it was written again. `false` when it was.
    fn displace(&self, key: StoreKey, written: u64, now: u64) -> bool {
        let mut entry = self.sessions.entry(key, now);
        if entry.get().is_some_and(|there| there.written != written) {
            return false;
        }
        entry.remove();
        self.unlock(entry, None);
        tracing::debug!(
            event = "session_displaced",
            "a session made room for a newer one of the same person"
        );
        true
    }

    /// Drops a session that has expired. `false` when there is none.
    fn drop_expired(&self, now: u64) -> bool {
        let Some(mut entry) = self.sessions.expired(now) else {
            return false;
        };
        entry.remove();
        self.unlock(entry, None);
        true
    }

    /// Brings the index up to date with what was removed under the lock and with the names that were
    /// added, and unlocks.
    fn unlock(
        &self,
        mut entry: LockedEntry<'_, StoreKey, Box<MemorySession>>,
        added: Option<(StoreKey, StoredNames)>,
    ) {
        let removed = entry.take_removed();
        if !removed.is_empty() || added.is_some() {
            let mut names = self.names();
            for (key, session) in &removed {
                names.remove(key, session.record.names);
            }
            names.add(added);
        }
        drop(entry);
        drop(removed);
    }
}

impl Default for MemoryStore {
    /// A store for 100,000 sessions: some 250 MB when every session holds 2.2 KB.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("limit", &self.limit)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Names {
    fn add(&mut self, added: Option<(StoreKey, StoredNames)>) {
        if let Some((key, names)) = added {
            self.sid.insert((start(&names.sid), key));
            self.sub.insert((start(&names.sub), key));
        }
    }

    fn remove(&mut self, key: &StoreKey, names: Option<StoredNames>) {
        if let Some(names) = names {
            self.sid.remove(&(start(&names.sid), *key));
            self.sub.remove(&(start(&names.sub), *key));
        }
    }

    /// The keys of all sessions that may have this name, expired ones included.
    fn under(&self, name: &StoredName) -> Vec<StoreKey> {
        let (names, start) = match name {
            StoredName::Sid(sid) => (&self.sid, start(sid)),
            StoredName::Sub(sub) => (&self.sub, start(sub)),
        };
        let found = names.range((start, [0; 32])..=(start, [u8::MAX; 32]));
        found.map(|(_, key)| *key).collect()
    }
}

impl MemorySession {
    fn is_called(&self, name: &StoredName) -> bool {
        self.record.names.is_some_and(|names| match name {
            StoredName::Sid(sid) => names.sid == *sid,
            StoredName::Sub(sub) => names.sub == *sub,
        })
    }
}

/// The first bytes of a name.
fn start(name: &StoreKey) -> u64 {
    name.first_chunk()
        .map_or(0, |start| u64::from_be_bytes(*start))
}

/// Whole seconds, as the clock has them, and at least as long.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn done<'a, T: Send + 'a>(value: T) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl SessionStore for MemoryStore {
    fn system(&self) -> &'static str {
        "memory"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        let entry = self.sessions.entry(*key, now);
        done(entry.get().map(|session| session.record.loaded()))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        mut record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        record.sealed.shrink_to_fit();
        let (names, expires_at) = (record.names, record.expires_at);
        let mut session = Box::new(MemorySession {
            record,
            written: 0,
            lease: None,
        });
        let _insertion = self
            .insertion
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.sessions.entry(*key, now).get().is_some() {
            return done(false);
        }
        if !self.make_room(names.map(|names| names.sub), now) {
            let limit = self.limit;
            return Box::pin(async move { Err(StoreError::Full { limit }) });
        }
        let mut entry = self.sessions.entry(*key, now);
        session.written = self.next_write();
        entry.set(session, expires_at);
        self.unlock(entry, names.map(|names| (*key, names)));
        done(true)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        mut record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        record.sealed.shrink_to_fit();
        let (names, expires_at) = (record.names, record.expires_at);
        let mut entry = self.sessions.entry(*key, now);
        let Some(session) = entry.get_mut() else {
            return done(false);
        };
        if session.record.generation != expected {
            return done(session.record == record);
        }
        session.written = self.next_write();
        let before = std::mem::replace(&mut session.record, record);
        if before.names != names {
            self.names().remove(key, before.names);
        }
        entry.set_expiry(expires_at);
        let added = names.filter(|_| before.names != names);
        self.unlock(entry, added.map(|names| (*key, names)));
        done(true)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let mut entry = self.sessions.entry(*key, 0);
        entry.remove();
        self.unlock(entry, None);
        self.released.notify_waiters();
        done(())
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        let mut entry = self.sessions.entry(*key, now);
        let Some(session) = entry.get_mut() else {
            return done(Lease::Missing);
        };
        let lease = session.lease.as_ref();
        if lease.is_some_and(|held| held.expires_at > now) {
            return done(Lease::Held);
        }
        let fence = self.last_fence.fetch_add(1, Ordering::Relaxed) + 1;
        session.lease = Some(MemoryLease {
            fence,
            expires_at: now.saturating_add(seconds(duration)),
        });
        let lease = Lease::granted(fence, session.record.loaded());
        done(lease)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let mut entry = self.sessions.entry(*key, now);
        let ours = entry
            .get_mut()
            .and_then(|session| session.lease.as_mut())
            .filter(|held| held.fence == fence && held.expires_at > now);
        let extended = ours.map(|held| held.expires_at = now.saturating_add(seconds(duration)));
        done(extended.is_some())
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        let mut entry = self.sessions.entry(*key, 0);
        if let Some(session) = entry.get_mut() {
            session.lease.take_if(|held| held.fence == fence);
        }
        drop(entry);
        self.released.notify_waiters();
        done(())
    }

    fn lease_end<'a>(&'a self, _key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        // Few wait at a time, and whoever is woken for another's session looks once more.
        let released = self.released.notified();
        Some(Box::pin(async move {
            released.await;
            Ok(())
        }))
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        let mut keys = self.names().under(name);
        keys.retain(|key| {
            let entry = self.sessions.entry(*key, now);
            entry.get().is_some_and(|session| session.is_called(name))
        });
        done(Some(keys))
    }

    fn diagnose(&self) -> StoreFuture<'_, Vec<Finding>> {
        Box::pin(std::future::ready(Ok(diagnosis::findings(self.limit))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use tokio::task::JoinSet;

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
        let indexed = || {
            let names = store.names();
            (names.sid.len(), names.sub.len())
        };
        assert_eq!(indexed(), (10, 10));
        store.remove(&[1; 32]).await.unwrap();
        assert_eq!(indexed(), (9, 9));
        store
            .replace(&[2; 32], 0, record(1, 100), 50)
            .await
            .unwrap();
        assert_eq!(indexed(), (8, 8));
    }

    #[tokio::test]
    async fn expired_sessions_go_a_few_at_a_time_and_their_names_with_them() {
        let store = MemoryStore::default();
        for person in 0..100 {
            let (key, record) = ([person; 32], of(person, 100));
            assert!(store.insert(&key, record, 50).await.unwrap());
        }
        for _ in 0..3 {
            for key in 100..164 {
                let key = [key; 32];
                store.insert(&key, record(0, 900), 200).await.unwrap();
                store.replace(&key, 0, record(0, 901), 200).await.unwrap();
            }
        }
        assert_eq!(store.sessions.len(), 64);
        let names = store.names();
        assert!(names.sid.is_empty() && names.sub.is_empty());
    }

    #[tokio::test]
    async fn sessions_that_have_expired_go_before_those_that_have_not() {
        let store = MemoryStore::new(30);
        for (key, expires_at) in [(1, 900), (2, 100), (3, 100)] {
            assert!(
                store
                    .insert(&[key; 32], of(1, expires_at), 50)
                    .await
                    .unwrap()
            );
        }
        assert!(store.insert(&[4; 32], of(1, 900), 200).await.unwrap());
        assert!(store.load(&[1; 32], 200).await.unwrap().is_some());
        assert_eq!(store.names().sub.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_limits_hold_however_many_sign_in_at_once() {
        let store = Arc::new(MemoryStore::new(50));
        let mut logins = JoinSet::new();
        for number in 0..=255_u8 {
            let store = Arc::clone(&store);
            // Half of the sessions are one person's, each of the others' is another's.
            let person = if number.is_multiple_of(2) { 0 } else { number };
            logins.spawn(async move {
                let inserted = store.insert(&[number; 32], of(person, 100), 50).await;
                matches!(inserted, Ok(true) | Err(StoreError::Full { limit: 50 }))
            });
        }
        assert!(logins.join_all().await.into_iter().all(|is_right| is_right));
        let one = StoredName::Sub([0; 32]);
        assert!(store.find(&one, 50).await.unwrap().unwrap().len() <= 5);
        assert_eq!(store.sessions.len(), 50);
    }

    #[tokio::test]
    async fn names_that_begin_alike_are_different_names() {
        let store = MemoryStore::default();
        let mut other = [1; 32];
        other[31] = 2;
        let names = StoredNames {
            sid: other,
            sub: other,
        };
        let others = StoredRecord {
            names: Some(names),
            ..record(0, 100)
        };
        store.insert(&[1; 32], others, 50).await.unwrap();
        store.insert(&[2; 32], of(1, 100), 50).await.unwrap();
        for (name, key) in [(other, 1), ([1; 32], 2)] {
            let found = store.find(&StoredName::Sub(name), 50).await.unwrap();
            assert_eq!(found, Some(vec![[key; 32]]));
        }
    }
}
