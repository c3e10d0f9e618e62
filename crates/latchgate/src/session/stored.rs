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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::scripted::{BrokenRandom, CountingRandom};
    use crate::seal::SessionKey;
    use crate::session::MemoryStore;

    const IV: [u8; 12] = [9; 12];

    fn keys(seed: u8) -> KeyRing {
        let bytes = std::array::from_fn(|place| seed.wrapping_add(place as u8));
        KeyRing::new(&[SessionKey::from_bytes(bytes)], "https://app.example").unwrap()
    }

    /// A store with [`Session::example`] in it, and the ticket that leads there.
    async fn stored() -> (Arc<MemoryStore>, StoredSessions, Ticket) {
        let store = Arc::new(MemoryStore::default());
        let sessions = StoredSessions::new(Arc::clone(&store) as Arc<dyn SessionStore>);
        let ticket = Ticket::draw(&CountingRandom::default()).unwrap();
        let session = Session::example();
        sessions
            .insert(&keys(1), &ticket, &session, IV, 1_000)
            .await
            .unwrap();
        (store, sessions, ticket)
    }

    #[test]
    fn a_ticket_is_43_characters_and_nothing_else_is_one() {
        let ticket = Ticket(std::array::from_fn(|place| place as u8));
        let text = ticket.text();
        assert_eq!(text.len(), 43);
        assert_eq!(Ticket::parse(text.as_bytes()).unwrap().text(), text);
        assert_eq!(format!("{ticket:?}"), "Ticket(redacted)");
        for other in [
            "",
            "A",
            &text[1..],
            &format!("{text}="),
            &format!("{text}A"),
            &"+".repeat(43),
        ] {
            assert!(Ticket::parse(other.as_bytes()).is_none(), "{other}");
        }
        assert!(Ticket::draw(&BrokenRandom).is_err());
    }

    #[tokio::test]
    async fn a_ticket_leads_to_its_session_until_it_expires_or_is_removed() {
        let (_, sessions, ticket) = stored().await;
        let found = sessions
            .load(&keys(1), &ticket, 1_599)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.encode(), Session::example().encode());
        assert!(
            sessions
                .load(&keys(1), &ticket, 1_600)
                .await
                .unwrap()
                .is_none()
        );
        sessions.remove(&ticket).await.unwrap();
        assert!(
            sessions
                .load(&keys(1), &ticket, 1_001)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_stolen_database_opens_nothing() {
        let (store, sessions, ticket) = stored().await;
        let record = store.load(&ticket.key(), 1_001).await.unwrap().unwrap();
        assert_ne!(
            ticket.key()[..16],
            ticket.0[..16],
            "the store sees the hash of the id"
        );
        let sealed = String::from_utf8_lossy(&record.sealed).into_owned();
        assert!(!sealed.contains("248289761001") && !sealed.contains(&ticket.secret()));

        let mut other_secret = ticket.clone();
        other_secret.0[31] ^= 1;
        assert_eq!(other_secret.key(), ticket.key());
        assert!(
            sessions
                .load(&keys(1), &other_secret, 1_001)
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            sessions
                .load(&keys(2), &ticket, 1_001)
                .await
                .unwrap()
                .is_none()
        );
        let mut other_id = ticket.clone();
        other_id.0[0] ^= 1;
        assert!(
            sessions
                .load(&keys(1), &other_id, 1_001)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_record_that_was_moved_or_damaged_is_no_session() {
        let (store, sessions, ticket) = stored().await;
        let mut record = store.load(&ticket.key(), 1_001).await.unwrap().unwrap();
        let other = Ticket([7; 32]);
        store
            .insert(&other.key(), record.clone(), 1_001)
            .await
            .unwrap();
        assert!(
            sessions
                .load(&keys(1), &other, 1_001)
                .await
                .unwrap()
                .is_none()
        );
        record.sealed.pop();
        store.insert(&ticket.key(), record, 1_001).await.unwrap();
        assert!(
            sessions
                .load(&keys(1), &ticket, 1_001)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_session_is_replaced_in_its_generation_only_and_never_revived() {
        let (_, sessions, ticket) = stored().await;
        let session = Session::example();
        let newer = session.refreshed(session.tokens.clone(), None);
        let replace = async |expected| {
            sessions
                .replace(&keys(1), &ticket, expected, &newer, IV, 1_001)
                .await
                .unwrap()
        };
        assert!(!replace(1).await);
        assert!(replace(0).await);
        assert!(!replace(0).await);
        let found = sessions
            .load(&keys(1), &ticket, 1_001)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.generation, 1);
        sessions.remove(&ticket).await.unwrap();
        assert!(!replace(1).await);
        assert!(
            sessions
                .load(&keys(1), &ticket, 1_001)
                .await
                .unwrap()
                .is_none()
        );
    }
}
