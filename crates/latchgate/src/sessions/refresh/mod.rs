//! Refreshing the tokens of a session: a protocol between requests, and between nodes ([RFC 9700
//! §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14): a rotated refresh token may be used once).
//!
//! ```text
//!                 request: the access token is due
//!                                │
//!                       one task per process ────────── others wait for its outcome        (refreshes)
//!                                │
//!                 store: lease? ─┼─ held: read again ── another node has refreshed ──► Refreshed
//!                                │                  └── … or ended it ───────────────► Ended
//!                   granted, or no store                                                   (attempt, lease)
//!                                │
//!                    use the refresh token              ── provider does not answer ─► Unavailable
//!                                │                      └─ refused: read the store again ─► Refreshed, or Ended
//!                        write it back ── generation changed: merge and retry             (keep)
//!                                │      └─ store fails: retry for a minute
//!                      on_refresh hook
//!                                │
//!                            Refreshed
//! ```
//!
//! New tokens are handed out only once they are stored. If the store fails for a minute, this process keeps them in
//! memory and writes them when the session is next opened.

mod attempt;
mod keep;
mod lease;
mod refreshes;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::timeout;
use tracing::{Instrument, Level};

use super::loaded::LoadedSession;
use super::timing::TIMING;
use super::{Backend, Sessions};
use crate::error::Error;
use crate::session::{Session, SessionEnd};
use crate::telemetry::{self, Stopwatch};
use attempt::RefreshAttempt;
pub(super) use refreshes::Refreshes;

/// How a refresh ended.
#[derive(Clone, Debug)]
pub(crate) enum RefreshOutcome {
    /// The session as it is now: with new tokens, or with another change made meanwhile.
    Refreshed(Arc<Session>),
    /// The session has ended.
    Ended(SessionEnd),
    /// The provider or the store is unavailable. The old tokens are unchanged.
    Unavailable,
}

/// What a refresh does outside this module: at the provider, and in the application.
pub(crate) trait Refresher: Clone + Send + Sync + 'static {
    /// Uses the session's refresh token. Returns the session with its new tokens; `None` if it keeps those it has.
    fn refresh(
        &self,
        session: &Session,
    ) -> impl Future<Output = Result<Option<Session>, Error>> + Send;

    /// Tells the application of a refresh. Returns its new value, if it has one.
    fn on_refresh(
        &self,
        session: &Arc<Session>,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Tells the application that the provider has ended the session.
    fn on_end(&self, session: &Session, why: SessionEnd);

    /// Revokes the tokens of a session that nobody will use any more.
    fn revoke_tokens(&self, session: &Session);
}

/// One refresh of one session, as this process sees it.
struct Refresh<R> {
    sessions: Arc<Sessions>,
    refresher: R,
    loaded: LoadedSession,
}

impl Sessions {
    /// Refreshes a session, or waits for the refresh that is under way. The refresh runs to its end even if nobody
    /// waits.
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
            // It is large, and would be moved several times on its way to the background.
            Box::pin(refresh.run()).instrument(tracing::info_span!("refresh"))
        };
        let (now, clock, background) = (self.now(), &self.clock, &self.background);
        self.refreshes
            .once(&loaded.session, now, clock, background, refresh)
            .await
    }
}

impl<R: Refresher> Refresh<R> {
    async fn run(self) -> RefreshOutcome {
        let since = Stopwatch::start();
        let attempt = timeout(TIMING.wait_for_nodes, self.sessions.attempt(&self.loaded)).await;
        if self.loaded.ticket.is_some() {
            telemetry::lease_awaited(since);
        }
        let (outcome, refreshed) = match attempt {
            Ok(Ok(ControlFlow::Continue(attempt))) => (self.refresh(attempt).await, "refreshed"),
            Ok(Ok(ControlFlow::Break(outcome))) => (outcome, "by_another_node"),
            Ok(Err(error)) => (self.unavailable(&error), ""),
            Err(_) => {
                let session = &self.loaded.session;
                tracing::warn!(
                    event = "refresh_failed",
                    issuer = &*session.issuer,
                    subject = &*session.subject,
                    "waiting for another node's refresh timed out"
                );
                (RefreshOutcome::Unavailable, "")
            }
        };
        telemetry::refresh_ended(match &outcome {
            RefreshOutcome::Refreshed(_) => refreshed,
            RefreshOutcome::Ended(_) => "ended",
            RefreshOutcome::Unavailable => "unavailable",
        });
        outcome
    }

    /// Refreshes the session, which it is this node's turn to do.
    async fn refresh(&self, attempt: RefreshAttempt) -> RefreshOutcome {
        let refreshing = pin!(self.use_token(&attempt));
        match &attempt.lease {
            Some(lease) => lease.during(refreshing).await,
            None => refreshing.await,
        }
    }

    async fn use_token(&self, attempt: &RefreshAttempt) -> RefreshOutcome {
        match self.refresher.refresh(&attempt.session).await {
            Ok(Some(fresh)) => self.refreshed(attempt, fresh).await,
            Ok(None) => RefreshOutcome::Refreshed(Arc::clone(&attempt.session)),
            Err(error) if error.ends_the_session() => self.refused(attempt, &error).await,
            Err(error) => self.unavailable(&error),
        }
    }

    async fn refreshed(&self, attempt: &RefreshAttempt, fresh: Session) -> RefreshOutcome {
        if let Some(why) = fresh.ended(self.sessions.now()) {
            tracing::info!(
                event = "session_ended",
                issuer = &*fresh.issuer,
                subject = &*fresh.subject,
                code = why.code(),
                "the session had ended by the time its tokens were refreshed"
            );
            return self.end_refreshed(&fresh, why).await;
        }
        match self.sessions.fit_into_cookies(&attempt.session, fresh) {
            Ok(fresh) => self.keep(attempt, fresh).await,
            Err(fresh) => self.end_refreshed(&fresh, SessionEnd::TooLarge).await,
        }
    }

    /// The refresh token is no longer valid. Either another node has used it, and the store has the new one; or the
    /// session has ended.
    async fn refused(&self, attempt: &RefreshAttempt, error: &Error) -> RefreshOutcome {
        if let (Backend::Stored(stored), Some(ticket)) =
            (&self.sessions.backend, &self.loaded.ticket)
        {
            let reloaded = self.sessions.reload(stored, ticket, &attempt.session);
            match reloaded.await {
                Ok(ControlFlow::Break(outcome)) => return outcome,
                Ok(ControlFlow::Continue(_)) => {}
                Err(error) => return self.unavailable(&error),
            }
        }
        let session = &attempt.session;
        // The level is part of the call site.
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    event = "session_ended",
                    issuer = &*session.issuer,
                    subject = &*session.subject,
                    code = error.code(),
                    cause = ?error,
                    "the tokens could not be refreshed, and the session has ended"
                )
            };
        }
        match error.level() {
            Level::ERROR => log!(error),
            Level::WARN => log!(warn),
            // The session at the provider is over, or the grant was revoked there.
            _ => log!(info),
        }
        if self.sessions.end(&self.loaded, SessionEnd::Revoked).await {
            self.refresher.on_end(session, SessionEnd::Revoked);
        }
        RefreshOutcome::Ended(SessionEnd::Revoked)
    }

    /// Ends a session that cannot go on after its refresh: the provider's limit for it has passed, or it no longer fits
    /// into cookies.
    async fn end_refreshed(&self, fresh: &Session, why: SessionEnd) -> RefreshOutcome {
        self.sessions.end(&self.loaded, why).await;
        // Nobody will use the new tokens.
        self.refresher.revoke_tokens(fresh);
        RefreshOutcome::Ended(why)
    }

    fn unavailable(&self, error: &Error) -> RefreshOutcome {
        let session = &self.loaded.session;
        tracing::warn!(
            event = "refresh_failed",
            issuer = &*session.issuer,
            subject = &*session.subject,
            code = error.code(),
            cause = ?error,
            "the tokens could not be refreshed; the session keeps its old ones"
        );
        RefreshOutcome::Unavailable
    }
}
