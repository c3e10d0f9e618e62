#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod diagnosis;
mod error;
mod lease_ends;
mod row;
mod schema;
mod server;
mod statements;
mod store;

use std::sync::Arc;

use latchgate::store::{SessionStore, StoreError, StoreOpener};

pub use address::AddressError;
pub use error::PostgresError;
pub use schema::SchemaError;
pub use store::PostgresStore;

/// Opens a [`PostgresStore`] when the URL's scheme is `postgres` or `postgresql`, as a
/// [`latchgate::store::StoreOpener`].
///
/// # Errors
///
/// Those of [`PostgresStore::open`].
pub fn open(url: &str) -> Option<Result<Arc<dyn SessionStore>, StoreError>> {
    address::is_ours(url).then(|| {
        let store = PostgresStore::open(url)?;
        Ok(Arc::new(store) as Arc<dyn SessionStore>)
    })
}

const _: StoreOpener = open;
