//! Finds the session of a request's cookies, and decides whether it is active.

use std::sync::Arc;

use super::loaded::LoadedSession;
use super::refresh::RefreshOutcome;
use super::sealed::SealedSessions;
use super::stored::Ticket;
use super::{Backend, Sessions};
use crate::authorization::ReplacedSession;
use crate::cookie::Pieces;
use crate::error::Error;
use crate::seal::WhySealed;
use crate::session::{Session, SessionEnd};

/// What the cookies of a request refer to.
#[derive(Debug)]
pub(crate) enum Lookup {
    Active {
        loaded: LoadedSession,
        /// It should be written again, with its cookie.
        write_due: bool,
        /// The session in the cookie or the store; `loaded` may be newer.
        found_generation: u32,
    },
    /// A genuine session that has ended.
    Ended {
        why: SessionEnd,
        loaded: LoadedSession,
    },
    /// A ticket whose session does not exist, or no longer exists.
    NotFound,
    /// Nothing that opens.
    Invalid,
}

impl Lookup {
    /// The ticket of the session that was found, if it is in a store.
    pub(super) fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Active { loaded, .. } | Self::Ended { loaded, .. } => loaded.ticket.as_ref(),
            Self::NotFound | Self::Invalid => None,
        }
    }
}

/// What the cookies of a request hold, before any store is asked.
#[derive(Debug)]
pub(crate) enum SessionCookie {
    /// A session.
    Sealed(Lookup),
    /// A ticket for a session in the store.
    Ticket(Ticket),
    /// Nothing that opens.
    Invalid,
}

impl Sessions {
    /// Whether a `Cookie` field has a session cookie of ours.
    pub(crate) fn has_cookie(&self, field: &[u8]) -> bool {
        self.cookie.is_in(field)
    }

    /// The name of the session cookie, without the number of a piece.
    pub(crate) fn cookie_name(&self) -> &str {
        self.cookie.name()
    }

    /// The session cookies among a request's `Cookie` fields.
    pub(crate) fn pieces<'a>(&'a self, fields: impl Iterator<Item = &'a [u8]>) -> Pieces<'a> {
        Pieces::collect(fields, self.cookie.name())
    }

    /// No session cookie yet, for a request whose `Cookie` fields come one by one.
    pub(crate) fn no_pieces(&self) -> Pieces<'_> {
        Pieces::of(self.cookie.name())
    }

    /// Opens the session cookies of a request.
    pub(crate) fn open(&self, pieces: &Pieces<'_>) -> SessionCookie {
        let opened = match &self.backend {
            Backend::Sealed(sealed) => sealed.open(&self.keys, pieces).map(|unsealed| {
                let reseal = !unsealed.by_newest;
                let now = self.now();
                SessionCookie::Sealed(self.judge(unsealed.session, None, reseal, now))
            }),
            Backend::Stored(_) => self.ticket(pieces).map(SessionCookie::Ticket),
        };
        opened.unwrap_or_else(|| {
            if !pieces.present().is_empty() {
                let why = SealedSessions::why_not(&self.keys, pieces);
                self.report_unopened(why, self.now());
            }
            SessionCookie::Invalid
        })
    }

    fn ticket(&self, pieces: &Pieces<'_>) -> Option<Ticket> {
        let name = self.cookie.name();
        let candidates = pieces.candidates();
        let mut genuine = candidates.filter_map(|value| Ticket::open(&self.keys, name, &value));
        let first = genuine.next();
        // Two genuine tickets under one name: somebody else set one of them.
        first.filter(|_| genuine.next().is_none())
    }

    /// The session that a browser has when it begins another login. No store is called for it yet.
    pub(crate) fn replaced_by_login(&self, cookie_fields: &[&[u8]]) -> Option<ReplacedSession> {
        let pieces = self.pieces(cookie_fields.iter().copied());
        match self.open(&pieces) {
            // One that has ended, too: a late response to an older request must not remove the new session's cookie, and
            // what a logout in a frame has ended on this node only, the login ends on all.
            SessionCookie::Sealed(Lookup::Active { loaded, .. } | Lookup::Ended { loaded, .. }) => {
                Some(ReplacedSession::Sealed {
                    id: loaded.session.id,
                    until: loaded.session.times.absolute_deadline,
                })
            }
            SessionCookie::Ticket(ticket) => Some(ReplacedSession::Stored(ticket.to_bytes())),
            SessionCookie::Sealed(_) | SessionCookie::Invalid => None,
        }
    }

    /// The session for a request to the application: marks of other nodes count, and what is due is written back.
    pub(crate) async fn find(&self, cookie: SessionCookie) -> Result<Lookup, Error> {
        let found = match cookie {
            SessionCookie::Sealed(found) => found,
            // Somebody has signed out while the store was down, and it may be back before it is told.
            SessionCookie::Ticket(ticket) if self.pending_ends.has(&ticket) => Lookup::NotFound,
            SessionCookie::Ticket(ticket) => self.load_and_extend(ticket).await?,
            SessionCookie::Invalid => Lookup::Invalid,
        };
        self.unless_ended_elsewhere(found).await
    }

    /// The same for a caller that only looks: nothing is written back.
    pub(crate) async fn find_as_it_is(&self, cookie: SessionCookie) -> Result<Lookup, Error> {
        let found = match cookie {
            SessionCookie::Ticket(ticket) if self.pending_ends.has(&ticket) => Lookup::NotFound,
            cookie => self.find_to_end(cookie).await?,
        };
        self.unless_ended_elsewhere(found).await
    }

    /// The session, unless another node has marked it as ended.
    async fn unless_ended_elsewhere(&self, found: Lookup) -> Result<Lookup, Error> {
        let Lookup::Active { loaded, .. } = &found else {
            return Ok(found);
        };
        if !self.revocations.are_shared() {
            return Ok(found);
        }
        let ended = self
            .revocations
            .concern_anywhere(&loaded.session, self.now());
        Ok(match (ended.await?, found) {
            (Some(why), Lookup::Active { loaded, .. }) => Lookup::Ended { why, loaded },
            (_, found) => found,
        })
    }

    /// The same at once, if neither a store nor other nodes have to be asked.
    pub(crate) fn find_here(&self, cookie: SessionCookie) -> Result<Lookup, SessionCookie> {
        match cookie {
            SessionCookie::Sealed(found) if !self.revocations.are_shared() => Ok(found),
            SessionCookie::Invalid => Ok(Lookup::Invalid),
            cookie => Err(cookie),
        }
    }

    /// The session for a caller that ends it: other nodes are not asked, and nothing is written back.
    pub(crate) async fn find_to_end(&self, cookie: SessionCookie) -> Result<Lookup, Error> {
        match cookie {
            SessionCookie::Sealed(found) => Ok(found),
            SessionCookie::Ticket(ticket) => self.load(ticket).await,
            SessionCookie::Invalid => Ok(Lookup::Invalid),
        }
    }

    /// Loads the session that a ticket leads to, and writes it back when that is due: its idle deadline has moved, its
    /// key is no longer the newest, or it was refreshed while the store was down.
    async fn load_and_extend(&self, ticket: Ticket) -> Result<Lookup, Error> {
        let found = self.load(ticket.clone()).await?;
        let Lookup::Active {
            loaded,
            write_due: true,
            found_generation,
        } = &found
        else {
            return Ok(found);
        };
        let extended = loaded.extended(self.lifetimes, self.now());
        if self.write_back(&extended, *found_generation).await? {
            return Ok(found);
        }
        // Somebody else has changed it meanwhile, or ended it.
        self.load(ticket).await
    }

    pub(super) async fn load(&self, ticket: Ticket) -> Result<Lookup, Error> {
        let Backend::Stored(stored) = &self.backend else {
            return Ok(Lookup::Invalid);
        };
        let now = self.now();
        Ok(match stored.find(&self.keys, &ticket, now).await? {
            Some(Ok(found)) => {
                let reseal = !(found.by_newest && ticket.by_newest());
                self.judge(Arc::new(found.session), Some(ticket), reseal, now)
            }
            Some(Err(why)) => {
                self.report_unopened(why, now);
                Lookup::NotFound
            }
            None => Lookup::NotFound,
        })
    }

    fn judge(
        &self,
        session: Arc<Session>,
        ticket: Option<Ticket>,
        reseal: bool,
        now: u64,
    ) -> Lookup {
        let found_generation = session.generation;
        let (session, due, ended) = match self.refreshes.since(&session, now) {
            Some(RefreshOutcome::Ended(why)) => (session, false, Some(why)),
            Some(RefreshOutcome::Refreshed(newer)) => (newer, true, None),
            _ => (session, reseal, None),
        };
        let loaded = LoadedSession { session, ticket };
        match ended.or_else(|| self.ended(&loaded.session, now)) {
            Some(why) => Lookup::Ended { why, loaded },
            None => Lookup::Active {
                write_due: due || loaded.session.times.idle_extension_due(now),
                loaded,
                found_generation,
            },
        }
    }

    /// Whether a session has ended, as far as this process knows.
    pub(super) fn ended(&self, session: &Session, now: u64) -> Option<SessionEnd> {
        if self.revocations.concern(session, now) {
            return Some(SessionEnd::EndedByProvider);
        }
        // The deadlines inside the seal are those of the settings when it began. Tighter ones count at once,
        // and no mark needs to last longer.
        let begun_at = session.times.begun_at;
        let oldest = begun_at.saturating_add(self.lifetimes.absolute);
        session
            .ended(now)
            .or_else(|| (now >= oldest).then_some(SessionEnd::Absolute))
    }

    /// Whether a session has ended since it was opened, for connections that last longer than a request. Its store is asked,
    /// and other nodes if they share revocations.
    pub(crate) async fn has_ended_since(&self, loaded: &LoadedSession) -> Result<bool, Error> {
        let cookie = match &loaded.ticket {
            Some(ticket) => SessionCookie::Ticket(ticket.clone()),
            None => {
                let session = Arc::clone(&loaded.session);
                SessionCookie::Sealed(self.judge(session, None, false, self.now()))
            }
        };
        let found = self.find_as_it_is(cookie).await?;
        Ok(!matches!(found, Lookup::Active { .. }))
    }

    /// What happened to a session of this process since it was opened.
    pub(crate) fn since(&self, loaded: &LoadedSession) -> Option<RefreshOutcome> {
        let is_ending = |ticket| self.pending_ends.has(ticket);
        if loaded.ticket.as_ref().is_some_and(is_ending) {
            return Some(RefreshOutcome::Ended(SessionEnd::SignedOut));
        }
        self.refreshes.since(&loaded.session, self.now())
    }

    /// A session whose idle deadline has moved, since it is used.
    pub(crate) fn extended(&self, loaded: &LoadedSession) -> LoadedSession {
        loaded.extended(self.lifetimes, self.now())
    }

    fn report_unopened(&self, why: WhySealed, now: u64) {
        self.unopened.report(self.cookie.name(), why, now);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::super::example::{KEY, config, sessions};
    use super::super::{Registrations, SessionsConfig};
    use super::*;
    use crate::cookie::PresentPieces;
    use crate::io::scripted::{CountingRandom, PassingClock, StoppedClock};
    use crate::seal::{KeyRing, Purpose, SessionKey};
    use crate::session::{SessionName, Stamp};
    use crate::store::{MemoryStore, SessionStore};

    const NAME: &str = "__Host-latchgate";

    const COOKIE: &str = "ASKvdaQJCQkJCQkJCQkJCQmawNh5o6ybKvqoZ6Slyiuv9nBny3V4PSengxex8UiSt4c15hSInH_5rh2jO3\
         JhSKRKCSyjtZLv8WnjqT69Uer4qggfEldrIs71tWO8NnRGrxvnM0S-rP9v3XrkNlmZaehK0iFBQA3xT3Pn\
         2Hyyn03moKyoYLLk0wVrkhNDj6YkcI_57GlzCYZBQmOMll675-uwAxUoLSijIBuR376AA1kMrj8bKYsH1j\
         C06RjBm9Wq4dis5h4WOxj4jrXyI0_HYglPJukY0LRQkn-uguH_VelxmRzbsLXEiv2sUyQd0J2jbr_TUne0\
         jlyK2nh1640nJ7rEopke2o9w3zrVdWf3ZT63IDvNt_oKZOH9RabrmoO5nldB2hHPVo3jOoPXXeE__RuaH5\
         8dRMoimCdDXfta9A5RUQ";

    fn store() -> Option<Arc<dyn SessionStore>> {
        Some(Arc::new(MemoryStore::default()))
    }

    fn open(sessions: &Sessions, field: &str) -> SessionCookie {
        sessions.open(&sessions.pieces([field.as_bytes()].into_iter()))
    }

    /// Who is found at this time, and whether their session is written back.
    async fn seen(now: u64) -> (Option<String>, bool) {
        let sessions = sessions(None, now);
        let cookie = open(&sessions, &format!("{NAME}={COOKIE}"));
        match sessions.find(cookie).await.unwrap() {
            Lookup::Active {
                loaded, write_due, ..
            } => (Some(loaded.session.subject.to_string()), write_due),
            _ => (None, false),
        }
    }

    /// Whoever was signed in before an upgrade is afterwards.
    #[tokio::test]
    async fn a_cookie_from_before_an_upgrade_signs_in() {
        let example = Session::example().encode().unwrap();
        let keys = Arc::clone(&sessions(None, 1_001).keys);
        let resealed = keys.seal(Purpose::Session, NAME, &example, [9; 12]);
        assert_eq!(resealed, COOKIE);
        let alice = Some("248289761001".to_owned());
        assert_eq!(seen(1_001).await, (alice.clone(), false));
        assert_eq!(seen(1_100).await, (alice, true));
        assert_eq!(seen(1_600).await, (None, false));
    }

    /// A late response to an older request must not remove the cookie of the session that the login begins.
    #[test]
    fn a_login_replaces_a_session_that_has_ended_too() {
        for now in [1_001, 1_600] {
            let field = format!("{NAME}={COOKIE}");
            let replaced = sessions(None, now).replaced_by_login(&[field.as_bytes()]);
            let id = Session::example().id;
            assert!(
                matches!(replaced, Some(ReplacedSession::Sealed { id: found, .. }) if found == id)
            );
        }
    }

    /// The same application, once it is registered somewhere else.
    #[tokio::test]
    async fn a_session_of_another_provider_or_client_does_not_open() {
        let store = store();
        let at = |registrations: &[&str], store| {
            let registrations = registrations.iter().copied().map(str::to_owned);
            Sessions::new(SessionsConfig {
                store,
                registrations: Registrations::new(registrations),
                ..config(StoppedClock(1_001))
            })
        };
        let of = |registrations| {
            let stored = at(registrations, store.clone());
            (at(registrations, None), stored)
        };
        let (sealed, stored) = of(&["default"]);
        let ticket = stored.put(&Session::example()).await;
        let loaded = LoadedSession {
            session: Arc::new(Session::example()),
            ticket: None,
        };
        let cookies = sealed.cookies(&loaded, PresentPieces::default()).unwrap();
        let field = cookies[0].to_str().unwrap().split(';').next().unwrap();
        let some: [(&[&str], bool); 5] = [
            (&["default"], true),
            (&["another", "default", "third"], true),
            (&["another"], false),
            (&["another", "third"], false),
            (&["", "defaul", "default2"], false),
        ];
        for (registrations, opens) in some {
            let (sealed, stored) = of(registrations);
            for (sessions, cookie) in [
                (&sealed, open(&sealed, field)),
                (&stored, SessionCookie::Ticket(ticket.clone())),
            ] {
                let found = sessions.find(cookie).await.unwrap();
                let active = active(&found).is_some();
                assert_eq!(active, opens, "{registrations:?}: {found:?}");
            }
        }
    }

    /// The generation and scope of a session that was found, the generation that was found, and whether its cookie is due.
    fn active(found: &Lookup) -> Option<(u32, &str, u32, bool)> {
        match found {
            Lookup::Active {
                loaded,
                write_due,
                found_generation,
            } => {
                let session = &loaded.session;
                let scope = &*session.tokens.scope;
                Some((session.generation, scope, *found_generation, *write_due))
            }
            _ => None,
        }
    }

    /// A refresh that the store has not been told of, because it was down for longer than a minute.
    #[tokio::test]
    async fn a_store_that_lags_behind_gets_what_this_process_knows() {
        let sessions = sessions(store(), 1_001);
        let ticket = sessions.put(&Session::example()).await;
        let find = || sessions.find(SessionCookie::Ticket(ticket.clone()));
        let found = find().await.unwrap();
        assert_eq!(active(&found), Some((0, "openid email", 0, false)));
        let mut newer = Session::example();
        newer.generation = 3;
        newer.tokens.scope = "newer".into();
        assert!(sessions.refreshes.advance(&Arc::new(newer), 1_001));

        let found = find().await.unwrap();
        assert_eq!(active(&found), Some((3, "newer", 0, true)));
        let there = sessions.get(&ticket).await.unwrap();
        assert_eq!((there.generation, &*there.tokens.scope), (3, "newer"));
        let found = find().await.unwrap();
        assert_eq!(active(&found), Some((3, "newer", 3, false)));
    }

    /// The store was down when somebody signed out.
    #[tokio::test]
    async fn a_store_that_has_not_heard_of_a_sessions_end_lets_nobody_in() {
        let sessions = sessions(store(), 1_001);
        let ticket = sessions.put(&Session::example()).await;
        let signed_out = SessionEnd::SignedOut;
        sessions
            .refreshes
            .end(&Session::example(), signed_out, 1_001);
        let found = sessions.find(SessionCookie::Ticket(ticket)).await.unwrap();
        let Lookup::Ended { why, .. } = found else {
            panic!("{found:?}")
        };
        assert_eq!(why, signed_out);
    }

    /// The session ended by its name, so that nothing is known of its id here; a request had loaded it before.
    #[tokio::test]
    async fn a_sign_out_from_a_session_that_is_gone_is_remembered_for_late_responses() {
        let sessions = sessions(store(), 1_001);
        let ticket = sessions.put(&Session::example()).await;
        let loaded = LoadedSession {
            session: Arc::new(Session::example()),
            ticket: Some(ticket.clone()),
        };
        sessions.stored().remove(&ticket).await.unwrap();
        assert!(sessions.since(&loaded).is_none());
        let cookie = SessionCookie::Ticket(ticket);
        assert!(sessions.sign_out(cookie, Arc::new(|_| {})).await.is_none());
        let since = sessions.since(&loaded);
        let signed_out = SessionEnd::SignedOut;
        assert!(matches!(since, Some(RefreshOutcome::Ended(why)) if why == signed_out));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_response_knows_of_a_sign_out_that_the_store_has_yet_to_hear_of() {
        let store = Arc::new(crate::gate::SlowStore::default());
        let sessions = sessions(Some(Arc::clone(&store) as Arc<dyn SessionStore>), 1_001);
        let ticket = sessions.put(&Session::example()).await;
        let loaded = LoadedSession {
            session: Arc::new(Session::example()),
            ticket: Some(ticket.clone()),
        };
        store.set_down(true);
        let cookie = SessionCookie::Ticket(ticket.clone());
        assert!(sessions.sign_out(cookie, Arc::new(|_| {})).await.is_none());
        let since = sessions.since(&loaded);
        let signed_out = SessionEnd::SignedOut;
        assert!(matches!(since, Some(RefreshOutcome::Ended(why)) if why == signed_out));

        // Whatever ends it here meanwhile, the store hears of it.
        sessions.refreshes.end(&loaded.session, signed_out, 1_001);
        store.set_down(false);
        while sessions.pending_ends.has(&ticket) {
            sessions.run_pending_ends().await;
        }
        assert!(sessions.get(&ticket).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_out_that_never_came_to_the_store_still_counts_on_this_node() {
        let store = Arc::new(crate::gate::SlowStore::default());
        let shared = Arc::clone(&store) as Arc<dyn SessionStore>;
        let sessions = Arc::new(Sessions::new(SessionsConfig {
            store: Some(shared),
            ..config(PassingClock::from(1_001))
        }));
        let ticket = sessions.put(&Session::example()).await;
        store.set_down(true);
        let cookie = SessionCookie::Ticket(ticket.clone());
        assert!(sessions.sign_out(cookie, Arc::new(|_| {})).await.is_none());
        while sessions.pending_ends.has(&ticket) {
            sessions.run_pending_ends().await;
        }
        store.set_down(false);
        let found = sessions.find(SessionCookie::Ticket(ticket)).await.unwrap();
        let signed_out = SessionEnd::SignedOut;
        assert!(matches!(found, Lookup::Ended { why, .. } if why == signed_out));
    }

    /// Another node has ended it between the look and the write.
    #[tokio::test]
    async fn a_session_that_ends_while_it_is_written_back_is_gone() {
        let store = Arc::new(crate::gate::SlowStore::default());
        let sessions = sessions(Some(Arc::clone(&store) as Arc<dyn SessionStore>), 1_070);
        let ticket = sessions.put(&Session::example()).await;
        let before = store.calls();
        let mut loading = Box::pin(sessions.find(SessionCookie::Ticket(ticket.clone())));
        while store.calls() < before + 2 {
            assert_eq!(futures_util::poll!(&mut loading).map(|_| ()), Poll::Pending);
        }
        sessions.stored().remove(&ticket).await.unwrap();
        let found = loading.await.unwrap();
        assert!(matches!(found, Lookup::NotFound), "{found:?}");
    }

    #[tokio::test]
    async fn an_update_is_known_here_and_an_ended_session_has_none() {
        let sessions = sessions(store(), 1_001);
        let ticket = sessions.put(&Session::example()).await;
        let loaded = LoadedSession {
            session: Arc::new(Session::example()),
            ticket: Some(ticket.clone()),
        };
        let update = async |data: &str| {
            let updated = sessions.update(&loaded, |before| Ok(before.with_data(data.to_owned())));
            let updated = updated.await.unwrap();
            updated.map(|updated| updated.session.generation)
        };
        assert_eq!(update("1").await, Some(1));
        // For requests that have loaded the session before.
        let since = sessions.since(&loaded);
        assert!(matches!(since, Some(RefreshOutcome::Refreshed(newer)) if newer.generation == 1));

        // The store has yet to be told of it.
        let person = SessionName::sub_of(&loaded.session);
        let marked = sessions.revocations.end(person, Stamp::at(1_001), 1_001);
        marked.await.unwrap();
        assert_eq!(update("2").await, None);
        sessions.revocations.removed_from_store(person, 1_001);
        let (session, why) = (&loaded.session, SessionEnd::SignedOut);
        sessions.refreshes.end(session, why, 1_001);
        assert_eq!(update("2").await, None);
        assert_eq!(sessions.get(&ticket).await.unwrap().generation, 1);
    }

    #[tokio::test]
    async fn a_logout_token_that_another_node_has_noted_meanwhile_is_not_new() {
        let store = store();
        let node = || sessions(store.clone(), 1_001);
        let (here, there) = (node(), node());
        for (node, new) in [(&here, true), (&there, false), (&here, false)] {
            let noted = node
                .revocations
                .note_processed("https://op.example", "jti", 1_001, 2_000);
            assert_eq!(noted.await.unwrap(), new);
        }
    }

    #[tokio::test]
    async fn a_record_that_an_older_key_has_sealed_is_sealed_again() {
        let store = store();
        let former = sessions(store.clone(), 1_001);
        let newest = SessionKey::from_bytes(*b"the newest, and not known before");
        let keys = [newest, SessionKey::from_bytes(KEY)];
        let context = ["https://app.example"];
        let rotated = Sessions::new(SessionsConfig {
            store,
            keys: Arc::new(KeyRing::new(&keys, &context).unwrap()),
            random: Arc::new(CountingRandom::default()),
            ..config(StoppedClock(1_001))
        });
        let ticket = former.put(&Session::example()).await;
        for due in [true, false] {
            let found = rotated.find(SessionCookie::Ticket(ticket.clone()));
            let found = found.await.unwrap();
            assert_eq!(active(&found).map(|(.., due)| due), Some(due));
        }
    }
}
