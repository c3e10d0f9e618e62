//! A map whose entries expire, shared by all requests of a process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A map whose entries expire. Its keys are random bytes or hashes; times are seconds, and an entry
/// is there for as long as it expires after `now`.
///
/// However many entries there are, no lock is held for long:
///
/// * Keys are spread over shards by their last byte. Each shard has a lock of its own.
/// * A shard is a pair of B-trees, by key and by expiry: they grow and shrink node by node, so that
///   nothing is ever copied as a whole, and memory falls with the number of entries.
/// * Each write drops at most [`ExpiringMap::STEP`] expired entries of its shard.
/// * Values are dropped after the shard is unlocked.
pub(crate) struct ExpiringMap<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    shard_limit: usize,
    len: AtomicUsize,
}

struct Shard<K, V> {
    entries: BTreeMap<K, Expiring<V>>,
    by_expiry: BTreeSet<(u64, K)>,
}

struct Expiring<V> {
    value: V,
    expires_at: u64,
}

/// One entry of an [`ExpiringMap`], there or not. Its shard is locked for as long as this lives.
pub(crate) struct LockedEntry<'a, K, V> {
    // Declared, and therefore dropped, before the values that were removed.
    shard: MutexGuard<'a, Shard<K, V>>,
    removed: Vec<(K, V)>,
    map: &'a ExpiringMap<K, V>,
    key: K,
    now: u64,
}

impl<K: Copy + Ord + AsRef<[u8]>, V> ExpiringMap<K, V> {
    /// How many expired entries one write drops at most.
    pub(crate) const STEP: usize = 16;

    const SHARDS: usize = 64;

    /// How many entries of a bounded map there are at least for each shard. Keys are spread unevenly: shards of a few entries
    /// would be full long before the map is.
    const ROOMY: usize = 1_024;

    pub(crate) fn new() -> Self {
        Self::with_shards(Self::SHARDS, usize::MAX)
    }

    /// A map of about `limit` entries at most. When a shard is full, a new entry takes the place of
    /// the one that expires first.
    pub(crate) fn bounded(limit: usize) -> Self {
        let shards = (limit / Self::ROOMY).clamp(1, Self::SHARDS);
        Self::with_shards(shards, limit.div_ceil(shards))
    }

    fn with_shards(shards: usize, shard_limit: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                entries: BTreeMap::new(),
                by_expiry: BTreeSet::new(),
            })
        };
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
            shard_limit,
            len: AtomicUsize::new(0),
        }
    }

    /// How many entries there are, expired ones that have yet to be dropped included.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// A clone of the value under `key`.
    pub(crate) fn get(&self, key: &K, now: u64) -> Option<V>
    where
        V: Clone,
    {
        self.entry(*key, now).get().cloned()
    }

    /// Locks the entry under `key`, to read it and to change it in one step.
    pub(crate) fn entry(&self, key: K, now: u64) -> LockedEntry<'_, K, V> {
        let byte = key.as_ref().last().copied().unwrap_or_default();
        let shard = &self.shards[usize::from(byte) % self.shards.len()];
        LockedEntry {
            shard: shard.lock().unwrap_or_else(PoisonError::into_inner),
            removed: Vec::new(),
            map: self,
            key,
            now,
        }
    }

    /// Locks an entry that has expired, if there is one.
    pub(crate) fn expired(&self, now: u64) -> Option<LockedEntry<'_, K, V>> {
        self.shards.iter().find_map(|shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let key = shard.first_expired(now)?;
            Some(LockedEntry {
                shard,
                removed: Vec::new(),
                map: self,
                key,
                now,
            })
        })
    }
}

impl<K: Copy + Ord + AsRef<[u8]>, V> LockedEntry<'_, K, V> {
    pub(crate) fn get(&self) -> Option<&V> {
        let entry = self.shard.entries.get(&self.key)?;
        (entry.expires_at > self.now).then_some(&entry.value)
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut V> {
        let entry = self.shard.entries.get_mut(&self.key)?;
        (entry.expires_at > self.now).then_some(&mut entry.value)
    }

    /// Sets the value, replacing any that is there.
    pub(crate) fn set(&mut self, value: V, expires_at: u64) {
        self.remove();
        if self.shard.entries.len() >= self.map.shard_limit
            && let Some((_, first)) = self.shard.by_expiry.first().copied()
        {
            self.remove_under(first);
        }
        let entry = Expiring { value, expires_at };
        self.shard.entries.insert(self.key, entry);
        self.shard.by_expiry.insert((expires_at, self.key));
        self.map.len.fetch_add(1, Ordering::Release);
        self.drop_expired();
    }

    /// Changes when the entry expires, if it is there.
    pub(crate) fn set_expiry(&mut self, expires_at: u64) {
        let shard = &mut *self.shard;
        let entry = shard.entries.get_mut(&self.key);
        if let Some(entry) = entry.filter(|entry| entry.expires_at > self.now) {
            shard.by_expiry.remove(&(entry.expires_at, self.key));
            shard.by_expiry.insert((expires_at, self.key));
            entry.expires_at = expires_at;
        }
        self.drop_expired();
    }

    /// Removes the entry, also when it has expired.
    pub(crate) fn remove(&mut self) {
        self.remove_under(self.key);
    }

    /// What this lock has removed: values that were replaced, and entries that had expired. They
    /// should be dropped after the lock.
    pub(crate) fn take_removed(&mut self) -> Vec<(K, V)> {
        std::mem::take(&mut self.removed)
    }

    fn drop_expired(&mut self) {
        for _ in 0..ExpiringMap::<K, V>::STEP {
            let Some(key) = self.shard.first_expired(self.now) else {
                return;
            };
            self.remove_under(key);
        }
    }

    fn remove_under(&mut self, key: K) {
        if let Some(entry) = self.shard.entries.remove(&key) {
            self.shard.by_expiry.remove(&(entry.expires_at, key));
            self.map.len.fetch_sub(1, Ordering::Release);
            self.removed.push((key, entry.value));
        }
    }
}

impl<K: Copy + Ord, V> Shard<K, V> {
    fn first_expired(&self, now: u64) -> Option<K> {
        let (expires_at, key) = *self.by_expiry.first()?;
        (expires_at <= now).then_some(key)
    }
}

impl<K, V> fmt::Debug for ExpiringMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpiringMap")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Keys of one shard when `shard` is the same.
    fn key(number: u16, shard: u8) -> [u8; 4] {
        let [high, low] = number.to_be_bytes();
        [high, low, 0, shard]
    }

    fn set<V>(map: &ExpiringMap<[u8; 4], V>, key: [u8; 4], value: V, expires_at: u64, now: u64) {
        map.entry(key, now).set(value, expires_at);
    }

    #[test]
    fn an_entry_is_there_until_it_expires() {
        let map = ExpiringMap::new();
        set(&map, key(1, 1), "a", 100, 50);
        assert_eq!(map.get(&key(1, 1), 99), Some("a"));
        assert_eq!(map.get(&key(1, 1), 100), None);
        assert_eq!(map.get(&key(2, 1), 50), None);
        assert!(map.entry(key(1, 1), 100).get_mut().is_none());
    }

    #[test]
    fn an_entry_is_read_and_changed_in_one_step() {
        let map = ExpiringMap::new();
        set(&map, key(1, 1), 1, 100, 50);
        let mut entry = map.entry(key(1, 1), 50);
        let count = entry.get_mut().unwrap();
        *count += 1;
        entry.set_expiry(200);
        drop(entry);
        assert_eq!(map.get(&key(1, 1), 199), Some(2));
        assert_eq!(map.get(&key(1, 1), 200), None);

        let mut entry = map.entry(key(1, 1), 200);
        entry.set_expiry(900);
        assert!(entry.get().is_none(), "nothing comes back");
        drop(entry);

        set(&map, key(1, 1), 3, 300, 250);
        assert_eq!((map.get(&key(1, 1), 299), map.len()), (Some(3), 1));
        let mut entry = map.entry(key(1, 1), 250);
        entry.remove();
        assert_eq!(entry.take_removed(), [(key(1, 1), 3)]);
        drop(entry);
        assert_eq!((map.get(&key(1, 1), 250), map.len()), (None, 0));
    }

    #[test]
    fn every_write_drops_a_few_expired_entries_of_its_shard() {
        let map = ExpiringMap::new();
        let step = ExpiringMap::<[u8; 4], ()>::STEP;
        for number in 0..100 {
            set(&map, key(number, 1), (), 100, 50);
            set(&map, key(number, 2), (), 100, 50);
        }
        set(&map, key(200, 1), (), 900, 100);
        assert_eq!(map.len(), 201 - step);
        map.entry(key(200, 1), 100).set_expiry(901);
        assert_eq!(map.len(), 201 - 2 * step);
        for _ in 0..10 {
            map.entry(key(200, 1), 100).set_expiry(900);
        }
        assert_eq!(
            map.len(),
            101,
            "the other shard waits for a write of its own"
        );
        assert_eq!(map.get(&key(200, 1), 100), Some(()));
    }

    #[test]
    fn an_expired_entry_is_found_in_whichever_shard() {
        let map = ExpiringMap::new();
        set(&map, key(1, 9), "later", 200, 50);
        set(&map, key(2, 9), "first", 100, 50);
        assert!(map.expired(99).is_none());
        let mut entry = map.expired(100).unwrap();
        entry.remove();
        assert_eq!(entry.take_removed(), [(key(2, 9), "first")]);
        drop(entry);
        assert!(map.expired(199).is_none());
    }

    #[test]
    fn a_full_shard_drops_what_expires_first() {
        let map = ExpiringMap::bounded(2);
        for (number, expires_at) in [(1, 300), (2, 200), (3, 400)] {
            set(&map, key(number, 1), number, expires_at, 50);
        }
        let left = |number: u16| map.get(&key(number, 1), 50);
        assert_eq!((left(1), left(2), left(3)), (Some(1), None, Some(3)));
        // Whoever is there already takes nobody's place.
        set(&map, key(3, 1), 33, 500, 50);
        assert_eq!((left(1), left(3), map.len()), (Some(1), Some(33), 2));
    }

    /// Or what is used by turns would never be there when it is needed.
    #[test]
    fn a_small_map_holds_as_much_as_it_should_whatever_the_keys() {
        let map = ExpiringMap::bounded(1_000);
        for number in 0..1_000 {
            let shard = (number % 7) as u8;
            set(&map, key(number, shard), (), 300 + u64::from(number), 50);
        }
        assert_eq!(map.len(), 1_000);
        set(&map, key(1_000, 1), (), 900, 50);
        assert_eq!((map.len(), map.get(&key(0, 0), 50)), (1_000, None));
    }

    /// Locks the shard it lies in when it is dropped, which would be a deadlock under the lock.
    struct LooksBack(Arc<ExpiringMap<[u8; 4], LooksBack>>);

    impl Drop for LooksBack {
        fn drop(&mut self) {
            for shard in &self.0.shards {
                assert!(shard.try_lock().is_ok(), "dropped under the lock");
            }
        }
    }

    #[test]
    fn values_are_dropped_after_the_lock() {
        let map = Arc::new(ExpiringMap::new());
        let value = || LooksBack(Arc::clone(&map));
        set(&map, key(1, 1), value(), 100, 50);
        set(&map, key(1, 1), value(), 100, 50);
        set(&map, key(2, 1), value(), 200, 100);
        map.entry(key(2, 1), 100).remove();
        assert_eq!(map.len(), 0);
    }
}
