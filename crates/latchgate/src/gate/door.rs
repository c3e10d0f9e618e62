//! How the gate keeps sessions: sealed in the cookie, or in a store behind it.

use std::sync::Arc;

use http::HeaderValue;

use super::Premises;
use crate::authorization::{Remembered, ReplacedSession};
use crate::cookie::Pieces;
use crate::error::Error;
use crate::outside::RandomError;
use crate::session::{
    Ended, Moment, Renewed, SealedSessions, Seen, Session, StoredSessions, Ticket,
};

/// The two kinds of session keeping.
#[expect(clippy::large_enum_variant, reason = "a gate has one of these")]
#[derive(Debug)]
pub(crate) enum Keeping {
    Sealed(SealedSessions),
    Stored(StoredSessions),
}

/// A session as it was found, and its ticket when it lies in a store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) session: Arc<Session>,
    pub(crate) ticket: Option<Ticket>,
}

/// What a request's session cookie turned out to be.
#[derive(Debug)]
pub(super) enum Found {
    /// A live session; `due` when its cookie should be written again.
    Live {
        kept: Kept,
        due: bool,
        /// What the cookie or the store had; `kept` may be newer.
        found_generation: u32,
    },
    /// A genuine session that is over.
    Over { why: Ended, kept: Kept },
    /// A ticket that leads to no session, or no longer.
    Gone,
    /// Nothing that opens.
    Nothing,
}

impl Premises {
    /// Opens the session in a sealed cookie. `None` when sessions lie in a store.
    pub(super) fn unseal(&self, pieces: &Pieces<'_>, now: u64) -> Option<Found> {
        let Keeping::Sealed(sealed) = &self.keeping else {
            return None;
        };
        Some(match sealed.open(&self.keys, pieces) {
            Some(unsealed) => self.judge(unsealed.session, None, !unsealed.by_newest, now),
            None => {
                self.tell_unopened(pieces, now);
                Found::Nothing
            }
        })
    }

    /// Tells the log that a request's cookies hold no session of ours.
    pub(super) fn tell_unopened(&self, pieces: &Pieces<'_>, now: u64) {
        let why = SealedSessions::why_not(&self.keys, pieces);
        self.unopened.tell(self.session_cookie.name(), why, now);
    }

    /// Loads the session whose ticket the cookie holds, and writes it back when that is due: its idle
    /// deadline has moved, its key is no longer the newest, or it was refreshed while the store was
    /// down.
    pub(super) async fn load_renewed(&self, ticket: Ticket, now: u64) -> Result<Found, Error> {
        let found = self.load(ticket.clone(), now).await?;
        let Found::Live {
            kept,
            due: true,
            found_generation,
        } = &found
        else {
            return Ok(found);
        };
        let renewed = kept.renewed(self.lifetimes, now);
        if self.write_back(&renewed, *found_generation, now).await? {
            return Ok(found);
        }
        // Somebody else has changed it meanwhile, or ended it.
        self.load(ticket, now).await
    }

    /// Loads the session whose ticket the cookie holds.
    pub(super) async fn load(&self, ticket: Ticket, now: u64) -> Result<Found, Error> {
        let Keeping::Stored(stored) = &self.keeping else {
            return Ok(Found::Nothing);
        };
        Ok(match stored.find(&self.keys, &ticket, now).await? {
            Some(Ok(taken)) => {
                let reseal = !(taken.by_newest && ticket.by_newest());
                self.judge(taken.session, Some(ticket), reseal, now)
            }
            Some(Err(why)) => {
                self.unopened.tell(self.session_cookie.name(), why, now);
                Found::Gone
            }
            None => Found::Gone,
        })
    }

    /// The ticket in the collected pieces, where sessions lie in a store.
    pub(super) fn ticket(&self, pieces: &Pieces<'_>) -> Option<Ticket> {
        if let Keeping::Sealed(_) = self.keeping {
            return None;
        }
        let name = self.session_cookie.name();
        let candidates = pieces.candidates().into_iter();
        let mut genuine = candidates.filter_map(|value| Ticket::open(&self.keys, name, &value));
        let first = genuine.next();
        // Two genuine tickets under one name: somebody planted one of them.
        first.filter(|_| genuine.next().is_none())
    }

    /// What the session cookie of an errand's request leads to, whatever other nodes know of it.
    pub(super) async fn find(&self, pieces: &Pieces<'_>, now: u64) -> Result<Found, Error> {
        match (self.unseal(pieces, now), self.ticket(pieces)) {
            (Some(found), _) => Ok(found),
            (None, Some(ticket)) => self.load(ticket, now).await,
            (None, None) => Ok(Found::Nothing),
        }
    }

    /// The session in the cookies of a browser that signs in once more. Nobody asks a store for it yet.
    pub(super) fn replaced_by_a_login(
        &self,
        cookie_fields: &[&[u8]],
        now: u64,
    ) -> Option<ReplacedSession> {
        let fields = cookie_fields.iter().copied();
        let pieces = Pieces::collect(fields, self.session_cookie.name());
        match (self.unseal(&pieces, now), self.ticket(&pieces)) {
            (Some(Found::Live { kept, .. }), _) => Some(ReplacedSession::Sealed {
                id: kept.session.id,
                until: kept.session.times.absolute_deadline,
            }),
            (None, Some(ticket)) => Some(ReplacedSession::Stored(ticket.to_bytes())),
            _ => None,
        }
    }

    /// Asks for revocations that other nodes have made, where nodes share them.
    pub(super) async fn confirm(&self, found: Found, now: u64) -> Result<Found, Error> {
        let (Some(shared), Found::Live { kept, .. }) = (&self.shared_revocations, &found) else {
            return Ok(found);
        };
        let ended = shared.concern(&self.keys, &kept.session, now).await?;
        Ok(match (ended, found) {
            (Some(why), Found::Live { kept, .. }) => Found::Over { why, kept },
            (_, found) => found,
        })
    }

    fn judge(&self, session: Session, ticket: Option<Ticket>, reseal: bool, now: u64) -> Found {
        let found_generation = session.generation;
        let (session, due, ended) = match self.renewals.since(&session) {
            Some(Renewed::Over(why)) => (Arc::new(session), false, Some(why)),
            Some(Renewed::Fresh(newer)) => (newer, true, None),
            _ => (Arc::new(session), reseal, None),
        };
        let kept = Kept { session, ticket };
        match ended.or_else(|| self.ended(&kept.session, now)) {
            Some(why) => Found::Over { why, kept },
            None => {
                let due = due || kept.session.times.renewal_due(now);
                Found::Live {
                    kept,
                    due,
                    found_generation,
                }
            }
        }
    }

    /// Whether a session is over, as far as this process knows.
    pub(super) fn ended(&self, session: &Session, now: u64) -> Option<Ended> {
        if self.revocations.concern(session, now) {
            return Some(Ended::EndedByProvider);
        }
        // The deadlines inside the seal are those of the settings when it began. Tighter ones count at once,
        // and no mark needs to last longer.
        let oldest = session
            .times
            .begun_at
            .saturating_add(self.lifetimes.absolute);
        session
            .ended(now)
            .or_else(|| (now >= oldest).then_some(Ended::Absolute))
    }

    /// The marks that a session which is just beginning comes after.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`] when one of them was made on this node since `moment`.
    pub(super) async fn marks_seen(
        &self,
        session: &Session,
        moment: Moment,
        now: u64,
    ) -> Result<Seen, Error> {
        let seen = self.marks_seen_here(session, moment)?;
        Ok(match &self.shared_revocations {
            Some(shared) => seen.or(shared.seen_by(&self.keys, session, now).await?),
            None => seen,
        })
    }

    /// The same as far as this node knows.
    pub(super) fn marks_seen_here(&self, session: &Session, moment: Moment) -> Result<Seen, Error> {
        let seen = self.revocations.seen_by(session, moment, self.clock.now());
        seen.ok_or(Error::SessionEnded)
    }

    /// Begins to keep a new session. Answers with the ticket of one that lies in a store, and with the
    /// cookies that carry it.
    pub(super) async fn keep_new(
        &self,
        session: &Session,
        present: &[String],
        now: u64,
    ) -> Result<(Option<Ticket>, Vec<HeaderValue>), Error> {
        match &self.keeping {
            Keeping::Sealed(_) => Ok((None, self.cookies(session, None, present, now)?)),
            Keeping::Stored(stored) => {
                let ticket = Ticket::draw(self.random.as_ref())?;
                let iv = self.random.array()?;
                if !stored.insert(&self.keys, &ticket, session, iv, now).await? {
                    // 128 random bits that were there before: the generator is broken.
                    return Err(RandomError.into());
                }
                let cookies = self.cookies(session, Some(&ticket), present, now)?;
                Ok((Some(ticket), cookies))
            }
        }
    }

    /// Writes a changed session back to its store; sealed sessions travel by [`Premises::cookies`].
    /// `false` when it is no longer there, or somebody else has changed it.
    pub(super) async fn write_back(
        &self,
        kept: &Kept,
        expected: u32,
        now: u64,
    ) -> Result<bool, Error> {
        match (&self.keeping, &kept.ticket) {
            (Keeping::Stored(stored), Some(ticket)) => {
                let iv = self.random.array()?;
                Ok(stored
                    .replace(&self.keys, ticket, expected, &kept.session, iv, now)
                    .await?)
            }
            _ => Ok(true),
        }
    }

    /// Removes a session from its store.
    pub(super) async fn forget(&self, ticket: Option<&Ticket>) -> Result<(), Error> {
        if let (Keeping::Stored(stored), Some(ticket)) = (&self.keeping, ticket) {
            stored.remove(ticket).await?;
        }
        Ok(())
    }

    /// The cookies that carry a session, and the removal of `present` ones that no longer do.
    pub(super) fn cookies(
        &self,
        session: &Session,
        ticket: Option<&Ticket>,
        present: &[String],
        now: u64,
    ) -> Result<Vec<HeaderValue>, Error> {
        let max_age = match session.extras.remembered {
            Remembered::AcrossRestarts => Some(session.deadline().saturating_sub(now)),
            Remembered::UntilClosed => None,
        };
        match (&self.keeping, ticket) {
            (Keeping::Sealed(sealed), _) => {
                let cookies =
                    sealed.set(&self.keys, session, self.random.array()?, present, max_age)?;
                let bytes: usize = cookies.iter().map(HeaderValue::len).sum();
                if bytes > 8_000 {
                    tracing::warn!(
                        event = "long_cookies",
                        bytes,
                        "the session's cookies are longer than many proxies accept (8 KB)"
                    );
                }
                Ok(cookies)
            }
            (Keeping::Stored(_), Some(ticket)) => {
                let kind = &self.session_cookie;
                let value = ticket.seal(&self.keys, kind.name(), self.random.array()?);
                let mut cookies = vec![kind.set("", &value, max_age)];
                let stale = present.iter().filter(|suffix| !suffix.is_empty());
                cookies.extend(stale.map(|suffix| kind.clear(suffix)));
                Ok(cookies)
            }
            (Keeping::Stored(_), None) => Ok(Vec::new()),
        }
    }

    /// The removal of every session cookie that is present.
    pub(super) fn clear(&self, present: &[String]) -> Vec<HeaderValue> {
        present
            .iter()
            .map(|suffix| self.session_cookie.clear(suffix))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Request, header};

    use super::*;
    use crate::builder::{GateBuilder, Provider};
    use crate::gate::hang_ups::SlowStore;
    use crate::gate::{Gate, Verdict};
    use crate::outside::scripted::{CountingRandom, ScriptedHttp, StoppedClock};
    use crate::seal::{Purpose, SessionKey};
    use crate::session::{MemoryStore, SessionName, Stamp};

    const NAME: &str = "__Host-latchgate";

    /// [`Session::example`](crate::session::Session::example), as it has always been sealed.
    const COOKIE: &str = "ASKvdaQJCQkJCQkJCQkJCQmawNh5o6ybKvqoZ6Slyiuv9nBny3V4PSengxex8UiSt4c15hSInH_5rh2jO3\
         JhSKRKCSyjtZLv8WnjqT69Uer4qggfEldrIs71tWO8NnRGrxvnM0Q2ooRCxzTieASZAZkqtCVWC133H2mw\
         zWGZg3v_rOP3e7Htxhci3RdHgu1ycN-66G1dCb5FV3KNgxy9puX9QhVtfDLyaRvDiaKEBBNQu39EaJ5R0i\
         Wl6A2P0tX1qs_nuB5YcQn5mfzzZk_ReBVIa6sYj-NBxSeuivf1U-l6lhPdtrTFmLGNLicd0ZLTAZDdTDaq\
         i1iF23Jg-oxNqtM9aZ_n9u9BrFDSJ3Dha2ymPDiIrZkOceqfQ7KukYe8114su3ijVo3jOoNAuG6n9CiEX2IcSjbevcHR";

    fn gate(now: u64) -> Gate {
        builder(now).build().unwrap()
    }

    fn builder(now: u64) -> GateBuilder {
        registered("https://op.example", "my-app", now)
    }

    fn registered(issuer: &str, client: &str, now: u64) -> GateBuilder {
        Gate::builder(
            "https://app.example",
            Provider::new(issuer, client).client_secret("secret"),
        )
        .session_keys([SessionKey::from_bytes(*b"a key that has sealed for years.")])
        .http_client(ScriptedHttp::default())
        .clock(StoppedClock(now))
        .random(CountingRandom::default())
    }

    /// Who the gate says it is at this time, and whether their session is written back.
    async fn seen(now: u64) -> (Option<String>, bool) {
        let gate = gate(now);
        let request = Request::get("/me").header(header::COOKIE, format!("{NAME}={COOKIE}"));
        let request = request.body(()).unwrap();
        let Verdict::Pass(pass) = gate.admit(&request) else {
            return (None, false);
        };
        let Some(visit) = pass.visit() else {
            return (None, false);
        };
        let user = visit.user(&request).await.unwrap();
        let mut response = HeaderMap::new();
        visit.leave(&mut response);
        let written = response.get(header::SET_COOKIE).is_some_and(|line| {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (_, value) = pair.split_once('=').unwrap();
            let opened = gate.0.keys.open(Purpose::Session, NAME, value.as_bytes());
            opened.is_some()
        });
        (user.map(|user| user.subject().to_owned()), written)
    }

    /// Whoever was signed in before an upgrade is afterwards.
    #[tokio::test]
    async fn a_cookie_from_before_an_upgrade_signs_in() {
        let example = Session::example().encode().unwrap();
        let resealed = gate(1_001)
            .0
            .keys
            .seal(Purpose::Session, NAME, &example, [9; 12]);
        assert_eq!(resealed, COOKIE);
        let alice = Some("248289761001".to_owned());
        assert_eq!(seen(1_001).await, (alice.clone(), false));
        assert_eq!(seen(1_100).await, (alice, true));
        assert_eq!(seen(1_600).await, (None, false));
    }

    /// The same application, once it is registered somewhere else.
    #[tokio::test]
    async fn a_session_of_another_provider_or_client_does_not_open() {
        let store = Arc::new(MemoryStore::default());
        let ticket = Ticket::draw(&CountingRandom::default()).unwrap();
        let session = Session::example();
        let gates = |issuer: &str, client: &str| {
            let build = || registered(issuer, client, 1_001);
            let stored = build().store(Arc::clone(&store));
            (build().build().unwrap(), stored.build().unwrap())
        };
        let (sealed, stored) = gates("https://op.example", "my-app");
        let inserted = sessions(&stored).insert(&stored.0.keys, &ticket, &session, [9; 12], 1_000);
        assert!(inserted.await.unwrap());
        let cookies = sealed.0.cookies(&session, None, &[], 1_001).unwrap();
        let field = cookies[0].to_str().unwrap().split(';').next().unwrap();
        for (issuer, client, opens) in [
            ("https://op.example", "my-app", true),
            ("https://op.example", "another", false),
            ("https://other.example", "my-app", false),
        ] {
            let (sealed, stored) = gates(issuer, client);
            let name = sealed.0.session_cookie.name();
            let pieces = Pieces::collect([field.as_bytes()].into_iter(), name);
            let found = sealed.0.unseal(&pieces, 1_001).unwrap();
            assert_eq!(
                live(&found).is_some(),
                opens,
                "{issuer} {client}: {found:?}"
            );
            let found = stored.0.load_renewed(ticket.clone(), 1_001).await.unwrap();
            assert_eq!(
                live(&found).is_some(),
                opens,
                "{issuer} {client}: {found:?}"
            );
        }
    }

    /// A gate with [`Session::example`] in its store, and the ticket that leads there.
    async fn stored() -> (Gate, Ticket) {
        let gate = builder(1_001)
            .store(MemoryStore::default())
            .build()
            .unwrap();
        let ticket = Ticket::draw(&CountingRandom::default()).unwrap();
        let session = Session::example();
        let inserted = sessions(&gate).insert(&gate.0.keys, &ticket, &session, [9; 12], 1_000);
        assert!(inserted.await.unwrap());
        (gate, ticket)
    }

    fn sessions(gate: &Gate) -> &StoredSessions {
        match &gate.0.keeping {
            Keeping::Stored(stored) => stored,
            Keeping::Sealed(_) => panic!("sessions lie in no store"),
        }
    }

    /// The generation and scope of a session that was found, the generation that was found, and whether its cookie is due.
    fn live(found: &Found) -> Option<(u32, &str, u32, bool)> {
        match found {
            Found::Live {
                kept,
                due,
                found_generation,
            } => {
                let session = &kept.session;
                Some((
                    session.generation,
                    &session.tokens.scope,
                    *found_generation,
                    *due,
                ))
            }
            _ => None,
        }
    }

    /// A refresh of which the store has not heard, because it was down for longer than a minute.
    #[tokio::test]
    async fn a_store_that_lags_behind_gets_what_this_process_knows() {
        let (gate, ticket) = stored().await;
        let load = || gate.0.load_renewed(ticket.clone(), 1_001);
        let found = load().await.unwrap();
        assert_eq!(live(&found), Some((0, "openid email", 0, false)));
        let mut newer = Session::example();
        newer.generation = 3;
        newer.tokens.scope = "newer".to_owned();
        assert!(gate.0.renewals.advance(&Arc::new(newer), 1_001));

        let found = load().await.unwrap();
        assert_eq!(live(&found), Some((3, "newer", 0, true)));
        let there = sessions(&gate)
            .load(&gate.0.keys, &ticket, 1_001)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                there.session.generation,
                there.session.tokens.scope.as_str()
            ),
            (3, "newer")
        );
        let found = load().await.unwrap();
        assert_eq!(live(&found), Some((3, "newer", 3, false)));
    }

    /// The store was down when somebody signed out.
    #[tokio::test]
    async fn a_store_that_has_not_heard_of_a_sessions_end_lets_nobody_in() {
        let (gate, ticket) = stored().await;
        gate.0
            .renewals
            .end(&Session::example(), Ended::SignedOut, 1_001);
        let found = gate.0.load_renewed(ticket, 1_001).await.unwrap();
        let Found::Over { why, .. } = found else {
            panic!("{found:?}")
        };
        assert_eq!(why, Ended::SignedOut);
    }

    /// Another node has ended it between the look and the write.
    #[tokio::test]
    async fn a_session_that_ends_while_it_is_written_back_is_gone() {
        let store = Arc::new(SlowStore::default());
        let gate = builder(1_001).store(Arc::clone(&store)).build().unwrap();
        let ticket = Ticket::draw(&CountingRandom::default()).unwrap();
        let session = Session::example();
        let inserted = sessions(&gate).insert(&gate.0.keys, &ticket, &session, [9; 12], 1_000);
        assert!(inserted.await.unwrap());
        let before = store.calls();
        let mut loading = Box::pin(gate.0.load_renewed(ticket.clone(), 1_070));
        while store.calls() < before + 2 {
            assert!(futures_util::poll!(&mut loading).is_pending());
        }
        sessions(&gate).remove(&ticket).await.unwrap();
        let found = loading.await.unwrap();
        assert!(matches!(found, Found::Gone), "{found:?}");
    }

    #[tokio::test]
    async fn a_change_is_known_here_and_an_ended_session_has_none() {
        let (gate, ticket) = stored().await;
        let kept = Kept {
            session: Arc::new(Session::example()),
            ticket: Some(ticket.clone()),
        };
        let change = async |data: &str| {
            let changed = gate
                .0
                .change(&kept, |before| Ok(before.with_data(data.to_owned())));
            changed.await.unwrap().map(|kept| kept.session.generation)
        };
        assert_eq!(change("1").await, Some(1));
        // For requests that have loaded the session before.
        let since = gate.0.renewals.since(&kept.session);
        assert!(matches!(since, Some(Renewed::Fresh(newer)) if newer.generation == 1));

        // The store has yet to hear of it.
        let person = SessionName::sub_of(&kept.session);
        gate.0
            .revocations
            .end(person, Stamp::at(1_001), 1_001, 9_000);
        assert_eq!(change("2").await, None);
        gate.0.revocations.removed_from_store(person);
        gate.0.renewals.end(&kept.session, Ended::SignedOut, 1_001);
        assert_eq!(change("2").await, None);
        let there = sessions(&gate).load(&gate.0.keys, &ticket, 1_001).await;
        assert_eq!(there.unwrap().unwrap().session.generation, 1);
    }

    #[tokio::test]
    async fn a_logout_token_that_another_node_has_noted_meanwhile_is_not_new() {
        let store = Arc::new(MemoryStore::default());
        let node = || builder(1_001).store(Arc::clone(&store)).build().unwrap();
        let (here, there) = (node(), node());
        for (node, new) in [(&here, true), (&there, false), (&here, false)] {
            let noted = node
                .0
                .note_obeyed("https://op.example", "jti", 1_001, 2_000);
            assert_eq!(noted.await.unwrap(), new);
        }
    }

    #[tokio::test]
    async fn a_record_that_an_older_key_has_sealed_is_sealed_again() {
        let store = Arc::new(MemoryStore::default());
        let former = builder(1_001).store(Arc::clone(&store)).build().unwrap();
        let rotated = builder(1_001)
            .session_keys([
                SessionKey::from_bytes(*b"the newest, and not known before"),
                SessionKey::from_bytes(*b"a key that has sealed for years."),
            ])
            .store(store)
            .build()
            .unwrap();
        let ticket = Ticket::draw(&CountingRandom::default()).unwrap();
        let session = Session::example();
        let inserted = sessions(&former).insert(&former.0.keys, &ticket, &session, [9; 12], 1_000);
        assert!(inserted.await.unwrap());
        for due in [true, false] {
            let found = rotated.0.load_renewed(ticket.clone(), 1_001).await.unwrap();
            assert_eq!(live(&found).map(|(.., found)| found), Some(due));
        }
    }
}
