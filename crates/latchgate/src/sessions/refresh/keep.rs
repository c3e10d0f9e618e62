//! Stores a refreshed session before anyone gets its tokens, then runs the `on_refresh` hook.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::super::loaded::LoadedSession;
use super::super::timing::TIMING;
use super::super::{Backend, Sessions};
use super::attempt::RefreshAttempt;
use super::{Refresh, RefreshOutcome, Refresher};
use crate::background::Backoff;
use crate::error::Error;
use crate::hook::{DEADLINE, HookError};
use crate::session::{Session, UserinfoAge};

impl<R: Refresher> Refresh<R> {
    /// Stores the refreshed session. Returns the final outcome, which another node may have decided meanwhile.
    pub(super) async fn keep(&self, attempt: &RefreshAttempt, fresh: Session) -> RefreshOutcome {
        let mut fresh = LoadedSession {
            session: Arc::new(fresh),
            ticket: self.loaded.ticket.clone(),
        };
        let writing = timeout(TIMING.write_limit, self.write(&mut fresh, attempt)).await;
        match writing {
            Ok(ControlFlow::Break(instead)) => {
                if let RefreshOutcome::Ended(_) = instead {
                    // The session has ended meanwhile: nobody will use the new tokens.
                    self.refresher.revoke_tokens(&fresh.session);
                }
                return instead;
            }
            Ok(ControlFlow::Continue(())) => self.run_refresh_hook(&mut fresh).await,
            // The provider has rotated the refresh token: losing the new one would end the session. It stays in memory
            // and is written when the session is next opened.
            Err(_) => tracing::error!(
                event = "session_not_written",
                issuer = &*fresh.session.issuer,
                subject = &*fresh.session.subject,
                "a refreshed session could not be written to its store within a minute; it stays in memory until it can be"
            ),
        }
        let (sessions, session) = (&self.sessions, &fresh.session);
        if let Some(why) = sessions.refreshes.ended(session, sessions.now()) {
            self.refresher.revoke_tokens(session);
            return RefreshOutcome::Ended(why);
        }
        tracing::info!(
            event = "refresh",
            issuer = &*fresh.session.issuer,
            subject = &*fresh.session.subject,
            generation = fresh.session.generation,
            "tokens refreshed"
        );
        RefreshOutcome::Refreshed(fresh.session)
    }

    /// Writes a refreshed session to its store, retrying until the store accepts it and merging other changes. Breaks
    /// with another outcome if the session was ended, or refreshed by another node, meanwhile.
    async fn write(
        &self,
        fresh: &mut LoadedSession,
        attempt: &RefreshAttempt,
    ) -> ControlFlow<RefreshOutcome> {
        let mut expected = attempt.stored_generation;
        let mut complained = false;
        let (first, longest) = TIMING.write_pauses;
        let mut pauses = Backoff::new(first, longest);
        loop {
            let error = match self.write_once(fresh, &mut expected, attempt).await {
                Ok(Some(done)) => return done,
                Ok(None) => {
                    yield_now().await;
                    continue;
                }
                Err(error) => error,
            };
            if !complained {
                complained = true;
                tracing::warn!(
                    event = "session_not_written",
                    issuer = &*fresh.session.issuer,
                    subject = &*fresh.session.subject,
                    code = error.code(),
                    cause = ?error,
                    "a refreshed session could not be written to its store; retrying for a minute"
                );
            }
            pauses.pause(self.sessions.random.as_ref()).await;
        }
    }

    /// Tries to write it once. `None` when the session was changed meanwhile: that change has now been merged.
    async fn write_once(
        &self,
        fresh: &mut LoadedSession,
        expected: &mut u32,
        attempt: &RefreshAttempt,
    ) -> Result<Option<ControlFlow<RefreshOutcome>>, Error> {
        if self.sessions.write_back(fresh, *expected).await? {
            return Ok(Some(ControlFlow::Continue(())));
        }
        let (Backend::Stored(stored), Some(ticket)) = (&self.sessions.backend, &fresh.ticket)
        else {
            return Ok(Some(ControlFlow::Continue(())));
        };
        let reloaded = self.sessions.reload(stored, ticket, &attempt.session);
        Ok(match reloaded.await? {
            ControlFlow::Break(outcome) => Some(ControlFlow::Break(outcome)),
            ControlFlow::Continue(newest) => {
                *expected = newest.stored_generation;
                fresh.session = Arc::new(newest.session.with_tokens_of(&fresh.session));
                None
            }
        })
    }

    /// Runs the `on_refresh` hook and stores the value it returns. If it fails, the refreshed session stays as it is.
    async fn run_refresh_hook(&self, fresh: &mut LoadedSession) {
        let told = match timeout(DEADLINE, self.call_refresh_hook(fresh)).await {
            Ok(told) => told,
            Err(_) => Err(HookError::TimedOut.into()),
        };
        if let Err(error) = told {
            tracing::warn!(
                event = "refresh_hook_failed",
                issuer = &*fresh.session.issuer,
                subject = &*fresh.session.subject,
                code = error.code(),
                cause = ?error,
                "the on_refresh hook failed; the session keeps its value"
            );
        }
    }

    /// Calls the hook again when the application's value was updated meanwhile.
    async fn call_refresh_hook(&self, fresh: &mut LoadedSession) -> Result<(), Error> {
        while let Some(data) = self.refresher.on_refresh(&fresh.session).await? {
            let Some(newest) = self.sessions.keep_data(fresh, &data).await? else {
                // The session has ended; the application is notified by that end.
                break;
            };
            *fresh = newest;
            if fresh.session.extras.data == data {
                break;
            }
        }
        Ok(())
    }
}

impl Sessions {
    /// Stores the value that the `on_refresh` hook returned, unless it was updated since the refresh. Returns the
    /// session as it is then.
    async fn keep_data(
        &self,
        fresh: &LoadedSession,
        data: &str,
    ) -> Result<Option<LoadedSession>, Error> {
        if let Backend::Stored(_) = &self.backend {
            let known = &fresh.session.extras.data;
            let update = |session: &Session| {
                Ok(if session.extras.data == *known {
                    session.with_data(data.to_owned())
                } else {
                    session.clone()
                })
            };
            return self.update(fresh, update).await;
        }
        // Updates of a sealed session wait for this refresh, so there has been none.
        let updated = fresh.session.with_data(data.to_owned());
        self.check_size(&updated)?;
        Ok(Some(LoadedSession {
            session: Arc::new(updated),
            ticket: None,
        }))
    }

    /// A refreshed session that fits into cookies, with the previous ID token if the new one makes it too large. An
    /// error if it does not fit even so.
    pub(super) fn fit_into_cookies(
        &self,
        before: &Session,
        fresh: Session,
    ) -> Result<Session, Box<Session>> {
        let Err(error) = self.check_size(&fresh) else {
            return Ok(fresh);
        };
        let mut slimmer = fresh.clone();
        slimmer.tokens.id_token = before.tokens.id_token.clone();
        if fresh.extras.userinfo_age == UserinfoAge::OlderThanIdToken {
            // The new ID token is left out; relative to the old one, the userinfo claims are as old as before.
            slimmer.extras.userinfo_age = before.extras.userinfo_age;
        }
        if self.check_size(&slimmer).is_err() {
            tracing::error!(
                event = "session_too_large",
                issuer = &*fresh.issuer,
                subject = &*fresh.subject,
                code = error.code(),
                cause = ?error,
                "a refreshed session no longer fits into cookies and has ended"
            );
            return Err(Box::new(fresh));
        }
        tracing::warn!(
            event = "id_token_left_out",
            issuer = &*slimmer.issuer,
            subject = &*slimmer.subject,
            code = error.code(),
            cause = ?error,
            "a refreshed session does not fit into cookies with its new ID token; it keeps the previous ID token and its claims"
        );
        Ok(slimmer)
    }
}
