//! A session store that several nodes share, and that can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchgate::{MemoryStore, SessionStore, StoreError, StoreFuture, StoredRecord};

/// A [`MemoryStore`] whose clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct SharedStore {
    memory: Arc<MemoryStore>,
    down: Arc<AtomicBool>,
}

impl SharedStore {
    /// Makes every call fail from now on, or work again.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn refusal(&self) -> Option<StoreError> {
        let down = self.down.load(Ordering::SeqCst);
        down.then(|| StoreError::Unavailable("the test took it down".into()))
    }
}

impl SessionStore for SharedStore {
    fn load<'a>(&'a self, key: &'a [u8; 32], now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        match self.refusal() {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.memory.load(key, now),
        }
    }

    fn insert<'a>(
        &'a self,
        key: &'a [u8; 32],
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, ()> {
        match self.refusal() {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.memory.insert(key, record, now),
        }
    }

    fn replace<'a>(
        &'a self,
        key: &'a [u8; 32],
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        match self.refusal() {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.memory.replace(key, expected, record, now),
        }
    }

    fn remove<'a>(&'a self, key: &'a [u8; 32]) -> StoreFuture<'a, ()> {
        match self.refusal() {
            Some(error) => Box::pin(async { Err(error) }),
            None => self.memory.remove(key),
        }
    }
}
