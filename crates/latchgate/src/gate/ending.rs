//! How sessions end otherwise than by their own clock: here, in the store, on the other nodes.

use tokio::time::{interval, timeout};

use super::refresh::{KEEP_OFFERING, OFFER_AGAIN};
use super::{Gate, Keeping, Kept, Premises};
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::LogoutTarget;
use crate::session::{Ended, Removal, Ticket};

impl Gate {
    /// Ends every session that a person has begun so far, wherever they are signed in: for "log out
    /// everywhere", or when an account is closed. The person is who an ID token names, by `iss` and
    /// `sub` ([OpenID Connect Core 1.0 §5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)),
    /// as [`User::issuer`](crate::User::issuer) and [`User::subject`](crate::User::subject) have
    /// them.
    ///
    /// Requests under way may still be answered, and leave no session behind; the cookie of the
    /// session that asks goes with the next request. The provider is not told, and nobody is
    /// kept from signing in again.
    ///
    /// Sessions in a store end on every node that shares it, as long as the store has an index; all
    /// others end on this node, and on every node where nodes share revocations
    /// ([`GateBuilder::revocations_in`](crate::GateBuilder::revocations_in)).
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
        let target = LogoutTarget::Person(subject.to_owned());
        let now = self.0.clock.now();
        self.0.end_from_behind(issuer, &target, now).await?;
        self.tell_of(Logout::from_behind(issuer, &target, Ended::SignedOut));
        tracing::info!(
            event = "sessions_ended",
            issuer,
            subject,
            "all sessions of a person ended"
        );
        Ok(())
    }

    /// Ends a session whose cookie is at hand, and tells the application, the first time.
    pub(super) async fn end_here(&self, kept: &Kept, why: Ended, now: u64) -> Result<(), Error> {
        if self.0.renewals.end(&kept.session, why, now) {
            self.tell_of(Logout::of(&kept.session, why));
        }
        self.0.end_quietly(kept, why, now).await
    }

    /// Removes a session from a store that has failed, as soon as it is back, within a minute.
    pub(super) async fn forget_once_possible(self, ticket: Ticket) {
        once_possible(|| self.0.forget(Some(&ticket))).await;
    }

    /// Ends a session in stores that have failed, as soon as they are back, within a minute.
    pub(super) async fn end_once_possible(self, kept: Kept, why: Ended) {
        once_possible(|| self.0.end_quietly(&kept, why, self.0.clock.now())).await;
    }
}

/// Tries again and again what a store that failed has to do, for a minute.
async fn once_possible<F>(attempt: impl Fn() -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let attempts = async {
        let mut pauses = interval(OFFER_AGAIN);
        pauses.tick().await;
        loop {
            pauses.tick().await;
            if attempt().await.is_ok() {
                return;
            }
        }
    };
    if timeout(KEEP_OFFERING, attempts).await.is_err() {
        tracing::error!(
            event = "session_not_removed",
            "the store has not heard of a session's end"
        );
    }
}

impl Premises {
    /// Ends a session whose cookie is at hand: on this node at once, then in its store and on the
    /// other nodes, each whether or not the other fails.
    pub(super) async fn end_quietly(&self, kept: &Kept, why: Ended, now: u64) -> Result<(), Error> {
        self.renewals.end(&kept.session, why, now);
        let forgotten = self.forget(kept.ticket.as_ref()).await;
        if let Some(shared) = &self.shared_revocations {
            shared.end_this(&self.keys, &kept.session, now).await?;
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
        let keys = &self.keys;
        // No session outlives its absolute lifetime, and no mark needs to.
        let until = now.saturating_add(self.lifetimes.absolute);
        match target {
            LogoutTarget::Session { sid, sub } => {
                let sub = sub.as_deref();
                self.revocations.end_session(issuer, sid, now, until);
                if let Some(sub) = sub {
                    self.revocations
                        .end_nameless_sessions_of(issuer, sub, now, until);
                }
                if let Keeping::Stored(stored) = &self.keeping {
                    stored.remove_session(keys, issuer, sid, sub, now).await?;
                }
                if let Some(shared) = &self.shared_revocations {
                    shared
                        .end_session(keys, issuer, (sid, sub), now, until)
                        .await?;
                }
            }
            LogoutTarget::Person(sub) => {
                self.revocations.end_sessions_of(issuer, sub, now, until);
                if let Keeping::Stored(stored) = &self.keeping {
                    stored.remove_sessions_of(keys, issuer, sub, now).await?;
                }
                if let Some(shared) = &self.shared_revocations {
                    shared
                        .end_sessions_of(keys, issuer, sub, now, until)
                        .await?;
                }
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
        if let Keeping::Stored(stored) = &self.keeping {
            let keys = &self.keys;
            if stored.remove_session(keys, issuer, sid, None, now).await? == Removal::Done {
                return Ok(());
            }
        }
        let until = now.saturating_add(self.lifetimes.absolute);
        self.revocations
            .end_session_unproven(issuer, sid, now, until);
        Ok(())
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
