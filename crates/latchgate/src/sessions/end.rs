//! Ending a session by its cookie: on this node at once, then in its store and on the other nodes. If a store
//! fails, the end is retried.

use std::sync::Arc;

use super::loaded::LoadedSession;
use super::lookup::{Lookup, SessionCookie};
use super::pending_ends::{AfterEnd, End, SignedOut};
use super::stored::Ticket;
use super::{Backend, Sessions};
use crate::error::Error;
use crate::session::{EndedSession, Session, SessionEnd};

impl Sessions {
    /// Ends a session. `false` when it had ended here before, for whatever reason.
    pub(crate) async fn end(self: &Arc<Self>, loaded: &LoadedSession, why: SessionEnd) -> bool {
        let first = self.refreshes.end(&loaded.session, why, self.now());
        let session = EndedSession::of(&loaded.session);
        self.propagate_or_retry(loaded.ticket.clone(), session)
            .await;
        first
    }

    /// Ends a sealed session of which only the id is known.
    pub(crate) async fn end_by_id(self: &Arc<Self>, session: EndedSession) {
        let (id, until) = (session.id, session.until);
        self.refreshes
            .end_by_id(id, SessionEnd::SignedOut, until, self.now());
        self.propagate_or_retry(None, session).await;
    }

    /// Ends the session of a request's cookie, then calls `after`. If the store fails, both happen later; the caller removes
    /// the cookie in any case.
    pub(crate) async fn sign_out(
        self: &Arc<Self>,
        cookie: SessionCookie,
        after: AfterEnd,
    ) -> Option<Arc<Session>> {
        let found = match cookie {
            SessionCookie::Sealed(found) => found,
            SessionCookie::Ticket(ticket) => match self.load(ticket.clone()).await {
                Ok(Lookup::NotFound) => {
                    // Requests that have loaded it before may still be under way.
                    let now = self.now();
                    self.refreshes
                        .end_by_id(ticket.id(), SessionEnd::SignedOut, now, now);
                    return None;
                }
                Ok(found) => found,
                Err(error) => {
                    report_failed_store(&error);
                    self.retry_end(End::Unread { ticket, after });
                    return None;
                }
            },
            SessionCookie::Invalid => return None,
        };
        let ticket = found.ticket().cloned();
        let ended = self.sign_out_here(found)?;
        self.propagate_or_retry(ticket, EndedSession::of(&ended.session))
            .await;
        after(&ended);
        Some(ended.session)
    }

    /// Ends the session that was found, as far as this process is concerned.
    pub(super) fn sign_out_here(&self, found: Lookup) -> Option<SignedOut> {
        let (loaded, is_known) = match found {
            Lookup::Active { loaded, .. } => (loaded, false),
            // Signed out before: nothing is left to do.
            Lookup::Ended {
                why: SessionEnd::SignedOut,
                ..
            }
            | Lookup::NotFound
            | Lookup::Invalid => return None,
            // The session at the provider may still exist.
            Lookup::Ended { why, loaded } => {
                let is_known = matches!(
                    why,
                    SessionEnd::EndedByProvider | SessionEnd::Revoked | SessionEnd::TooLarge
                );
                (loaded, is_known)
            }
        };
        let (why, now) = (SessionEnd::SignedOut, self.now());
        let first = self.refreshes.end(&loaded.session, why, now);
        Some(SignedOut {
            session: loaded.session,
            notify_application: first && !is_known,
        })
    }

    async fn propagate_or_retry(self: &Arc<Self>, ticket: Option<Ticket>, session: EndedSession) {
        let end = End::Session { ticket, session };
        if let Err(error) = self.propagate_end(&end).await {
            report_failed_store(&error);
            self.retry_end(end);
        }
    }

    /// Removes a session from its store and marks it as ended for the other nodes; a failure of one does not stop the
    /// other.
    pub(super) async fn propagate_end(&self, end: &End) -> Result<(), Error> {
        let removed = match (&self.backend, end.ticket()) {
            (Backend::Stored(stored), Some(ticket)) => stored.remove(ticket).await,
            _ => Ok(()),
        };
        if let End::Session { session, .. } = end {
            self.revocations.end_this(session, self.now()).await?;
        }
        Ok(removed?)
    }
}

fn report_failed_store(error: &Error) {
    tracing::warn!(
        event = "store_failed",
        code = error.code(),
        cause = ?error,
        "the session store failed while a session was being ended; retrying for a minute"
    );
}
