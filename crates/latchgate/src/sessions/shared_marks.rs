//! Marks that several nodes share: sessions that were ended, as marks in a store. For sessions kept in cookies, which
//! no node can take back, and for stores without an index.
//!
//! A mark is stored under a keyed hash of what has ended: one session, a session at the provider, the sessions of a
//! person. It says when it was made, and expires with the last session it can apply to.

use std::sync::Arc;

use futures_util::future::{try_join_all, try_join3};

use crate::seal::KeyRing;
use crate::session::{EndedSession, Mark, Seen, Session, SessionEnd, SessionName, Stamp};
use crate::store::{ObservedStore, SessionStore, StoreError, StoreKey, StoredRecord};

/// Marks in a store.
#[derive(Debug)]
pub(crate) struct SharedMarks {
    store: ObservedStore,
}

/// What has ended: a kind of name, the issuer, and the name.
type Revoked<'a> = [&'a str; 3];

/// A mark could not be set: other nodes kept changing it.
#[derive(Debug, thiserror::Error)]
#[error("other nodes kept changing the same mark")]
struct MarkContended;

impl SharedMarks {
    /// How many attempts to set a mark that other nodes change at the same time.
    const ATTEMPTS: usize = 16;

    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store: ObservedStore::new(store),
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn SessionStore> {
        self.store.unobserved()
    }

    /// Ends this one session.
    pub(crate) async fn end_this(
        &self,
        keys: &KeyRing,
        this: &EndedSession,
        now: u64,
    ) -> Result<(), StoreError> {
        let id = text_of(&this.id);
        let mark = Mark::of(Stamp::at(now));
        let revoked = [THIS, "", &id];
        self.mark(keys, revoked, mark, None, (now, this.until))
            .await?;
        Ok(())
    }

    /// Ends the sessions of this name that have begun, as the mark says.
    pub(crate) async fn end(
        &self,
        keys: &KeyRing,
        named: SessionName<'_>,
        mark: Mark,
        (now, until): (u64, u64),
    ) -> Result<(), StoreError> {
        self.mark(keys, marked(named), mark, None, (now, until))
            .await?;
        Ok(())
    }

    /// Ends the sessions of a person that have begun, except this one. `false` when this one was itself ended at any
    /// time before.
    pub(crate) async fn end_others(
        &self,
        keys: &KeyRing,
        session: &Session,
        stamp: Stamp,
        times: (u64, u64),
    ) -> Result<bool, StoreError> {
        let named = marked(SessionName::sub_of(session));
        let mark = Mark::of(stamp).sparing(session.id);
        self.mark(keys, named, mark, Some(session), times).await
    }

    /// Whether a session was ended, on any node. Three lookups for each session key, all at once.
    pub(crate) async fn concern(
        &self,
        keys: &KeyRing,
        session: &Session,
        now: u64,
    ) -> Result<Option<SessionEnd>, StoreError> {
        let found = self.load(keys, session, now).await?;
        let seen = session.extras.seen;
        let ends = |marks: &[Mark], seen| marks.iter().any(|mark| mark.ends(session, seen));
        Ok(if !found.this.is_empty() {
            // An id is never used again, so the time of the mark does not matter.
            Some(SessionEnd::SignedOut)
        } else if ends(&found.alone, seen.alone) || ends(&found.sub, seen.sub) {
            Some(SessionEnd::EndedByProvider)
        } else {
            None
        })
    }

    /// The marks that a session which begins now comes after.
    pub(crate) async fn seen_by(
        &self,
        keys: &KeyRing,
        session: &Session,
        now: u64,
    ) -> Result<Seen, StoreError> {
        let found = self.load(keys, session, now).await?;
        let newest = |marks: Vec<Mark>| marks.iter().map(|mark| mark.stamp).max();
        Ok(Seen {
            sub: newest(found.sub).unwrap_or_default(),
            alone: newest(found.alone).unwrap_or_default(),
        })
    }

    async fn load(&self, keys: &KeyRing, session: &Session, now: u64) -> Result<Found, StoreError> {
        let id = text_of(&session.id);
        let revoked = [
            // An id is unique: a session can be ended by a login at another provider.
            [THIS, "", &id],
            marked(SessionName::alone_of(session)),
            marked(SessionName::sub_of(session)),
        ];
        let [this, alone, sub] = revoked.map(|parts| async move {
            let names: Vec<StoreKey> = keys.names(&parts).collect();
            let lookups = names.iter().map(|name| self.store.load(name, now));
            let marks = try_join_all(lookups).await?;
            let marks = marks.iter().flatten();
            Ok::<_, StoreError>(marks.map(|mark| Mark::from_bytes(&mark.sealed)).collect())
        });
        let (this, alone, sub) = try_join3(this, alone, sub).await?;
        Ok(Found { this, alone, sub })
    }

    /// Sets or replaces a mark under every key: during a key rotation, nodes share at least one. `false` when the
    /// existing mark ends the session that this one would spare.
    async fn mark(
        &self,
        keys: &KeyRing,
        revoked: Revoked<'_>,
        mark: Mark,
        spared: Option<&Session>,
        times: (u64, u64),
    ) -> Result<bool, StoreError> {
        let names: Vec<_> = keys.names(&revoked).collect();
        for name in names {
            if !self.mark_under(&name, mark, spared, times).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn mark_under(
        &self,
        name: &StoreKey,
        mark: Mark,
        spared: Option<&Session>,
        (now, until): (u64, u64),
    ) -> Result<bool, StoreError> {
        for _ in 0..Self::ATTEMPTS {
            if self.store.insert(name, record(mark, 0, until), now).await? {
                return Ok(true);
            }
            let Some(there) = self.store.load(name, now).await? else {
                // It has just expired.
                continue;
            };
            let before = Mark::from_bytes(&there.sealed);
            if spared.is_some_and(|session| before.ends(session, session.extras.seen.sub)) {
                return Ok(false);
            }
            let moved = record(
                mark.after(&before),
                there.generation.wrapping_add(1),
                until.max(there.expires_at),
            );
            let expected = there.generation;
            if self.store.replace(name, expected, moved, now).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Unavailable(MarkContended.into()))
    }
}

/// The marks on the names of one session.
struct Found {
    this: Vec<Mark>,
    alone: Vec<Mark>,
    sub: Vec<Mark>,
}

const THIS: &str = "ended session";

/// The names of marks, distinct from those of sessions: one store may hold both.
fn marked(named: SessionName<'_>) -> Revoked<'_> {
    let [kind, issuer, name] = named.parts();
    let kind = match kind {
        "sid" => "ended sid",
        "sub" => "ended sub",
        _ => "ended without sid",
    };
    [kind, issuer, name]
}

fn text_of(id: &[u8; 16]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(id)
}

fn record(mark: Mark, generation: u32, expires_at: u64) -> StoredRecord {
    StoredRecord {
        sealed: mark.to_bytes(),
        generation,
        expires_at,
        names: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SessionKey;
    use crate::store::MemoryStore;
    use tokio::task::JoinSet;

    const UNTIL: u64 = 9_000;

    fn keys(seeds: &[u8]) -> KeyRing {
        let key = |seed: &u8| {
            SessionKey::from_bytes(std::array::from_fn(|place| seed.wrapping_add(place as u8)))
        };
        let keys: Vec<_> = seeds.iter().map(key).collect();
        KeyRing::new(&keys, &["https://app.example"]).unwrap()
    }

    fn at(made_at: u64) -> Mark {
        Mark::of(Stamp::at(made_at))
    }

    fn shared() -> SharedMarks {
        SharedMarks::new(Arc::new(MemoryStore::default()))
    }

    /// [`Session::example`], begun at 1000, with this `sid` or none.
    fn session(sid: Option<&str>) -> Session {
        let mut session = Session::example();
        session.sid = sid.map(Into::into);
        session
    }

    #[tokio::test]
    async fn a_mark_concerns_the_sessions_it_names_and_no_others() {
        let keys = keys(&[1]);
        let (one, other, nameless) = (session(Some("1")), session(Some("2")), session(None));
        let mut hers = session(Some("3"));
        hers.subject = "somebody else".into();
        let sessions = [&one, &other, &nameless, &hers];
        let concern = async |shared: &SharedMarks| {
            let mut ended = Vec::new();
            for session in sessions {
                ended.push(shared.concern(&keys, session, 1_001).await.unwrap());
            }
            ended
        };
        let provider = Some(SessionEnd::EndedByProvider);

        let marks = shared();
        assert_eq!(concern(&marks).await, [None; 4]);
        for named in [
            SessionName::alone_of(&one),
            SessionName::alone_of(&nameless),
        ] {
            marks
                .end(&keys, named, at(1_000), (1_000, UNTIL))
                .await
                .unwrap();
        }
        assert_eq!(concern(&marks).await, [provider, None, provider, None]);

        let marks = shared();
        marks
            .end(
                &keys,
                SessionName::alone_of(&one),
                at(1_000),
                (1_000, UNTIL),
            )
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [provider, None, None, None]);

        let marks = shared();
        marks
            .end(&keys, SessionName::sub_of(&one), at(1_000), (1_000, UNTIL))
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [provider, provider, provider, None]);

        let marks = shared();
        let mut stranger = session(Some("4"));
        stranger.id = [9; 16];
        marks
            .end_this(&keys, &EndedSession::of(&stranger), 999)
            .await
            .unwrap();
        assert_eq!(concern(&marks).await, [None; 4]);
        assert_eq!(
            marks.concern(&keys, &stranger, 1_001).await.unwrap(),
            Some(SessionEnd::SignedOut),
            "an id has no second life"
        );
    }

    #[tokio::test]
    async fn a_later_mark_moves_the_one_before_and_never_back() {
        let (keys, marks) = (keys(&[1]), shared());
        let mut later = session(Some("1"));
        // Another clock than the marks'.
        later.times.begun_at = 1_900;
        later.extras.seen.sub = Stamp::at(1_499);
        for (made_at, until, ended) in [
            (1_499, UNTIL, None),
            (1_500, UNTIL, Some(SessionEnd::EndedByProvider)),
            (1_200, UNTIL + 1, Some(SessionEnd::EndedByProvider)),
        ] {
            marks
                .end(
                    &keys,
                    SessionName::sub_of(&later),
                    at(made_at),
                    (made_at, until),
                )
                .await
                .unwrap();
            assert_eq!(marks.concern(&keys, &later, 1_501).await.unwrap(), ended);
        }
        let at_the_end = marks.concern(&keys, &later, UNTIL).await.unwrap();
        assert_eq!(at_the_end, Some(SessionEnd::EndedByProvider));
        assert_eq!(marks.concern(&keys, &later, UNTIL + 1).await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn marks_made_at_the_same_moment_add_up_to_the_last() {
        let marks = Arc::new(shared());
        let mut nodes = JoinSet::new();
        for made_at in 1_000..1_010 {
            let marks = Arc::clone(&marks);
            nodes.spawn(async move {
                let person = Session::example();
                let named = SessionName::sub_of(&person);
                marks
                    .end(&keys(&[1]), named, at(made_at), (made_at, UNTIL))
                    .await
                    .unwrap();
            });
        }
        nodes.join_all().await;
        let mut last = session(None);
        last.extras.seen.sub = Stamp::at(1_008);
        let ended = marks.concern(&keys(&[1]), &last, 1_010).await.unwrap();
        assert_eq!(ended, Some(SessionEnd::EndedByProvider));
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
                .end_this(&keys(writer), &EndedSession::of(&session), 1_000)
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
        let name = marked(SessionName::sub_of(&session));
        let name = keys.names(&name).next().unwrap();
        let mut odd = record(at(1), 0, UNTIL);
        odd.sealed.push(0);
        store.insert(&name, odd, 1_000).await.unwrap();
        let ended = SharedMarks::new(store)
            .concern(&keys, &session, 1_001)
            .await
            .unwrap();
        assert_eq!(ended, Some(SessionEnd::EndedByProvider));
    }

    #[tokio::test]
    async fn a_session_that_has_seen_a_mark_comes_after_it_on_every_node() {
        let (keys, marks) = (keys(&[1]), shared());
        let mut next = session(Some("1"));
        let log_out = async |salt| {
            // By a node whose clock is ahead of the one where the session begins.
            let mark = Mark::of(Stamp::new(1_002, [0, 0, salt]));
            let person = session(None);
            let named = SessionName::sub_of(&person);
            let ended = marks.end(&keys, named, mark, (1_000, UNTIL));
            ended.await.unwrap();
        };
        log_out(7).await;
        let ended = Some(SessionEnd::EndedByProvider);
        assert_eq!(marks.concern(&keys, &next, 1_000).await.unwrap(), ended);
        next.extras.seen = marks.seen_by(&keys, &next, 1_000).await.unwrap();
        assert_eq!(marks.concern(&keys, &next, 1_000).await.unwrap(), None);
        log_out(9).await;
        assert_eq!(marks.concern(&keys, &next, 1_000).await.unwrap(), ended);
    }

    /// Somebody has made the absolute lifetime shorter, and there are sessions from before.
    #[tokio::test]
    async fn a_mark_that_moves_lasts_as_long_as_the_one_before() {
        let (keys, marks) = (keys(&[1]), shared());
        let session = session(Some("1"));
        let named = SessionName::sub_of(&session);
        for (made_at, until) in [(1_000, UNTIL), (1_001, 2_000)] {
            let ended = marks.end(&keys, named, at(made_at), (made_at, until));
            ended.await.unwrap();
        }
        let later = marks.concern(&keys, &session, 3_000).await.unwrap();
        assert_eq!(later, Some(SessionEnd::EndedByProvider));
    }

    /// Another node ends all sessions while this one would spare one.
    #[tokio::test]
    async fn a_session_that_was_ended_is_not_spared_afterwards() {
        let (keys, marks) = (keys(&[1]), shared());
        let one = session(Some("1"));
        let times = (1_000, UNTIL);
        let end_others = async |salt| {
            let stamp = Stamp::new(1_000, [0, 0, salt]);
            let ended = marks.end_others(&keys, &one, stamp, times);
            ended.await.unwrap()
        };
        assert!(end_others(1).await);
        assert_eq!(marks.concern(&keys, &one, 1_000).await.unwrap(), None);
        let all = Mark::of(Stamp::new(1_000, [0, 0, 2]));
        let named = SessionName::sub_of(&one);
        marks.end(&keys, named, all, times).await.unwrap();
        assert!(!end_others(3).await);
        let ended = marks.concern(&keys, &one, 1_000).await.unwrap();
        assert_eq!(ended, Some(SessionEnd::EndedByProvider));
    }
}
