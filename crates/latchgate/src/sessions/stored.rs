//! Sessions in a store: the cookie holds an id and a secret. The store has the hash of the id, and bytes sealed with a key
//! that is derived from the server's key and the cookie's secret. So a stolen database reveals no session.

use std::sync::{Arc, Once};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::Registrations;
use crate::io::{Random, RandomError};
use crate::seal::{KeyRing, Purpose, WhySealed};
use crate::session::{Session, SessionName};
use crate::store::{
    Lease, LoadedRecord, ObservedStore, SessionStore, StoreError, StoreFuture, StoreKey,
    StoredName, StoredNames, StoredRecord,
};

/// Keeps sessions in a store.
#[derive(Debug)]
pub(crate) struct StoredSessions {
    store: ObservedStore,
    registrations: Registrations,
    /// Whether the missing index of the store was logged.
    unindexed: Once,
}

/// The outcome of a removal by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Nothing of that name is left.
    Done,
    /// The store has no index.
    NoIndex,
}

/// What the cookie of a stored session holds, sealed: the 16 bytes of the session's id, 16 of secret, and the hash of the
/// id, so that no request has to compute it. Nobody else can make one, so an invented one causes no store call.
#[derive(Clone)]
pub(crate) struct Ticket {
    bytes: [u8; 32],
    /// The key of the record: the hash of the id.
    key: StoreKey,
    /// Sealed with the newest key; otherwise its cookie is written again.
    by_newest: bool,
}

/// A session from a store.
#[derive(Debug)]
pub(crate) struct StoredSession {
    pub(crate) session: Session,
    /// Sealed with the newest key; otherwise it is sealed again.
    pub(crate) by_newest: bool,
}

/// The answer to [`StoredSessions::lease`].
#[derive(Debug)]
pub(crate) enum Leased {
    /// Ours, with the session as it is now.
    Granted { fence: u64, session: Box<Session> },
    /// Another node is refreshing.
    Held,
    /// The session is gone.
    Missing,
    /// The session is there, but sealed with a key that this node does not have.
    Unreadable,
    /// The store has no leases.
    Unsupported,
}

debug_redacted!(Ticket);

impl Ticket {
    /// A new ticket for the session with this id.
    pub(crate) fn draw(id: [u8; 16], random: &dyn Random) -> Result<Self, RandomError> {
        let secret: [u8; 16] = random.array()?;
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&id);
        bytes[16..].copy_from_slice(&secret);
        Ok(Self::from_bytes(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, &bytes[..16]).as_ref());
        Self {
            bytes,
            key,
            by_newest: true,
        }
    }

    pub(crate) fn to_bytes(&self) -> [u8; 32] {
        self.bytes
    }

    /// The ticket in a value of the cookie `name`.
    pub(crate) fn open(keys: &KeyRing, name: &str, value: &[u8]) -> Option<Self> {
        let opened = keys.open(Purpose::Ticket, name, value)?;
        let (bytes, key) = opened.plain.split_first_chunk()?;
        Some(Self {
            bytes: *bytes,
            key: key.try_into().ok()?,
            by_newest: opened.by_newest,
        })
    }

    /// The value of the cookie `name`.
    pub(crate) fn seal(&self, keys: &KeyRing, name: &str, iv: [u8; 12]) -> String {
        let plain = [self.bytes, self.key].concat();
        keys.seal(Purpose::Ticket, name, &plain, iv)
    }

    pub(crate) fn by_newest(&self) -> bool {
        self.by_newest
    }

    pub(crate) fn key(&self) -> StoreKey {
        self.key
    }

    /// The id of the session, which is known even when it is no longer in the store.
    pub(super) fn id(&self) -> [u8; 16] {
        std::array::from_fn(|place| self.bytes[place])
    }

    fn secret(&self) -> &[u8] {
        &self.bytes[16..]
    }

    fn open_record(
        &self,
        keys: &KeyRing,
        registrations: &Registrations,
        record: LoadedRecord,
    ) -> Result<StoredSession, WhySealed> {
        let opened = keys.open_record(self.secret(), &self.key, record.sealed)?;
        let session = Session::decode(opened.plain);
        let session = session.filter(|session| registrations.own(session));
        Ok(StoredSession {
            // Sealed by us, in a layout of another release or for another registration.
            session: session.ok_or(WhySealed::OurKey)?,
            by_newest: opened.by_newest,
        })
    }

    fn record(&self, keys: &KeyRing, session: &Session, iv: [u8; 12]) -> StoredRecord {
        let plain = session.encode().unwrap_or_default();
        StoredRecord {
            sealed: keys.seal_record(self.secret(), &self.key, &plain, iv),
            generation: session.generation,
            expires_at: session.deadline(),
            names: names(keys, session),
        }
    }
}

impl StoredSessions {
    /// How many passes look for the names of a session during a key rotation.
    const MOST_PASSES: usize = 8;

    pub(crate) fn new(store: Arc<dyn SessionStore>, registrations: Registrations) -> Self {
        Self {
            store: ObservedStore::new(store),
            registrations,
            unindexed: Once::new(),
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn SessionStore> {
        self.store.unobserved()
    }

    pub(crate) async fn load(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        now: u64,
    ) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.find(keys, ticket, now).await?.and_then(Result::ok))
    }

    /// The same, but distinguishes a record that does not open from a missing one.
    pub(crate) async fn find(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        now: u64,
    ) -> Result<Option<Result<StoredSession, WhySealed>>, StoreError> {
        let record = self.store.load(&ticket.key, now).await?;
        Ok(record.map(|record| ticket.open_record(keys, &self.registrations, record)))
    }

    /// Inserts a new session. `false` when its ticket was used before.
    pub(crate) async fn insert(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        session: &Session,
        iv: [u8; 12],
        now: u64,
    ) -> Result<bool, StoreError> {
        let record = ticket.record(keys, session, iv);
        self.store.insert(&ticket.key, record, now).await
    }

    /// Replaces the session if it has the generation `expected`. Otherwise `false`.
    pub(crate) async fn replace(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        expected: u32,
        session: &Session,
        iv: [u8; 12],
        now: u64,
    ) -> Result<bool, StoreError> {
        let record = ticket.record(keys, session, iv);
        self.store.replace(&ticket.key, expected, record, now).await
    }

    pub(crate) async fn remove(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.store.remove(&ticket.key).await
    }

    /// Requests the lease, with the session as it is now.
    pub(crate) async fn lease(
        &self,
        keys: &KeyRing,
        ticket: &Ticket,
        duration: Duration,
        now: u64,
    ) -> Result<Leased, StoreError> {
        Ok(match self.store.lease(&ticket.key, duration, now).await? {
            Lease::Granted { fence, record } => {
                match ticket.open_record(keys, &self.registrations, record) {
                    Ok(StoredSession { session, .. }) => Leased::Granted {
                        fence,
                        session: Box::new(session),
                    },
                    Err(_) => {
                        self.store.release_lease(&ticket.key, fence).await?;
                        Leased::Unreadable
                    }
                }
            }
            Lease::Held => Leased::Held,
            Lease::Missing => Leased::Missing,
            Lease::Unsupported => Leased::Unsupported,
        })
    }

    pub(crate) async fn extend_lease(
        &self,
        ticket: &Ticket,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> Result<bool, StoreError> {
        self.store
            .extend_lease(&ticket.key, fence, duration, now)
            .await
    }

    pub(crate) async fn release_lease(
        &self,
        ticket: &Ticket,
        fence: u64,
    ) -> Result<(), StoreError> {
        self.store.release_lease(&ticket.key, fence).await
    }

    /// Waits until the lease of the session under this key ends, if the store announces that. Counts from this call.
    pub(crate) fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        self.store.lease_end(key)
    }

    /// Removes the sessions of this name, except the one under the key `spared`.
    pub(crate) async fn remove_named(
        &self,
        keys: &KeyRing,
        named: SessionName<'_>,
        spared: Option<StoreKey>,
        now: u64,
    ) -> Result<Removal, StoreError> {
        let parts = named.parts();
        let names = keys.names(&parts);
        // The oldest key's first: a record that is sealed again meanwhile moves to a name that has yet to be searched.
        let mut names: Vec<StoredName> = match named {
            SessionName::Sub { .. } => names.map(StoredName::Sub).collect(),
            _ => names.map(StoredName::Sid).collect(),
        };
        names.reverse();
        let mut passes = 0;
        loop {
            passes += 1;
            let Some(removed) = self.remove_once(&names, spared, now).await? else {
                return Ok(Removal::NoIndex);
            };
            // During a key rotation, nodes with the older keys move names the other way. What one pass misses, the next one
            // finds.
            let is_final = names.len() == 1 || (passes > 1 && removed == 0);
            if is_final || passes == Self::MOST_PASSES {
                return Ok(Removal::Done);
            }
        }
    }

    /// Removes the records with these names, and returns their number. `None` when the store has no index.
    async fn remove_once(
        &self,
        names: &[StoredName],
        spared: Option<StoreKey>,
        now: u64,
    ) -> Result<Option<usize>, StoreError> {
        let mut removed = 0;
        for name in names {
            let Some(found) = self.store.find(name, now).await? else {
                self.unindexed.call_once(|| {
                    tracing::warn!(
                        event = "store_without_index",
                        "the session store has no index: logouts by the provider reach the sessions of this process only, unless revocations are kept in another store"
                    );
                });
                return Ok(None);
            };
            for key in found.iter().filter(|key| Some(**key) != spared) {
                self.store.remove(key).await?;
                removed += 1;
            }
        }
        Ok(Some(removed))
    }
}

/// The names by which the session can be found.
fn names(keys: &KeyRing, session: &Session) -> Option<StoredNames> {
    let name = |named: SessionName<'_>| keys.names(&named.parts()).next();
    Some(StoredNames {
        sid: name(SessionName::alone_of(session))?,
        sub: name(SessionName::sub_of(session))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scripted::{BrokenRandom, CountingRandom};
    use crate::seal::SessionKey;
    use crate::store::MemoryStore;

    const IV: [u8; 12] = [9; 12];

    fn keys(seed: u8) -> KeyRing {
        let bytes = std::array::from_fn(|place| seed.wrapping_add(place as u8));
        KeyRing::new(&[SessionKey::from_bytes(bytes)], &["https://app.example"]).unwrap()
    }

    /// A store with [`Session::example`] in it, and the ticket that leads there.
    async fn stored() -> (Arc<MemoryStore>, StoredSessions, Ticket) {
        let store = Arc::new(MemoryStore::default());
        let shared = Arc::clone(&store) as Arc<dyn SessionStore>;
        let sessions = StoredSessions::new(shared, Registrations::example());
        let ticket = Ticket::draw(Session::example().id, &CountingRandom::default()).unwrap();
        let session = Session::example();
        sessions
            .insert(&keys(1), &ticket, &session, IV, 1_000)
            .await
            .unwrap();
        (store, sessions, ticket)
    }

    /// Whether the ticket leads to a session, with the key of this seed at this time.
    async fn opens(sessions: &StoredSessions, seed: u8, ticket: &Ticket, now: u64) -> bool {
        let found = sessions.load(&keys(seed), ticket, now).await;
        found.unwrap().is_some()
    }

    #[test]
    fn a_ticket_is_what_was_sealed_and_nothing_else() {
        let ticket = Ticket::from_bytes(std::array::from_fn(|place| place as u8));
        let text = ticket.seal(&keys(1), "name", IV);
        let open = |seed, name, text: &str| {
            let found = Ticket::open(&keys(seed), name, text.as_bytes());
            found.map(|found| (found.to_bytes(), found.key()))
        };
        let whole = (ticket.to_bytes(), ticket.key());
        assert_eq!(open(1, "name", &text), Some(whole));
        assert_eq!(format!("{ticket:?}"), "Ticket(redacted)");
        assert_eq!(open(2, "name", &text), None);
        assert_eq!(open(1, "other", &text), None);
        let bare = base64_simd::URL_SAFE_NO_PAD.encode_to_string(ticket.to_bytes());
        let session = keys(1).seal(Purpose::Session, "name", &ticket.to_bytes(), IV);
        let without_key = keys(1).seal(Purpose::Ticket, "name", &ticket.to_bytes(), IV);
        let longer = format!("{text}A");
        for invented in ["", "A", &text[1..], &longer, &bare, &session, &without_key] {
            assert_eq!(open(1, "name", invented), None, "{invented}");
        }
        assert!(Ticket::draw([1; 16], &BrokenRandom).is_err());
    }

    #[tokio::test]
    async fn a_ticket_leads_to_its_session_until_it_expires_or_is_removed() {
        let (_, sessions, ticket) = stored().await;
        let found = sessions
            .load(&keys(1), &ticket, 1_599)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.session.encode(), Session::example().encode());
        assert!(!opens(&sessions, 1, &ticket, 1_600).await);
        sessions.remove(&ticket).await.unwrap();
        assert!(!opens(&sessions, 1, &ticket, 1_001).await);
    }

    #[test]
    fn no_record_outlives_its_session() {
        let ticket = Ticket::from_bytes([7; 32]);
        let mut session = Session::example();
        let expires_at = |session: &Session| ticket.record(&keys(1), session, IV).expires_at;
        assert_eq!(expires_at(&session), 1_600);
        session.extras.ceiling.session_expiry = Some(1_200);
        assert_eq!(expires_at(&session), 1_200);
        session.extras.ceiling.id_token = Some(1_100);
        assert_eq!(expires_at(&session), 1_100);
        session.extras.ceiling.session_expiry = Some(u64::MAX);
        session.extras.ceiling.id_token = None;
        assert_eq!(expires_at(&session), 1_600);
    }

    #[tokio::test]
    async fn a_stolen_database_opens_nothing() {
        let (store, sessions, ticket) = stored().await;
        let record = store.load(&ticket.key, 1_001).await.unwrap().unwrap();
        assert_ne!(
            ticket.key()[..16],
            ticket.bytes[..16],
            "the store sees the hash of the id"
        );
        let within = |part: &[u8]| record.sealed.windows(part.len()).any(|there| there == part);
        assert!(!within(b"248289761001") && !within(ticket.secret()));

        let mut other_secret = ticket.clone();
        other_secret.bytes[31] ^= 1;
        let other_secret = Ticket::from_bytes(other_secret.bytes);
        assert_eq!(other_secret.key(), ticket.key());
        assert!(opens(&sessions, 1, &ticket, 1_001).await);
        assert!(!opens(&sessions, 1, &other_secret, 1_001).await);
        assert!(!opens(&sessions, 2, &ticket, 1_001).await);
        let mut other_id = ticket.clone();
        other_id.bytes[0] ^= 1;
        let other_id = Ticket::from_bytes(other_id.bytes);
        assert!(!opens(&sessions, 1, &other_id, 1_001).await);
    }

    #[tokio::test]
    async fn a_record_that_was_moved_or_damaged_is_no_session() {
        let (store, sessions, ticket) = stored().await;
        let there = store.load(&ticket.key, 1_001).await.unwrap().unwrap();
        let mut record = StoredRecord::new(there.sealed, there.generation, there.expires_at);
        let other = Ticket::from_bytes([7; 32]);
        store
            .insert(&other.key(), record.clone(), 1_001)
            .await
            .unwrap();
        assert!(!opens(&sessions, 1, &other, 1_001).await);
        record.sealed.pop();
        store.replace(&ticket.key, 0, record, 1_001).await.unwrap();
        assert!(!opens(&sessions, 1, &ticket, 1_001).await);
    }

    #[tokio::test]
    async fn a_session_is_replaced_in_its_generation_only_and_never_revived() {
        let (_, sessions, ticket) = stored().await;
        let session = Session::example();
        let newer = session.refreshed(session.tokens.clone(), None);
        let replace = async |expected, iv| {
            sessions
                .replace(&keys(1), &ticket, expected, &newer, iv, 1_001)
                .await
                .unwrap()
        };
        assert!(!replace(1, IV).await);
        assert!(replace(0, IV).await);
        assert!(replace(0, IV).await, "the very same call may be repeated");
        assert!(!replace(0, [8; 12]).await);
        let found = sessions
            .load(&keys(1), &ticket, 1_001)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.session.generation, 1);
        sessions.remove(&ticket).await.unwrap();
        assert!(!replace(1, IV).await);
        assert!(!opens(&sessions, 1, &ticket, 1_001).await);
    }

    /// Nodes whose keys are just being changed end each other's sessions.
    #[tokio::test]
    async fn a_session_is_found_by_the_names_that_an_older_key_gave_it() {
        let ring = |seeds: &[u8]| {
            let key = |seed: &u8| {
                let bytes = std::array::from_fn(|place| seed.wrapping_add(place as u8));
                SessionKey::from_bytes(bytes)
            };
            let keys: Vec<_> = seeds.iter().map(key).collect();
            KeyRing::new(&keys, &["https://app.example"]).unwrap()
        };
        let (former, rotated) = (ring(&[1]), ring(&[2, 1]));
        let session = Session::example();
        let mut without_sid = Session::example();
        without_sid.sid = None;
        for (session, named) in [
            (&session, SessionName::alone_of(&session)),
            (&session, SessionName::sub_of(&session)),
            (&without_sid, SessionName::alone_of(&without_sid)),
        ] {
            let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::default());
            let sessions = StoredSessions::new(store, Registrations::example());
            let ticket = Ticket::from_bytes([7; 32]);
            let inserted = sessions.insert(&former, &ticket, session, IV, 1_000);
            assert!(inserted.await.unwrap());
            let removed = sessions.remove_named(&rotated, named, None, 1_001);
            assert_eq!(removed.await.unwrap(), Removal::Done);
            let left = sessions.load(&former, &ticket, 1_001).await.unwrap();
            assert!(left.is_none(), "{named:?}");
        }
    }

    #[tokio::test]
    async fn a_node_that_cannot_read_a_session_leaves_its_turn_to_others() {
        let (_, sessions, ticket) = stored().await;
        let duration = Duration::from_secs(6);
        let (theirs, ours) = (keys(2), keys(1));
        let leased = sessions.lease(&theirs, &ticket, duration, 1_001).await;
        assert!(matches!(leased.unwrap(), Leased::Unreadable));
        let leased = sessions.lease(&ours, &ticket, duration, 1_001).await;
        assert!(matches!(leased.unwrap(), Leased::Granted { .. }));
    }
}
