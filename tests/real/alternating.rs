//! Two nodes that share a server: every call goes to the other one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreFuture, StoreKey, StoredName, StoredRecord,
};

/// Two stores that take turns.
#[derive(Debug)]
pub(crate) struct Alternating<S> {
    stores: [S; 2],
    calls: AtomicUsize,
}

impl<S> Alternating<S> {
    pub(crate) fn new(stores: [S; 2]) -> Self {
        Self {
            stores,
            calls: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> &S {
        &self.stores[self.calls.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

impl<S: SessionStore> SessionStore for Alternating<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        self.next().load(key, now)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.next().insert(key, record, now)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.next().replace(key, expected, record, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.next().remove(key)
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        self.next().lease(key, duration, now)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.next().extend_lease(key, fence, duration, now)
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        self.next().release_lease(key, fence)
    }

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        self.next().lease_end(key)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        self.next().find(name, now)
    }
}
