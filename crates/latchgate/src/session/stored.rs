//! Sessions in a store: the cookie holds an id and a secret. The store sees the hash of the id, and
//! bytes sealed with the server's key and bound to the cookie's secret, so that a stolen database
//! opens nothing.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::session::Session;
use super::store::{SessionStore, StoreError, StoredRecord};
use crate::outside::{Random, RandomError};
use crate::seal::{KeyRing, Purpose};

/// Keeps sessions in a store.
#[derive(Debug)]
pub(crate) struct StoredSessions {
    store: Arc<dyn SessionStore>,
}

/// What the cookie of a stored session holds: 16 bytes of id and 16 of secret.
#[derive(Clone)]
pub(crate) struct Ticket([u8; 32]);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(redacted)")
    }
}

impl Ticket {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        random.array().map(Self)
    }

    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    fn key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, &self.0[..16]).as_ref());
        key
    }

    fn secret(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&self.0[16..])
    }
}

impl StoredSessions {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store }
    }

    pub(crate) async fn load(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        now: u64,
    ) -> Result<Option<Session>, StoreError> {
        let record = self.store.load(&ticket.key(), now).await?;
        Ok(record.and_then(|record| {
            let opened = keys.open(Purpose::Stored, &ticket.secret(), &record.sealed)?;
            Session::decode(&opened.plain)
        }))
    }

    pub(crate) async fn insert(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        session: &Session,
        iv: [u8; 12],
        now: u64,
    ) -> Result<(), StoreError> {
        let record = record(keys, ticket, session, iv);
        self.store.insert(&ticket.key(), record, now).await
    }

    /// Replaces the session of the generation `expected`; `false` when it is no longer there.
    pub(crate) async fn replace(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        expected: u32,
        session: &Session,
        iv: [u8; 12],
        now: u64,
    ) -> Result<bool, StoreError> {
        let record = record(keys, ticket, session, iv);
        self.store
            .replace(&ticket.key(), expected, record, now)
            .await
    }

    pub(crate) async fn remove(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.store.remove(&ticket.key()).await
    }
}

fn record(keys: &KeyRing, ticket: &Ticket, session: &Session, iv: [u8; 12]) -> StoredRecord {
    let plain = session.encode().unwrap_or_default();
    StoredRecord {
        sealed: keys
            .seal(Purpose::Stored, &ticket.secret(), &plain, iv)
            .into_bytes(),
        generation: session.generation,
        expires_at: session.times.idle_deadline,
    }
}
