//! What a session store needs. Applications choose a store and never use this.
//!
//! [`SessionStore`] has the contract, and the crate `latchgate-store-contract` tests it. A store never sees a session id, a
//! name or a token: only hashes ([`StoreKey`]), and sealed bytes that it cannot open ([`StoredRecord`]). A [`StoreOpener`]
//! makes one from the URL in a setting ([`Settings::stores`](crate::Settings::stores)).
//!
//! Leases and the index are optional. This store, in the memory of one process, has neither:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use latchgate::store::{
//!     Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
//! };
//!
//! #[derive(Debug, Default)]
//! struct SmallStore {
//!     records: Mutex<HashMap<StoreKey, StoredRecord>>,
//! }
//!
//! impl SmallStore {
//!     /// Runs one call on the records that have not expired.
//!     fn run<'a, T: Send + 'a>(
//!         &self,
//!         now: u64,
//!         call: impl FnOnce(&mut HashMap<StoreKey, StoredRecord>) -> T,
//!     ) -> StoreFuture<'a, T> {
//!         let answer = match self.records.lock() {
//!             Ok(mut records) => {
//!                 records.retain(|_, record| record.expires_at > now);
//!                 Ok(call(&mut records))
//!             }
//!             Err(_) => Err(StoreError::unavailable("a call has panicked")),
//!         };
//!         Box::pin(std::future::ready(answer))
//!     }
//! }
//!
//! impl SessionStore for SmallStore {
//!     fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
//!         self.run(now, |records| records.get(key).map(StoredRecord::loaded))
//!     }
//!
//!     fn insert<'a>(&'a self, key: &'a StoreKey, record: StoredRecord, now: u64) -> StoreFuture<'a, bool> {
//!         self.run(now, |records| {
//!             let is_free = !records.contains_key(key);
//!             if is_free {
//!                 records.insert(*key, record);
//!             }
//!             is_free
//!         })
//!     }
//!
//!     fn replace<'a>(
//!         &'a self,
//!         key: &'a StoreKey,
//!         expected: u32,
//!         record: StoredRecord,
//!         now: u64,
//!     ) -> StoreFuture<'a, bool> {
//!         self.run(now, |records| match records.get_mut(key) {
//!             Some(current) if current.generation == expected => {
//!                 *current = record;
//!                 true
//!             }
//!             // A call that is repeated because its answer was lost.
//!             Some(current) => *current == record,
//!             None => false,
//!         })
//!     }
//!
//!     fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
//!         self.run(0, |records| drop(records.remove(key)))
//!     }
//!
//!     fn lease<'a>(&'a self, _: &'a StoreKey, _: Duration, now: u64) -> StoreFuture<'a, Lease> {
//!         self.run(now, |_| Lease::Unsupported)
//!     }
//!
//!     fn extend_lease<'a>(
//!         &'a self,
//!         _: &'a StoreKey,
//!         _: u64,
//!         _: Duration,
//!         now: u64,
//!     ) -> StoreFuture<'a, bool> {
//!         self.run(now, |_| false)
//!     }
//!
//!     fn release_lease<'a>(&'a self, _: &'a StoreKey, _: u64) -> StoreFuture<'a, ()> {
//!         self.run(0, |_| ())
//!     }
//!
//!     fn find<'a>(&'a self, _: &'a StoredName, now: u64) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
//!         self.run(now, |_| None)
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let store = SmallStore::default();
//! let record = StoredRecord::new(b"sealed".to_vec(), 0, 2_000);
//! assert!(store.insert(&[7; 32], record.clone(), 1_000).await?);
//! assert_eq!(store.load(&[7; 32], 1_999).await?, Some(record.loaded()));
//! assert_eq!(store.load(&[7; 32], 2_000).await?, None);
//! # Ok::<_, StoreError>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Such a store serves one node. On several nodes, two can use the same refresh token, because there are no leases, and a
//! logout by the provider ends sessions on one node only, because there is no index.

mod error;
mod lease_ends;
mod memory;
mod observed;
mod records;
mod session_store;

pub use crate::causes::write_with_causes;
pub use error::StoreError;
pub use lease_ends::{LeaseEndAnnouncer, LeaseEnds};
pub use memory::MemoryStore;
pub(crate) use observed::ObservedStore;
pub use records::{Lease, LoadedRecord, StoreKey, StoredName, StoredNames, StoredRecord};
pub use session_store::{SessionStore, StoreFuture, StoreOpener};
