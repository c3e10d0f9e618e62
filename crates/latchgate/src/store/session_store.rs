//! The contract of stores.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;
use super::records::{Lease, LoadedRecord, StoreKey, StoredName, StoredRecord};
use crate::report::Finding;

/// What the methods of [`SessionStore`] return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps records under keys. Several nodes may share a store.
///
/// # The contract
///
/// 1. **Atomic.** A call happens entirely or not at all, and the calls for one key happen one after
///    another, whichever nodes make them.
/// 2. **Durable.** Once a call has returned, every later call on every node sees what it did.
/// 3. **Expiring.** A record exists while `expires_at` is later than `now`; after that, no call sees it.
///    The store deletes expired records by itself.
/// 4. **Repeatable.** A caller that gets no answer repeats the call. So replacing a record by the same
///    one is `true`, and removing a missing record is no error.
/// 5. **Prompt.** A call answers or fails within five seconds. The next call replaces a connection
///    that was lost.
/// 6. **Discreet.** Errors contain no key and no content. They say where the store is, without a
///    password.
///
/// `now` is the caller's time in seconds since the epoch, and decides whether a record has expired.
/// Leases last seconds, and the clocks of nodes differ by more: a store that several nodes share
/// measures leases by its own clock.
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// What kind of store it is, for spans: a [`db.system.name`](https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/)
    /// of OpenTelemetry where there is one, such as `redis` or `postgresql`. `other` unless a store says so.
    fn system(&self) -> &'static str {
        "other"
    }

    /// Loads the record under `key`, in one round trip.
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>>;

    /// Inserts a record. `false`, without any change, if there is one under `key` already.
    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Replaces the record under `key`, with its names and its expiry, if its generation is
    /// `expected`. Otherwise `false`, without any change: another caller was faster, or the session
    /// has ended. A lease stays as it is.
    ///
    /// This comparison also fences: a caller whose lease has expired cannot overwrite what the next
    /// one wrote.
    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Removes the record under `key`, if there is one, and its lease.
    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()>;

    /// Requests the lease of the record under `key`. `duration` is between half a second and a minute.
    /// A record has one lease at a time: its holder refreshes the tokens of the session. Loading and
    /// replacing need no lease.
    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease>;

    /// Extends the lease with this `fence`: it expires after `duration` from now. `false` if it has
    /// expired, or another caller holds one.
    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool>;

    /// Ends the lease with this `fence`, if it is still held.
    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()>;

    /// Waits until the lease of the record under `key` is released, or the record is removed. `None`, the default, for
    /// stores that do not announce this: waiting nodes then poll, with pauses of 20 ms to a second.
    ///
    /// Everything that happens after this call counts, even before the first poll. The future may complete too early, because
    /// a waiting node looks again; it may also fail, or miss an announcement and never complete, because nodes poll in any
    /// case. [`LeaseEnds`](super::LeaseEnds) implements it for servers with messages.
    fn lease_end<'a>(&'a self, _key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        None
    }

    /// The keys of all records with this name, in any order. `None` if the store has no index: a
    /// logout by the provider then ends sessions only on the node that receives it.
    fn find<'a>(&'a self, name: &'a StoredName, now: u64)
    -> StoreFuture<'a, Option<Vec<StoreKey>>>;

    /// What an operator should know of the store, for [`Gate::check`](crate::Gate::check): whether it drops records when it
    /// is full ([`FindingCode::StoreEviction`](crate::FindingCode::StoreEviction)), what a restart loses
    /// ([`StoreDurability`](crate::FindingCode::StoreDurability)), whether its tables exist
    /// ([`StoreSchema`](crate::FindingCode::StoreSchema)). For settings that it may not read, return a
    /// [`Severity::Hint`](crate::Severity::Hint). Whether it answers, accepts records, and has leases and an index is checked
    /// with the calls above. The default returns nothing.
    fn diagnose(&self) -> StoreFuture<'_, Vec<Finding>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// A shared store is a store.
impl<S: SessionStore + ?Sized> SessionStore for Arc<S> {
    fn system(&self) -> &'static str {
        (**self).system()
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        (**self).load(key, now)
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).insert(key, record, now)
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).replace(key, expected, record, now)
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        (**self).remove(key)
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        (**self).lease(key, duration, now)
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        (**self).extend_lease(key, fence, duration, now)
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        (**self).release_lease(key, fence)
    }

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        (**self).lease_end(key)
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        (**self).find(name, now)
    }

    fn diagnose(&self) -> StoreFuture<'_, Vec<Finding>> {
        (**self).diagnose()
    }
}

/// Opens the store at a URL such as `redis://…`. The store connects at its first call. `None` if the
/// scheme belongs to another store.
pub type StoreOpener = fn(&str) -> Option<Result<Arc<dyn SessionStore>, StoreError>>;
