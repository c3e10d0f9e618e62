//! A session store that several nodes share, and that can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchgate::MemoryStore;
use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
};

/// A store whose clones are the same store: a [`MemoryStore`], or any other.
#[derive(Clone, Debug)]
pub struct SharedStore {
    store: Arc<dyn SessionStore>,
    down: Arc<AtomicBool>,
    unindexed: bool,
    calls: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
    leases_refused: Arc<AtomicUsize>,
}

impl SharedStore {
    /// Shares this store.
    pub fn new(store: impl SessionStore + 'static) -> Self {
        Self {
            store: Arc::new(store),
            down: Arc::default(),
            leases_refused: Arc::default(),
            unindexed: false,
            calls: Arc::default(),
            writes: Arc::default(),
        }
    }

    /// A store that finds nothing by name.
    #[must_use]
    pub fn without_index() -> Self {
        Self {
            unindexed: true,
            ..Self::default()
        }
    }

    /// How often it was asked anything.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// How often something was to be inserted or replaced.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Makes every call fail from now on, or work again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// How often somebody asked for a lease that somebody else had.
    #[must_use]
    pub fn leases_refused(&self) -> usize {
        self.leases_refused.load(Ordering::SeqCst)
    }

    /// Whether every call fails.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    fn unless_down<'a, T: 'a>(
        &'a self,
        call: impl FnOnce(&'a dyn SessionStore) -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_down() {
            let error = StoreError::unavailable("the test took it down");
            return Box::pin(async { Err(error) });
        }
        call(&*self.store)
    }
}

impl Default for SharedStore {
    fn default() -> Self {
        Self::new(MemoryStore::default())
    }
}

impl SessionStore for SharedStore {
    fn system(&self) -> &'static str {
        "memory"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        self.unless_down(|store| store.load(key, now))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.unless_down(|store| store.insert(key, record, now))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.unless_down(|store| store.replace(key, expected, record, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.unless_down(|store| store.remove(key))
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        let lease = self.unless_down(|store| store.lease(key, duration, now));
        Box::pin(async {
            let lease = lease.await?;
            if lease == Lease::Held {
                self.leases_refused.fetch_add(1, Ordering::SeqCst);
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
        self.unless_down(|store| store.extend_lease(key, fence, duration, now))
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        self.unless_down(|store| store.release_lease(key, fence))
    }

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        self.store.lease_end(key)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        if self.unindexed {
            return self.unless_down(|_| Box::pin(async { Ok(None) }));
        }
        self.unless_down(|store| store.find(name, now))
    }
}
