//! Refreshing the tokens of a session: a protocol between requests, and between nodes
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14): a refresh token that rotates may be spent once).
//!
//! ```text
//!                 request: the access token is due
//!                                │
//!                       one task per process ────────── others wait for its outcome        (refreshes)
//!                                │
//!                 store: lease? ─┼─ held: look again ── another node has refreshed ──► Refreshed
//!                                │                  └── … or ended it ───────────────► Ended
//!                   granted, or no store                                                   (attempt, lease)
//!                                │
//!                    spend the refresh token            ── provider does not answer ─► Unavailable
//!                                │                      └─ refused: the store knows better? ─► Refreshed, or Ended
//!                        write it back ── generation moved: put together, again           (keep)
//!                                │      └─ store fails: again, for a minute
//!                      on_refresh hook
//!                                │
//!                            Refreshed
//! ```
//!
//! Nobody gets new tokens before they are durably kept, or a store has failed for a minute: then this process remembers
//! them, and writes them when the session is opened next.

mod attempt;
mod keep;
mod lease;
mod refreshes;

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::timeout;
use tracing::Instrument;

use super::loaded::LoadedSession;
use super::timing::TIMING;
use super::{Backend, Sessions};
use crate::error::Error;
use crate::session::{Session, SessionEnd};
use attempt::RefreshAttempt;
pub(super) use refreshes::Refreshes;

/// How a refresh ended.
#[derive(Clone, Debug)]
pub(crate) enum RefreshOutcome {
    /// The session as it is now: with new tokens, or with what somebody else changed meanwhile.
    Refreshed(Arc<Session>),
    /// The session has ended.
    Ended(SessionEnd),
    /// The provider, or the store, could not be asked. The old tokens are still what they were.
    Unavailable,
}

/// What a refresh does outside this room: towards the provider, and towards the application.
pub(crate) trait Refresher: Clone + Send + Sync + 'static {
    /// Spends the session's refresh token. The session with what came of it.
    fn refresh(&self, session: &Session) -> impl Future<Output = Result<Session, Error>> + Send;

    /// Tells the application of a refresh. Its new value, if it has one.
    fn on_refresh(
        &self,
        session: &Arc<Session>,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Tells the application that the provider has ended the session.
    fn on_end(&self, session: &Session, why: SessionEnd);

    /// Gives back the tokens of a session, which nobody will use.
    fn revoke_tokens(&self, session: &Session);
}

/// One refresh of one session, as this process sees it.
struct Refresh<R> {
    sessions: Arc<Sessions>,
    refresher: R,
    loaded: LoadedSession,
}

impl Sessions {
    /// Refreshes a session, or waits for the refresh that is under way. It goes on when nobody waits any more.
    pub(crate) async fn refresh_with<R: Refresher>(
        self: &Arc<Self>,
        loaded: &LoadedSession,
        refresher: &R,
    ) -> RefreshOutcome {
        let refresh = || {
            let refresh = Refresh {
                sessions: Arc::clone(self),
                refresher: refresher.clone(),
                loaded: loaded.clone(),
            };
            refresh.run().instrument(tracing::info_span!("refresh"))
        };
        let (now, clock, background) = (self.now(), &self.clock, &self.background);
        self.refreshes
            .once(&loaded.session, now, clock, background, refresh)
            .await
    }
}

impl<R: Refresher> Refresh<R> {
    async fn run(self) -> RefreshOutcome {
        let attempt = timeout(TIMING.wait_for_nodes, self.sessions.attempt(&self.loaded)).await;
        let attempt = match attempt {
            Ok(Ok(ControlFlow::Continue(attempt))) => attempt,
            Ok(Ok(ControlFlow::Break(outcome))) => return outcome,
            Ok(Err(error)) => return unavailable(&error),
            Err(_) => {
                tracing::warn!(
                    event = "refresh_failed",
                    "other nodes took too long over a refresh"
                );
                return RefreshOutcome::Unavailable;
            }
        };
        match self.refresher.refresh(&attempt.session).await {
            Ok(fresh) => self.refreshed(attempt, fresh).await,
            Err(error) if error.ends_the_session() => self.refused(&attempt, &error).await,
            Err(error) => unavailable(&error),
        }
    }

    async fn refreshed(&self, attempt: RefreshAttempt, fresh: Session) -> RefreshOutcome {
        if let Some(why) = fresh.ended(self.sessions.now()) {
            return self.end_refreshed(&fresh, why).await;
        }
        match self.sessions.fit_into_cookies(&attempt.session, fresh) {
            Ok(fresh) => self.keep(attempt, fresh).await,
            Err(fresh) => self.end_refreshed(&fresh, SessionEnd::TooLarge).await,
        }
    }

    /// The refresh token is worth nothing. Either somebody else has spent it, and the store has what they got; or the
    /// session has ended.
    async fn refused(&self, attempt: &RefreshAttempt, error: &Error) -> RefreshOutcome {
        if let (Backend::Stored(stored), Some(ticket)) =
            (&self.sessions.backend, &self.loaded.ticket)
        {
            let reloaded = self.sessions.reload(stored, ticket, &attempt.session);
            match reloaded.await {
                Ok(ControlFlow::Break(outcome)) => return outcome,
                Ok(ControlFlow::Continue(_)) => {}
                Err(error) => return unavailable(&error),
            }
        }
        let session = &attempt.session;
        tracing::warn!(
            event = "session_ended",
            issuer = session.issuer,
            subject = session.subject,
            code = error.code(),
            cause = %error.chain(),
            "the refresh was refused"
        );
        if self.sessions.end(&self.loaded, SessionEnd::Revoked).await {
            self.refresher.on_end(session, SessionEnd::Revoked);
        }
        RefreshOutcome::Ended(SessionEnd::Revoked)
    }

    /// Ends a session that the refresh itself has ended: the provider limits it to a time that is past, or its cookies
    /// hold it no longer.
    async fn end_refreshed(&self, fresh: &Session, why: SessionEnd) -> RefreshOutcome {
        tracing::info!(
            event = "session_ended",
            issuer = fresh.issuer,
            subject = fresh.subject,
            code = why.code(),
            "the session was over when its tokens were refreshed"
        );
        self.sessions.end(&self.loaded, why).await;
        // What the provider has just issued is of use to nobody.
        self.refresher.revoke_tokens(fresh);
        RefreshOutcome::Ended(why)
    }
}

fn unavailable(error: &Error) -> RefreshOutcome {
    tracing::warn!(
        event = "refresh_failed",
        code = error.code(),
        cause = %error.chain(),
        "the tokens could not be refreshed now"
    );
    RefreshOutcome::Unavailable
}
