//! A store whose calls are seen: each is a span, and is measured.

use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;
use super::records::{Lease, LoadedRecord, StoreKey, StoredName, StoredRecord};
use super::session_store::{SessionStore, StoreFuture};
use crate::telemetry::{StoreCall, StoreOperation};

/// A store as the core calls it. The methods are those of [`SessionStore`].
#[derive(Clone, Debug)]
pub(crate) struct ObservedStore(Arc<dyn SessionStore>);

impl ObservedStore {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self(store)
    }

    /// The store itself.
    pub(crate) fn unobserved(&self) -> &Arc<dyn SessionStore> {
        &self.0
    }

    fn call(&self, operation: StoreOperation) -> StoreCall {
        StoreCall::begin(self.0.system(), operation)
    }

    pub(crate) async fn load(
        &self,
        key: &StoreKey,
        now: u64,
    ) -> Result<Option<LoadedRecord>, StoreError> {
        let call = self.call(StoreOperation::Load);
        call.make(self.0.load(key, now)).await
    }

    pub(crate) async fn insert(
        &self,
        key: &StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> Result<bool, StoreError> {
        let call = self.call(StoreOperation::Insert);
        call.make(self.0.insert(key, record, now)).await
    }

    pub(crate) async fn replace(
        &self,
        key: &StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> Result<bool, StoreError> {
        let call = self.call(StoreOperation::Replace);
        call.make(self.0.replace(key, expected, record, now)).await
    }

    pub(crate) async fn remove(&self, key: &StoreKey) -> Result<(), StoreError> {
        let call = self.call(StoreOperation::Remove);
        call.make(self.0.remove(key)).await
    }

    pub(crate) async fn lease(
        &self,
        key: &StoreKey,
        duration: Duration,
        now: u64,
    ) -> Result<Lease, StoreError> {
        let call = self.call(StoreOperation::Lease);
        call.make(self.0.lease(key, duration, now)).await
    }

    pub(crate) async fn extend_lease(
        &self,
        key: &StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> Result<bool, StoreError> {
        let call = self.call(StoreOperation::ExtendLease);
        call.make(self.0.extend_lease(key, fence, duration, now))
            .await
    }

    pub(crate) async fn release_lease(&self, key: &StoreKey, fence: u64) -> Result<(), StoreError> {
        let call = self.call(StoreOperation::ReleaseLease);
        call.make(self.0.release_lease(key, fence)).await
    }

    /// Not observed: it lasts as long as another node's refresh.
    pub(crate) fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        self.0.lease_end(key)
    }

    pub(crate) async fn find(
        &self,
        name: &StoredName,
        now: u64,
    ) -> Result<Option<Vec<StoreKey>>, StoreError> {
        let call = self.call(StoreOperation::Find);
        call.make(self.0.find(name, now)).await
    }
}
