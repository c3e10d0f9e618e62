//! The store that all nodes share. It keeps the contract of [`SessionStore`], with a clock of its own for leases;
//! what happens to calls on their way is the [line's](crate::line) business.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
};
use tokio::sync::Notify;

use crate::line::{Life, Line};
use crate::time::Time;

/// The records.
#[derive(Debug)]
pub(crate) struct Shelf {
    time: Time,
    state: Mutex<State>,
    /// Whenever a lease has been released, or a record removed.
    lease_ends: Notify,
}

#[derive(Debug, Default)]
struct State {
    places: BTreeMap<StoreKey, Place>,
    fence: u64,
}

#[derive(Debug)]
struct Place {
    record: StoredRecord,
    /// The fence of the last lease, and when it runs out.
    lease: Option<(u64, Duration)>,
}

impl State {
    fn live(&mut self, key: &StoreKey, now: u64) -> Option<&mut Place> {
        self.places
            .get_mut(key)
            .filter(|place| place.record.expires_at > now)
    }
}

impl Shelf {
    pub(crate) fn new(time: Time) -> Arc<Self> {
        Arc::new(Self {
            time,
            state: Mutex::default(),
            lease_ends: Notify::new(),
        })
    }

    fn insert(&self, key: StoreKey, record: StoredRecord, now: u64) -> bool {
        let mut state = self.state.lock().unwrap();
        let vacant = state.live(&key, now).is_none();
        if vacant {
            state.places.insert(
                key,
                Place {
                    record,
                    lease: None,
                },
            );
        }
        vacant
    }

    fn replace(&self, key: &StoreKey, expected: u32, record: StoredRecord, now: u64) -> bool {
        let mut state = self.state.lock().unwrap();
        let Some(place) = state.live(key, now) else {
            return false;
        };
        if place.record.generation != expected {
            return place.record == record;
        }
        place.record = record;
        true
    }

    fn lease(&self, key: &StoreKey, duration: Duration, now: u64) -> Lease {
        let mut state = self.state.lock().unwrap();
        let fence = state.fence + 1;
        let true_now = self.time.now();
        let lease = match state.live(key, now) {
            None => return Lease::Missing,
            Some(place) if place.lease.is_some_and(|(_, until)| until > true_now) => {
                return Lease::Held;
            }
            Some(place) => {
                place.lease = Some((fence, true_now + duration));
                Lease::granted(fence, place.record.loaded())
            }
        };
        state.fence = fence;
        lease
    }

    /// Ends a lease, or lets it last until then. `false` when it is not the one any more.
    fn move_lease(&self, key: &StoreKey, fence: u64, until: Duration) -> bool {
        let mut state = self.state.lock().unwrap();
        let now = self.time.now();
        let lease = state.places.get_mut(key).map(|place| &mut place.lease);
        match lease {
            Some(Some((held, end))) if *held == fence && *end > now => {
                *end = until;
                true
            }
            _ => false,
        }
    }

    fn find(&self, name: &StoredName, now: u64) -> Vec<StoreKey> {
        let state = self.state.lock().unwrap();
        let named = state.places.iter().filter(|(_, place)| {
            place.record.expires_at > now
                && place.record.names.is_some_and(|names| match name {
                    StoredName::Sid(sid) => names.sid == *sid,
                    StoredName::Sub(sub) => names.sub == *sub,
                    _ => false,
                })
        });
        named.map(|(key, _)| *key).collect()
    }
}

/// One node's client of the store.
pub(crate) struct StoreClient {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) line: Arc<Line>,
    pub(crate) life: Life,
    /// Whether it hears of the ends of leases, or looks again after pauses.
    pub(crate) hears: bool,
}

impl StoreClient {
    fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Shelf) -> T + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let shelf = Arc::clone(&self.shelf);
        Box::pin(async move {
            let answer = self.line.carry(&self.life, move || act(&shelf)).await;
            answer.map_err(|_| StoreError::unavailable("no answer"))
        })
    }
}

impl SessionStore for StoreClient {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        let key = *key;
        self.call(move |shelf| {
            let mut state = shelf.state.lock().unwrap();
            state.live(&key, now).map(|place| place.record.loaded())
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let key = *key;
        self.call(move |shelf| shelf.insert(key, record, now))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        let key = *key;
        self.call(move |shelf| shelf.replace(&key, expected, record, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let key = *key;
        self.call(move |shelf| {
            shelf.state.lock().unwrap().places.remove(&key);
            shelf.lease_ends.notify_waiters();
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        let key = *key;
        self.call(move |shelf| shelf.lease(&key, duration, now))
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        _: u64,
    ) -> StoreFuture<'a, bool> {
        let key = *key;
        self.call(move |shelf| shelf.move_lease(&key, fence, shelf.time.now() + duration))
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        let key = *key;
        self.call(move |shelf| {
            shelf.move_lease(&key, fence, shelf.time.now());
            shelf.lease_ends.notify_waiters();
        })
    }

    fn lease_end<'a>(&'a self, _: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        let end = self.shelf.lease_ends.notified();
        self.hears.then(|| -> StoreFuture<'a, ()> {
            Box::pin(async {
                end.await;
                let heard = self.line.announce(&self.life).await;
                heard.map_err(|_| StoreError::unavailable("the announcement was lost"))
            })
        })
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        let name = *name;
        self.call(move |shelf| Some(shelf.find(&name, now)))
    }
}

impl fmt::Debug for StoreClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreClient")
    }
}
