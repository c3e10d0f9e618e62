//! Changing a session: read, change, compare, write. No change is lost, and none brings an older
//! generation back.

use std::sync::Arc;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::tokens::PATIENCE;
use super::{Keeping, Kept, Premises};
use crate::error::Error;
use crate::session::{Renewed, Session, StoreError, StoredSessions, Ticket};

/// How often a change is tried when others change the session at the same moment. One of them succeeds
/// each time.
const ATTEMPTS: usize = 1_000;

impl Premises {
    /// Changes a session atomically: `change` gets the newest generation, perhaps more than once.
    /// `None` when the session is over. When `change` fails, nothing has changed.
    ///
    /// A sealed session is changed for all requests of this process; a stored one for every node.
    pub(super) async fn change(
        &self,
        kept: &Kept,
        change: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<Kept>, Error> {
        let changed = match (&self.keeping, &kept.ticket) {
            (Keeping::Stored(stored), Some(ticket)) => {
                self.change_stored(stored, ticket, change).await?
            }
            _ => self.change_sealed(&kept.session, change).await?,
        };
        Ok(changed.map(|session| Kept {
            session,
            ticket: kept.ticket.clone(),
        }))
    }

    async fn change_sealed(
        &self,
        session: &Arc<Session>,
        change: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<Arc<Session>>, Error> {
        for _ in 0..ATTEMPTS {
            // A refresh that is under way is waited for, as by who asks for its tokens.
            let newest = timeout(PATIENCE, self.renewals.newest(session)).await;
            let now = self.clock.now();
            let newest = match newest.map_err(|_| Error::RefreshUnavailable)? {
                Ok(newest) if self.ended(&newest, now).is_none() => newest,
                _ => return Ok(None),
            };
            let changed = next(change(&newest)?);
            // It has to fit into cookies before anybody builds on it.
            self.cookies(&changed, None, &[], now)?;
            if self.renewals.advance(&changed, now) {
                return Ok(Some(changed));
            }
            yield_now().await;
        }
        Err(contended())
    }

    async fn change_stored(
        &self,
        stored: &StoredSessions,
        ticket: &Ticket,
        change: impl Fn(&Session) -> Result<Session, Error>,
    ) -> Result<Option<Arc<Session>>, Error> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let Some(taken) = stored.load(&self.keys, ticket, now).await? else {
                return Ok(None);
            };
            let expected = taken.session.generation;
            let newest = match self.renewals.since(&taken.session) {
                Some(Renewed::Over(_)) => return Ok(None),
                Some(Renewed::Fresh(newer)) => newer,
                _ => Arc::new(taken.session),
            };
            if self.ended(&newest, now).is_some() {
                return Ok(None);
            }
            let changed = next(change(&newest)?);
            let iv = self.random.array()?;
            let replaced = stored
                .replace(&self.keys, ticket, expected, &changed, iv, now)
                .await?;
            if replaced {
                // A refresh that is under way will find the change in the store.
                self.renewals.advance(&changed, now);
                return Ok(Some(changed));
            }
            yield_now().await;
        }
        Err(contended())
    }
}

fn contended() -> Error {
    StoreError::Unavailable("others kept changing the session".into()).into()
}

fn next(changed: Session) -> Arc<Session> {
    Arc::new(Session {
        generation: changed.generation.saturating_add(1),
        ..changed
    })
}
