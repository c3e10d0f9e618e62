//! Updating a session: read, change, compare, write. No update is lost, and none brings an older generation back.

use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::loaded::LoadedSession;
use super::refresh::RefreshOutcome;
use super::stored::{StoredSessions, Ticket};
use super::timing::TIMING;
use super::{Backend, Sessions};
use crate::error::Error;
use crate::session::Session;
use crate::store::StoreError;

/// How many attempts an update gets when others change the session at the same time. In each round one of them
/// succeeds.
const ATTEMPTS: usize = 1_000;

impl Sessions {
    /// Updates a session atomically: `update` gets the newest generation, perhaps more than once. `None` when the
    /// session has ended. When `update` fails, nothing has changed.
    ///
    /// A sealed session is updated for all requests of this process; a stored one for every node.
    pub(crate) async fn update(
        &self,
        loaded: &LoadedSession,
        update: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<LoadedSession>, Error> {
        let updated = match (&self.backend, &loaded.ticket) {
            (Backend::Stored(stored), Some(ticket)) => {
                self.update_stored(stored, ticket, update).await?
            }
            _ => self.update_sealed(&loaded.session, update).await?,
        };
        Ok(updated.map(|session| LoadedSession {
            session,
            ticket: loaded.ticket.clone(),
        }))
    }

    async fn update_sealed(
        &self,
        session: &Arc<Session>,
        update: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<Arc<Session>>, Error> {
        for _ in 0..ATTEMPTS {
            // Waits for a refresh that is under way, as a request for its tokens does.
            let newest = timeout(
                TIMING.patience,
                self.refreshes.newest(session, self.clock.as_ref()),
            )
            .await;
            let now = self.now();
            let newest = match newest.map_err(|_| Error::RefreshUnavailable)? {
                Ok(newest) if self.ended(&newest, now).is_none() => newest,
                _ => return Ok(None),
            };
            let updated = next(update(&newest)?);
            // It must fit into cookies before anyone builds on it.
            self.check_size(&updated)?;
            if self.refreshes.advance(&updated, now) {
                return Ok(Some(updated));
            }
            yield_now().await;
        }
        Err(contended())
    }

    async fn update_stored(
        &self,
        stored: &StoredSessions,
        ticket: &Ticket,
        update: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<Arc<Session>>, Error> {
        for _ in 0..ATTEMPTS {
            let now = self.now();
            let Some(found) = stored.load(&self.keys, ticket, now).await? else {
                return Ok(None);
            };
            let expected = found.session.generation;
            let newest = match self.refreshes.since(&found.session, now) {
                Some(RefreshOutcome::Ended(_)) => return Ok(None),
                Some(RefreshOutcome::Refreshed(newer)) => newer,
                _ => Arc::new(found.session),
            };
            if self.ended(&newest, now).is_some() {
                return Ok(None);
            }
            let updated = LoadedSession {
                session: next(update(&newest)?),
                ticket: Some(ticket.clone()),
            };
            if self.write_back(&updated, expected).await? {
                // A refresh that is under way will find the change in the store.
                self.refreshes.advance(&updated.session, now);
                return Ok(Some(updated.session));
            }
            yield_now().await;
        }
        Err(contended())
    }

    /// Writes a changed session back to its store; a sealed session is written by [`Sessions::cookies`]. `false` when
    /// it is no longer there with the generation `expected`: somebody else has changed it, or ended it.
    pub(super) async fn write_back(
        &self,
        loaded: &LoadedSession,
        expected: u32,
    ) -> Result<bool, Error> {
        match (&self.backend, &loaded.ticket) {
            (Backend::Stored(stored), Some(ticket)) => {
                let (iv, now) = (self.random.array()?, self.now());
                Ok(stored
                    .replace(&self.keys, ticket, expected, &loaded.session, iv, now)
                    .await?)
            }
            _ => Ok(true),
        }
    }
}

fn contended() -> Error {
    StoreError::Unavailable("others kept changing the session".into()).into()
}

fn next(mut updated: Session) -> Arc<Session> {
    updated.generation = updated.generation.saturating_add(1);
    Arc::new(updated)
}
