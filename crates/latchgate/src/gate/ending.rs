//! How sessions end otherwise than by their own clock: here, in the store, on the other nodes.

use super::{Gate, Keeping, Kept, Premises};
use crate::background::Room;
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::LogoutTarget;
use crate::session::{
    Ended, EndedSession, Mark, Removal, SessionName, Stamp, StoreKey, Ticket, User,
};

impl Gate {
    /// Ends every session that a person has begun so far, wherever they are signed in: for "log out
    /// everywhere", or when an account is closed. The person is who an ID token names, by `iss` and
    /// `sub` ([OpenID Connect Core 1.0 §5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)),
    /// as [`User::issuer`](crate::User::issuer) and [`User::subject`](crate::User::subject) have
    /// them.
    ///
    /// Requests under way may still be answered, and leave no session behind; the cookie of the
    /// session that asks goes with the next request. The provider is not told, and nobody is
    /// kept from signing in again. In an [`on_login`](crate::GateBuilder::on_login) hook it ends the
    /// session that is just beginning, too: [`Gate::end_other_sessions_of`] is what a hook wants.
    ///
    /// Sessions in a store end on every node that shares it, as long as the store has an index; all
    /// others end on this node, and on every node where nodes share revocations
    /// ([`GateBuilder::revocations_in`](crate::GateBuilder::revocations_in)). Once it has begun, it
    /// goes on to its end, also when nobody waits for it any more.
    ///
    /// ```
    /// # use latchgate::{Error, Gate, User};
    /// async fn log_out_everywhere(gate: Gate, user: User) -> Result<(), Error> {
    ///     gate.end_sessions_of(user.issuer(), user.subject()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store fails: some sessions may not have ended. Call it again.
    pub async fn end_sessions_of(&self, issuer: &str, subject: &str) -> Result<(), Error> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.to_its_end(|gate| async move {
            let target = LogoutTarget::Person(subject);
            let now = gate.0.clock.now();
            gate.0.end_from_behind(&issuer, &target, now).await?;
            gate.all_ended(&issuer, &target);
            Ok(())
        })
        .await
    }

    /// Ends every session that a person has begun so far, but the one that `user` comes from: for
    /// "sign out my other devices", or for an [`on_login`](crate::GateBuilder::on_login) hook that lets
    /// everybody have one session. Otherwise as [`Gate::end_sessions_of`].
    ///
    /// ```
    /// # use latchgate::{Gate, LoginRejection, User};
    /// async fn one_session_each(gate: Gate, user: User) -> Result<(), LoginRejection> {
    ///     Ok(gate.end_other_sessions_of(&user).await?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store fails: some sessions may not have ended. Call it again.
    /// [`Error::SessionEnded`] when the session of `user` has ended itself.
    pub async fn end_other_sessions_of(&self, user: &User) -> Result<(), Error> {
        let user = user.clone();
        self.to_its_end(|gate| async move {
            gate.0.end_others(&user, gate.0.clock.now()).await?;
            let target = LogoutTarget::Person(user.subject().to_owned());
            gate.all_ended(user.issuer(), &target);
            Ok(())
        })
        .await
    }

    fn all_ended(&self, issuer: &str, target: &LogoutTarget) {
        self.tell_of(Logout::from_behind(issuer, target, Ended::SignedOut));
        tracing::info!(
            event = "sessions_ended",
            issuer,
            ?target,
            "the application ended the sessions of a person"
        );
    }

    /// Waits until everything is done that goes on in the background: token refreshes, logouts that a
    /// store has yet to hear of, revocations, hooks. For a server that stops, once it answers no more
    /// requests; what is under way after `drain` began is not waited for.
    ///
    /// With a store that is down this takes up to a minute and some seconds, so give it a time limit:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn stop(gate: latchgate::Gate) {
    /// if tokio::time::timeout(Duration::from_secs(10), gate.drain()).await.is_err() {
    ///     eprintln!("stopped before everything was done");
    /// }
    /// # }
    /// ```
    pub async fn drain(&self) {
        self.0.background.drain().await;
    }

    /// Runs what ends sessions to its end, whether or not somebody still waits for it: a browser that
    /// hangs up must not leave half of it undone.
    pub(super) async fn to_its_end<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let ended = self.0.background.run(Room::Ends, work(self.clone())).await;
        ended.unwrap_or(Err(Error::Interrupted))
    }

    /// Ends a session whose cookie is at hand, and tells the application, the first time. Stores that
    /// fail are told once they are back.
    pub(super) async fn end_here(&self, kept: &Kept, why: Ended, now: u64) {
        if self.0.renewals.end(&kept.session, why, now) {
            self.tell_of(Logout::of(&kept.session, why));
        }
        self.end_quietly(kept, why, now).await;
    }

    /// Ends a session whose cookie is at hand: on this node at once, then in its store and on the
    /// other nodes. Stores that fail are told once they are back.
    pub(super) async fn end_quietly(&self, kept: &Kept, why: Ended, now: u64) {
        self.0.renewals.end(&kept.session, why, now);
        let session = EndedSession::of(&kept.session);
        let told = self
            .0
            .tell_stores(kept.ticket.as_ref(), Some(&session), now);
        if let Err(error) = told.await {
            store_failed(&error);
            self.end_once_possible(kept.ticket.clone(), Some(session));
        }
    }

    /// Ends a session of which nothing is at hand but its name.
    pub(super) async fn end_by_id(&self, session: EndedSession, now: u64) {
        let (id, until) = (session.id, session.until);
        self.0.renewals.end_by_id(id, Ended::SignedOut, until, now);
        if let Err(error) = self.0.tell_stores(None, Some(&session), now).await {
            store_failed(&error);
            self.end_once_possible(None, Some(session));
        }
    }
}

pub(super) fn store_failed(error: &Error) {
    tracing::error!(
        event = "store_failed",
        code = error.code(),
        cause = %error.chain(),
        "the session store failed while a session ended; it is told again for a minute"
    );
}

impl Premises {
    /// Tells a session's store and the other nodes that it has ended, each whether or not the other
    /// fails.
    pub(super) async fn tell_stores(
        &self,
        ticket: Option<&Ticket>,
        session: Option<&EndedSession>,
        now: u64,
    ) -> Result<(), Error> {
        let forgotten = self.forget(ticket).await;
        if let (Some(shared), Some(session)) = (&self.shared_revocations, session) {
            shared.end_this(&self.keys, session, now).await?;
        }
        forgotten
    }

    /// Ends the sessions that somebody who may do so has named, wherever their cookies are. Calling
    /// it again does no harm, and is what to do after an error.
    pub(super) async fn end_from_behind(
        &self,
        issuer: &str,
        target: &LogoutTarget,
        now: u64,
    ) -> Result<(), Error> {
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        let mark = Mark::of(stamp);
        match target {
            LogoutTarget::Session { sid, sub } => {
                let without_sid = sub
                    .as_deref()
                    .map(|sub| SessionName::WithoutSid { issuer, sub });
                for named in [Some(SessionName::Sid { issuer, sid }), without_sid]
                    .into_iter()
                    .flatten()
                {
                    self.revocations
                        .end(named, stamp, now, self.marked_until(now));
                    self.end_elsewhere(named, mark, now).await?;
                }
            }
            LogoutTarget::Person(sub) => {
                let named = SessionName::Sub { issuer, sub };
                self.revocations
                    .end(named, stamp, now, self.marked_until(now));
                self.end_elsewhere(named, mark, now).await?;
            }
        }
        Ok(())
    }

    /// Ends every session that a person has begun so far, but this one.
    async fn end_others(&self, user: &User, now: u64) -> Result<(), Error> {
        let (session, stored_under) = user.session();
        let keys = &self.keys;
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        let until = self.marked_until(now);
        if let Some(shared) = &self.shared_revocations
            && (shared.concern(keys, session, now).await?.is_some()
                || !shared
                    .end_others(keys, session, stamp, (now, until))
                    .await?)
        {
            return Err(Error::SessionEnded);
        }
        let is_over = self.renewals.has_ended(session);
        if is_over || !self.revocations.end_others(session, stamp, now, until) {
            return Err(Error::SessionEnded);
        }
        self.remove_named(SessionName::sub_of(session), stored_under, now)
            .await
    }

    /// Ends the sessions of a name in the store, and on the other nodes.
    async fn end_elsewhere(
        &self,
        named: SessionName<'_>,
        mark: Mark,
        now: u64,
    ) -> Result<(), Error> {
        self.remove_named(named, None, now).await?;
        if let Some(shared) = &self.shared_revocations {
            let times = (now, self.marked_until(now));
            shared.end(&self.keys, named, mark, times).await?;
        }
        Ok(())
    }

    /// Removes the sessions of a name from the store they lie in, if they lie in one.
    async fn remove_named(
        &self,
        named: SessionName<'_>,
        spared: Option<StoreKey>,
        now: u64,
    ) -> Result<(), Error> {
        if let Keeping::Stored(stored) = &self.keeping {
            let removed = stored.remove_named(&self.keys, named, spared, now).await?;
            if removed == Removal::Done {
                self.revocations.removed_from_store(named);
            }
        }
        Ok(())
    }

    /// Ends the session with this `sid` at the word of somebody who has proved nothing. Nothing is
    /// written for a session that may not exist: it is removed from its store, or marked in the
    /// memory of this node, where there is room for so many of such marks.
    pub(super) async fn end_at_anybodys_word(
        &self,
        issuer: &str,
        sid: &str,
        now: u64,
    ) -> Result<(), Error> {
        let named = SessionName::Sid { issuer, sid };
        if let Keeping::Stored(stored) = &self.keeping {
            let removed = stored.remove_named(&self.keys, named, None, now).await?;
            if removed == Removal::Done {
                return Ok(());
            }
        }
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        self.revocations
            .end_unproven(named, stamp, self.marked_until(now));
        Ok(())
    }

    /// No session outlives its absolute lifetime, and no mark needs to.
    fn marked_until(&self, now: u64) -> u64 {
        now.saturating_add(self.lifetimes.absolute)
    }

    /// Whether a logout token was obeyed before, here or on another node.
    pub(super) async fn has_obeyed(
        &self,
        issuer: &str,
        jti: &str,
        now: u64,
    ) -> Result<bool, Error> {
        if self.revocations.obeyed(issuer, jti, now) {
            return Ok(true);
        }
        Ok(match &self.obeyed_tokens {
            Some(tokens) => tokens.has(&self.keys, issuer, jti, now).await?,
            None => false,
        })
    }

    /// Takes note that a logout token was obeyed; `false` when it was before.
    pub(super) async fn note_obeyed(
        &self,
        issuer: &str,
        jti: &str,
        now: u64,
        until: u64,
    ) -> Result<bool, Error> {
        let elsewhere = match &self.obeyed_tokens {
            Some(tokens) => !tokens.note(&self.keys, issuer, jti, until, now).await?,
            None => false,
        };
        // In this memory last: what it has noted is refused when it comes again.
        let new = self.revocations.obey(issuer, jti, now, until);
        Ok(new && !elsewhere)
    }
}
