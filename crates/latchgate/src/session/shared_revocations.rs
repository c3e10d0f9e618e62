//! Revocations that several nodes share: sessions that were ended, as marks in a store. For sessions
//! that travel in cookies, which no node can take back, and for stores without an index.
//!
//! A mark lies under a keyed hash of what has ended: one session, a session of the provider, the
//! sessions of a person. It says when it was made, and expires with the last session it can concern.

use std::fmt;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::lifetime::Ended;
use super::session::Session;
use super::store::{SessionStore, StoreError, StoreKey, StoredRecord};
use crate::seal::KeyRing;

/// Marks in a store.
#[derive(Debug)]
pub(crate) struct SharedRevocations {
    store: Arc<dyn SessionStore>,
}

/// What has ended: a kind of name, the issuer, and the name.
type Revoked<'a> = [&'a str; 3];

/// A mark was not set: others kept changing it.
#[derive(Debug)]
struct MarkContended;

impl fmt::Display for MarkContended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("other nodes kept changing the same mark")
    }
}

impl std::error::Error for MarkContended {}

impl SharedRevocations {
    /// How often a mark is tried that others change at the same time.
    const ATTEMPTS: usize = 16;

    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store }
    }

    /// Ends this very session.
    pub(crate) async fn end_this(
        &self,
        keys: &KeyRing,
        session: &Session,
        now: u64,
    ) -> Result<(), StoreError> {
        let id = id_of(session);
        let until = session.times.absolute_deadline;
        self.mark(keys, this(session, &id), now, until).await
    }

    /// Ends the session `sid` of the issuer, and those without any that belong to `sub`: one of them
    /// is meant, and nobody can tell which.
    pub(crate) async fn end_session(
        &self,
        keys: &KeyRing,
        issuer: &str,
        (sid, sub): (&str, Option<&str>),
        now: u64,
        until: u64,
    ) -> Result<(), StoreError> {
        self.mark(keys, [SID, issuer, sid], now, until).await?;
        match sub {
            Some(sub) => self.mark(keys, [NAMELESS, issuer, sub], now, until).await,
            None => Ok(()),
        }
    }

    /// Ends every session the person has begun so far.
    pub(crate) async fn end_sessions_of(
        &self,
        keys: &KeyRing,
        issuer: &str,
        subject: &str,
        now: u64,
        until: u64,
    ) -> Result<(), StoreError> {
        self.mark(keys, [SUB, issuer, subject], now, until).await
    }

    /// Whether a session was ended, on whichever node. Three lookups for each session key, all at
    /// once.
    pub(crate) async fn concern(
        &self,
        keys: &KeyRing,
        session: &Session,
        now: u64,
    ) -> Result<Option<Ended>, StoreError> {
        let id = id_of(session);
        let (issuer, subject) = (session.issuer.as_str(), session.subject.as_str());
        let alone = match &session.sid {
            Some(sid) => [SID, issuer, sid],
            None => [NAMELESS, issuer, subject],
        };
        let revoked = [this(session, &id), alone, [SUB, issuer, subject]];
        let names: Vec<StoreKey> = revoked.iter().flat_map(|parts| keys.names(parts)).collect();
        let lookups = names.iter().map(|name| self.store.load(name, now));
        let marks = try_join_all(lookups).await?;
        let of_this = marks.len() / revoked.len();
        let (this, from_behind) = marks.split_at(of_this);
        let begun_at = session.times.begun_at;
        Ok(if this.iter().any(Option::is_some) {
            // An id is never given again: when it was marked does not matter.
            Some(Ended::SignedOut)
        } else if from_behind
            .iter()
            .flatten()
            .any(|mark| begun_at <= made_at(mark))
        {
            Some(Ended::EndedByProvider)
        } else {
            None
        })
    }

    /// Sets a mark, or moves the one that is there, under every key: nodes whose keys are just being
    /// changed have one in common.
    async fn mark(
        &self,
        keys: &KeyRing,
        revoked: Revoked<'_>,
        now: u64,
        until: u64,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = keys.names(&revoked).collect();
        for name in names {
            self.mark_under(&name, now, until).await?;
        }
        Ok(())
    }

    async fn mark_under(&self, name: &StoreKey, now: u64, until: u64) -> Result<(), StoreError> {
        for _ in 0..Self::ATTEMPTS {
            if self.store.insert(name, mark(now, 0, until), now).await? {
                return Ok(());
            }
            let Some(there) = self.store.load(name, now).await? else {
                // It has expired this very moment.
                continue;
            };
            if made_at(&there) >= now && there.expires_at >= until {
                return Ok(());
            }
            let moved = mark(
                now.max(made_at(&there)),
                there.generation.wrapping_add(1),
                until.max(there.expires_at),
            );
            let expected = there.generation;
            if self.store.replace(name, expected, moved, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(MarkContended.into()))
    }
}

const THIS: &str = "ended session";
const SID: &str = "ended sid";
const NAMELESS: &str = "ended nameless";
const SUB: &str = "ended sub";

fn id_of(session: &Session) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(session.id)
}

fn this<'a>(session: &'a Session, id: &'a str) -> Revoked<'a> {
    [THIS, &session.issuer, id]
}

fn mark(made_at: u64, generation: u32, expires_at: u64) -> StoredRecord {
    StoredRecord {
        sealed: made_at.to_be_bytes().to_vec(),
        generation,
        expires_at,
        names: None,
    }
}

/// When a mark was made. One that cannot be read ends everything: better than nothing at all.
fn made_at(mark: &StoredRecord) -> u64 {
    let bytes = mark.sealed.as_slice().try_into();
    bytes.map_or(u64::MAX, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SessionKey;
    use crate::session::MemoryStore;
    use tokio::task::JoinSet;

    const ISSUER: &str = "https://op.example";
    const UNTIL: u64 = 9_000;

    fn keys(seeds: &[u8]) -> KeyRing {
        let key = |seed: &u8| {
            SessionKey::from_bytes(std::array::from_fn(|place| seed.wrapping_add(place as u8)))
        };
        let keys: Vec<_> = seeds.iter().map(key).collect();
        KeyRing::new(&keys, &["https://app.example"]).unwrap()
    }

    fn shared() -> SharedRevocations {
        SharedRevocations::new(Arc::new(MemoryStore::default()))
    }

    /// [`Session::example`], begun at 1000, with this `sid` or none.
    fn session(sid: Option<&str>) -> Session {
        let mut session = Session::example();
        session.sid = sid.map(str::to_owned);
        session
    }

    #[tokio::test]
    async fn a_mark_concerns_the_sessions_it_names_and_no_others() {
        let keys = keys(&[1]);
        let (one, other, nameless) = (session(Some("1")), session(Some("2")), session(None));
        let mut hers = session(Some("3"));
        hers.subject = "somebody else".to_owned();
        let sessions = [&one, &other, &nameless, &hers];
        let concern = async |shared: &SharedRevocations| {
            let mut ended = Vec::new();
            for session in sessions {
                ended.push(shared.concern(&keys, session, 1_001).await.unwrap());
            }
            ended
        };
        let provider = Some(Ended::EndedByProvider);

        let marks = shared();
        assert_eq!(concern(&marks).await, [None; 4]);
        let named = ("1", Some(one.subject.as_str()));
        marks
            .end_session(&keys, ISSUER, named, 1_000, UNTIL)
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [provider, None, provider, None]);

        let marks = shared();
        marks
            .end_session(&keys, ISSUER, ("1", None), 1_000, UNTIL)
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [provider, None, None, None]);

        let marks = shared();
        marks
            .end_sessions_of(&keys, ISSUER, &one.subject, 1_000, UNTIL)
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [provider, provider, provider, None]);

        let marks = shared();
        let mut stranger = session(Some("4"));
        stranger.id = [9; 16];
        marks.end_this(&keys, &stranger, 999).await.unwrap();
        assert_eq!(concern(&marks).await, [None; 4]);
        assert_eq!(
            marks.concern(&keys, &stranger, 1_001).await.unwrap(),
            Some(Ended::SignedOut),
            "an id has no second life"
        );
    }

    #[tokio::test]
    async fn a_later_mark_moves_the_one_before_and_never_back() {
        let (keys, marks) = (keys(&[1]), shared());
        let mut later = session(Some("1"));
        later.times.begun_at = 1_500;
        for (made_at, until, ended) in [
            (1_499, UNTIL, None),
            (1_500, UNTIL, Some(Ended::EndedByProvider)),
            (1_200, UNTIL + 1, Some(Ended::EndedByProvider)),
        ] {
            marks
                .end_sessions_of(&keys, ISSUER, &later.subject, made_at, until)
                .await
                .unwrap();
            assert_eq!(marks.concern(&keys, &later, 1_501).await.unwrap(), ended);
        }
        let at_the_end = marks.concern(&keys, &later, UNTIL).await.unwrap();
        assert_eq!(at_the_end, Some(Ended::EndedByProvider));
        assert_eq!(marks.concern(&keys, &later, UNTIL + 1).await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn marks_made_at_the_same_moment_add_up_to_the_last() {
        let marks = Arc::new(shared());
        let mut nodes = JoinSet::new();
        for made_at in 1_000..1_010 {
            let marks = Arc::clone(&marks);
            nodes.spawn(async move {
                let sub = Session::example().subject;
                marks
                    .end_sessions_of(&keys(&[1]), ISSUER, &sub, made_at, UNTIL)
                    .await
                    .unwrap();
            });
        }
        nodes.join_all().await;
        let mut last = session(None);
        last.times.begun_at = 1_009;
        let ended = marks.concern(&keys(&[1]), &last, 1_010).await.unwrap();
        assert_eq!(ended, Some(Ended::EndedByProvider));
    }

    #[tokio::test]
    async fn nodes_with_one_key_in_common_understand_each_other() {
        let session = session(Some("1"));
        for (writer, reader, heard) in [
            (&[1][..], &[2, 1][..], true),
            (&[2, 1], &[1], true),
            (&[2, 1], &[2], true),
            (&[2], &[1], false),
        ] {
            let marks = shared();
            marks
                .end_this(&keys(writer), &session, 1_000)
                .await
                .unwrap();
            let ended = marks.concern(&keys(reader), &session, 1_001).await.unwrap();
            assert_eq!(ended.is_some(), heard, "{writer:?} {reader:?}");
        }
    }

    #[tokio::test]
    async fn a_mark_that_cannot_be_read_ends_the_session() {
        let (keys, store) = (keys(&[1]), Arc::new(MemoryStore::default()));
        let session = session(Some("1"));
        let name = keys.names(&[SUB, ISSUER, &session.subject]).next().unwrap();
        let mut odd = mark(1, 0, UNTIL);
        odd.sealed.push(0);
        store.insert(&name, odd, 1_000).await.unwrap();
        let ended = SharedRevocations::new(store)
            .concern(&keys, &session, 1_001)
            .await
            .unwrap();
        assert_eq!(ended, Some(Ended::EndedByProvider));
    }
}
