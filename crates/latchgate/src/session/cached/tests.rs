use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::session::MemoryStore;

const KEY: StoreKey = [1; 32];

/// Counts loads, and holds their answers back when told to.
#[derive(Debug)]
struct Counting {
    memory: MemoryStore,
    loads: AtomicUsize,
    held_back: AtomicBool,
    /// Removes, and never says so.
    hangs: AtomicBool,
    answers: Semaphore,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            memory: MemoryStore::default(),
            loads: AtomicUsize::new(0),
            held_back: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            answers: Semaphore::new(0),
        }
    }
}

impl Counting {
    fn loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }
}

impl SessionStore for Counting {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        Box::pin(async move {
            self.loads.fetch_add(1, Ordering::SeqCst);
            let loaded = self.memory.load(key, now).await;
            if self.held_back.load(Ordering::SeqCst) {
                self.answers.acquire().await.unwrap().forget();
            }
            loaded
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.memory.insert(key, record, now)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.memory.replace(key, expected, record, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.memory.remove(key).await?;
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending().await
            }
            Ok(())
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        self.memory.lease(key, duration, now)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.memory.extend_lease(key, fence, duration, now)
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        self.memory.release_lease(key, fence)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        self.memory.find(name, now)
    }
}

fn record(generation: u32) -> StoredRecord {
    StoredRecord {
        sealed: vec![7],
        generation,
        expires_at: 1_000,
        names: None,
    }
}

/// A node, and the store it shares with another that goes there without a cache. The record is there.
async fn node() -> (Arc<CachedStore<Arc<Counting>>>, Arc<Counting>) {
    let store = Arc::new(Counting::default());
    store.insert(&KEY, record(0), 100).await.unwrap();
    let cached = CachedStore::new(Arc::clone(&store), Duration::from_millis(5_900));
    (Arc::new(cached), store)
}

#[tokio::test]
async fn within_its_time_a_record_is_loaded_once() {
    let (node, store) = node().await;
    for now in [100, 101, 104] {
        assert_eq!(node.load(&KEY, now).await.unwrap(), Some(record(0)));
    }
    assert_eq!(store.loads(), 1);
    assert_eq!(node.load(&KEY, 105).await.unwrap(), Some(record(0)));
    assert_eq!(store.loads(), 1, "five seconds are over");
    assert_eq!(node.load(&KEY, 104).await.unwrap(), Some(record(0)));
    assert_eq!(store.loads(), 1, "a clock that was set back trusts nothing");
}

#[tokio::test]
async fn less_than_a_second_is_no_time_and_a_day_is_a_minute() {
    for (remember, last) in [
        (Duration::from_millis(999), 0),
        (Duration::from_secs(86_400), 59),
    ] {
        let store = Arc::new(Counting::default());
        store.insert(&KEY, record(0), 100).await.unwrap();
        let node = CachedStore::new(Arc::clone(&store), remember);
        for now in [100, 100 + last, 100 + last + 1] {
            node.load(&KEY, now).await.unwrap();
        }
        assert_eq!(store.loads(), if last == 0 { 3 } else { 2 });
    }
}

#[tokio::test]
async fn an_expired_record_is_gone_however_fresh() {
    let (node, store) = node().await;
    assert!(node.load(&KEY, 999).await.unwrap().is_some());
    assert_eq!(node.load(&KEY, 1_000).await.unwrap(), None);
    assert_eq!(store.loads(), 2);
}

#[tokio::test]
async fn that_nothing_is_there_is_not_remembered() {
    let (node, store) = node().await;
    for _ in 0..3 {
        assert_eq!(node.load(&[2; 32], 100).await.unwrap(), None);
    }
    assert_eq!(store.loads(), 3);
}

#[tokio::test]
async fn what_this_node_does_it_sees_at_once() {
    let (node, store) = node().await;
    node.load(&KEY, 100).await.unwrap();
    assert!(node.replace(&KEY, 0, record(1), 100).await.unwrap());
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(1)));
    assert_eq!(store.loads(), 1, "what was written is remembered");
    node.remove(&KEY).await.unwrap();
    assert_eq!(node.load(&KEY, 100).await.unwrap(), None);
    assert!(node.insert(&KEY, record(0), 100).await.unwrap());
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(0)));
    assert_eq!(store.loads(), 1, "only what was removed is asked for");
}

#[tokio::test]
async fn what_another_does_is_seen_when_the_time_is_over_or_a_change_failed() {
    let (node, store) = node().await;
    node.load(&KEY, 100).await.unwrap();
    store.replace(&KEY, 0, record(1), 100).await.unwrap();
    assert_eq!(node.load(&KEY, 104).await.unwrap(), Some(record(0)));
    assert!(!node.replace(&KEY, 0, record(9), 104).await.unwrap());
    assert_eq!(node.load(&KEY, 104).await.unwrap(), Some(record(1)));
    store.remove(&KEY).await.unwrap();
    assert_eq!(node.load(&KEY, 108).await.unwrap(), Some(record(1)));
    assert_eq!(node.load(&KEY, 109).await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_asks_the_store() {
    let (node, store) = node().await;
    let minute = Duration::from_secs(60);
    node.load(&KEY, 100).await.unwrap();
    store.replace(&KEY, 0, record(1), 100).await.unwrap();
    let Lease::Granted { record: found, .. } = node.lease(&KEY, minute, 100).await.unwrap() else {
        panic!("not granted");
    };
    assert_eq!(found, record(1));
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(1)));
    assert_eq!(store.loads(), 1, "what came with the lease is remembered");
    store.replace(&KEY, 1, record(2), 100).await.unwrap();
    assert_eq!(node.lease(&KEY, minute, 100).await.unwrap(), Lease::Held);
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(2)));
}

#[tokio::test]
async fn a_load_under_way_brings_nothing_back() {
    let now = 100;
    for removed in [true, false] {
        let (node, store) = node().await;
        store.held_back.store(true, Ordering::SeqCst);
        let mut late = Box::pin(node.load(&KEY, now));
        assert!(polled_once(&mut late).is_none(), "it waits for its answer");
        assert_eq!(store.loads(), 1);
        if removed {
            node.remove(&KEY).await.unwrap();
        } else {
            node.replace(&KEY, 0, record(1), now).await.unwrap();
        }
        store.answers.add_permits(1);
        assert_eq!(late.await.unwrap(), Some(record(0)), "as it was when asked");
        store.held_back.store(false, Ordering::SeqCst);
        let expected = (!removed).then(|| record(1));
        assert_eq!(node.load(&KEY, now).await.unwrap(), expected);
    }
}

/// Polls a future once.
fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn of_two_loads_the_newer_answer_stays() {
    let (node, store) = node().await;
    store.held_back.store(true, Ordering::SeqCst);
    let mut older = Box::pin(node.load(&KEY, 100));
    assert!(polled_once(&mut older).is_none());
    store.replace(&KEY, 0, record(1), 100).await.unwrap();
    store.held_back.store(false, Ordering::SeqCst);
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(1)));
    store.answers.add_permits(1);
    assert_eq!(older.await.unwrap(), Some(record(0)));
    assert_eq!(node.load(&KEY, 100).await.unwrap(), Some(record(1)));
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_any_more_may_have_happened() {
    let (node, store) = node().await;
    node.load(&KEY, 100).await.unwrap();
    store.hangs.store(true, Ordering::SeqCst);
    let mut removing = Box::pin(node.remove(&KEY));
    assert!(polled_once(&mut removing).is_none());
    drop(removing);
    assert_eq!(node.load(&KEY, 100).await.unwrap(), None);
}

#[tokio::test]
async fn its_memory_has_an_end() {
    let (node, store) = node().await;
    let key = |number: usize| {
        let mut key = KEY;
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    };
    for number in 0..LIMIT + 10 {
        node.insert(&key(number), record(0), 100).await.unwrap();
    }
    assert_eq!(node.memory().records.len(), LIMIT);
    assert!(node.load(&key(LIMIT + 9), 100).await.unwrap().is_some());
    assert_eq!(store.loads(), 1);
    node.load(&key(LIMIT + 9), 105).await.unwrap();
    assert_eq!(
        node.memory().records.len(),
        1,
        "the others are no longer fresh"
    );

    let long = StoredRecord {
        sealed: vec![0; LENGTH + 1],
        ..record(1)
    };
    assert!(node.replace(&KEY, 0, long.clone(), 105).await.unwrap());
    assert_eq!(node.load(&KEY, 105).await.unwrap(), Some(long));
    assert_eq!(node.memory().records.len(), 1);
}
