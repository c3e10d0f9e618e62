//! A small store in memory with one fault.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredNames,
    StoredRecord,
};
use tokio::sync::Notify;

/// What is wrong with a store. The last ones are only what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    CutsAtNul,
    LosesNames,
    NeverExpires,
    ExpiresOneLate,
    Upserts,
    ReplacesExpired,
    InsertsOver,
    IgnoresGeneration,
    ComparesLowByte,
    KeepsOldExpiry,
    ForgetsAnswers,
    RemovesOnce,
    ReplacesRemoved,
    ComparesThenSets,
    LooksThenInserts,
    LooksThenLeases,
    LeasesToAll,
    LeasesOfNothing,
    LeasesAsInserted,
    SameFence,
    LeaseBlocksReplace,
    ReplaceEndsLease,
    ExtendsForAnybody,
    ExtendsInName,
    ReleasesForAnybody,
    LeasesForEver,
    LeaseOutlivesRecord,
    ConfusesSidAndSub,
    FindsOne,
    KeepsOldNames,
    ForgetsOnReplace,
    FindsRemoved,
    FindsExpired,
    AnnouncesForSome,
    AnnouncesAllTheTime,
    AnnouncesNoRelease,
    AnnouncesToPolled,
    AnnouncesNoRemoval,
    Fails,
    Hangs,
    NoLeases,
    NoIndex,
    NoLeaseEnds,
}

#[derive(Debug)]
pub(crate) struct Faulty {
    fault: Fault,
    places: Mutex<HashMap<StoreKey, Place>>,
    ends: Notify,
}

#[derive(Clone, Debug)]
struct Place {
    record: StoredRecord,
    /// The record as it was inserted.
    first: StoredRecord,
    /// What it was ever called since then.
    called: Vec<StoredNames>,
    removed: bool,
    lease: Option<(u64, u64)>,
    fence: u64,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            places: Mutex::default(),
            ends: Notify::new(),
        }
    }

    /// How many records there are, dead ones included.
    pub(crate) fn records(&self) -> usize {
        let places = self.places();
        places.values().filter(|place| !place.removed).count()
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn places(&self) -> MutexGuard<'_, HashMap<StoreKey, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_live(&self, place: &Place, now: u64) -> bool {
        let expired = match self.fault {
            Fault::NeverExpires => false,
            Fault::ExpiresOneLate => place.record.expires_at < now,
            _ => place.record.expires_at <= now,
        };
        !place.removed && !expired
    }

    fn live(&self, key: &StoreKey, now: u64) -> Option<Place> {
        let place = self.places().get(key).cloned()?;
        self.is_live(&place, now).then_some(place)
    }

    fn held(&self, place: &Place, now: u64) -> Option<u64> {
        let (fence, until) = place.lease?;
        (until > now || self.has(Fault::LeasesForEver)).then_some(fence)
    }

    /// A store that compares first and acts later lets others go between.
    async fn gap(&self, fault: Fault) {
        if self.has(fault) {
            tokio::task::yield_now().await;
        }
    }

    fn alter(&self, key: &StoreKey, alter: impl FnOnce(&mut Place)) {
        self.places().entry(*key).and_modify(alter);
    }
}

impl SessionStore for Faulty {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        Box::pin(async move {
            match self.fault {
                Fault::Fails => return Err(StoreError::Unavailable("it fails".into())),
                Fault::Hangs => std::future::pending().await,
                _ => {}
            }
            Ok(self.live(key, now).map(|place| place.record.loaded()))
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        mut record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            if self.live(key, now).is_some() && !self.has(Fault::InsertsOver) {
                return Ok(false);
            }
            self.gap(Fault::LooksThenInserts).await;
            if let Some(nul) = record.sealed.iter().position(|byte| *byte == 0)
                && self.has(Fault::CutsAtNul)
            {
                record.sealed.truncate(nul);
            }
            if self.has(Fault::LosesNames) {
                record.names = None;
            }
            let before = self.places().get(key).cloned();
            let lease = before.as_ref().and_then(|before| before.lease);
            let place = Place {
                called: record.names.into_iter().collect(),
                first: record.clone(),
                record,
                removed: false,
                lease: lease.filter(|_| self.has(Fault::LeaseOutlivesRecord)),
                fence: before.map_or(0, |before| before.fence),
            };
            self.places().insert(*key, place);
            Ok(true)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        mut record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let there = match self.fault {
                Fault::ReplacesExpired | Fault::ReplacesRemoved => {
                    let there = self.places().get(key).cloned();
                    let removed = there.as_ref().is_some_and(|place| place.removed);
                    there.filter(|_| removed == self.has(Fault::ReplacesRemoved))
                }
                Fault::Upserts if self.live(key, now).is_none() => {
                    return self.insert(key, record, now).await;
                }
                _ => None,
            };
            let Some(place) = there.or_else(|| self.live(key, now)) else {
                return Ok(false);
            };
            let fits = match self.fault {
                Fault::IgnoresGeneration => true,
                Fault::ComparesLowByte => place.record.generation % 256 == expected % 256,
                _ => place.record.generation == expected,
            };
            if !fits {
                return Ok(place.record == record && !self.has(Fault::ForgetsAnswers));
            }
            if self.has(Fault::LeaseBlocksReplace) && self.held(&place, now).is_some() {
                return Ok(false);
            }
            self.gap(Fault::ComparesThenSets).await;
            if self.has(Fault::KeepsOldExpiry) {
                record.expires_at = place.record.expires_at;
            }
            self.alter(key, |place| {
                place.removed = false;
                place.called.extend(record.names);
                place.record = record;
                if self.has(Fault::ReplaceEndsLease) {
                    place.lease = None;
                }
            });
            Ok(true)
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let there = self.places().get(key).is_some_and(|place| !place.removed);
            if !there && self.has(Fault::RemovesOnce) {
                return Err(StoreError::Unavailable("it is gone already".into()));
            }
            self.alter(key, |place| place.removed = true);
            if !self.has(Fault::AnnouncesNoRemoval) {
                self.ends.notify_waiters();
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
        Box::pin(async move {
            if self.has(Fault::NoLeases) {
                return Ok(Lease::Unsupported);
            }
            let Some(place) = self.live(key, now) else {
                return Ok(match self.fault {
                    Fault::LeasesOfNothing => Lease::Held,
                    _ => Lease::Missing,
                });
            };
            if self.held(&place, now).is_some() && !self.has(Fault::LeasesToAll) {
                return Ok(Lease::Held);
            }
            self.gap(Fault::LooksThenLeases).await;
            let fence = match self.fault {
                Fault::SameFence => 1,
                _ => place.fence + 1,
            };
            self.alter(key, |place| {
                place.fence = fence;
                place.lease = Some((fence, now + duration.as_secs()));
            });
            let record = match self.fault {
                Fault::LeasesAsInserted => place.first,
                _ => place.record,
            };
            Ok(Lease::granted(fence, record.loaded()))
        })
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let Some(place) = self.live(key, now) else {
                return Ok(false);
            };
            let held = self.held(&place, now);
            let ours = held == Some(fence) || self.has(Fault::ExtendsForAnybody);
            if ours && !self.has(Fault::ExtendsInName) {
                self.alter(key, |place| {
                    place.lease = Some((fence, now + duration.as_secs()));
                });
            }
            Ok(ours)
        })
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.alter(key, |place| {
                let anybody = self.has(Fault::ReleasesForAnybody);
                place.lease.take_if(|held| held.0 == fence || anybody);
            });
            if !self.has(Fault::AnnouncesNoRelease) {
                self.ends.notify_waiters();
            }
            Ok(())
        })
    }

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        match self.fault {
            Fault::NoLeaseEnds => return None,
            Fault::AnnouncesForSome if self.places().contains_key(key) => return None,
            _ => {}
        }
        let from_now = self.ends.notified();
        Some(Box::pin(async move {
            match self.fault {
                Fault::AnnouncesAllTheTime => {}
                Fault::AnnouncesToPolled => self.ends.notified().await,
                _ => from_now.await,
            }
            Ok(())
        }))
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        Box::pin(async move {
            if self.has(Fault::NoIndex) {
                return Ok(None);
            }
            let bears = |names: &StoredNames| match *name {
                StoredName::Sid(bytes) | StoredName::Sub(bytes)
                    if self.has(Fault::ConfusesSidAndSub) =>
                {
                    names.sid == bytes || names.sub == bytes
                }
                StoredName::Sid(sid) => names.sid == sid,
                StoredName::Sub(sub) => names.sub == sub,
                _ => false,
            };
            let found = |place: &Place| {
                let there = match self.fault {
                    Fault::FindsRemoved => place.record.expires_at > now,
                    Fault::FindsExpired => !place.removed,
                    _ => self.is_live(place, now),
                };
                let called = match self.fault {
                    Fault::KeepsOldNames => place.called.iter().any(bears),
                    Fault::ForgetsOnReplace if place.first != place.record => false,
                    _ => place.record.names.iter().any(bears),
                };
                there && called
            };
            let places = self.places();
            let keys = places.iter().filter(|(_, place)| found(place));
            let limit = if self.has(Fault::FindsOne) {
                1
            } else {
                usize::MAX
            };
            Ok(Some(keys.take(limit).map(|(key, _)| *key).collect()))
        })
    }
}
