//! Beginning a session.

use std::sync::Arc;

use http::HeaderValue;

use super::loaded::LoadedSession;
use super::marks::Moment;
use super::stored::Ticket;
use super::{Backend, Sessions};
use crate::cookie::PresentPieces;
use crate::error::Error;
use crate::io::RandomError;
use crate::session::{Session, SessionEnd, SessionStart};

/// A session that is about to begin. A logout of its person from here on ends it, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    pub(crate) start: SessionStart,
    moment: Moment,
}

impl Sessions {
    /// The beginning of a session, now.
    pub(crate) fn beginning(&self) -> Result<Beginning, RandomError> {
        Ok(Beginning {
            start: SessionStart {
                id: self.random.array()?,
                at: self.now(),
                lifetimes: self.lifetimes,
            },
            moment: self.revocations.moment(),
        })
    }

    /// The session as it begins, with the existing marks of all nodes, which do not apply to it.
    ///
    /// # Errors
    ///
    /// [`Error::CeilingReached`] when the provider's limit for it has already passed; [`Error::SessionEnded`] when it
    /// was ended meanwhile.
    pub(crate) async fn admit(
        &self,
        mut session: Session,
        beginning: &Beginning,
    ) -> Result<Session, Error> {
        let now = self.now();
        if session.ended(now).is_some() {
            return Err(Error::CeilingReached);
        }
        session.extras.seen = self
            .revocations
            .seen(&session, beginning.moment, now)
            .await?;
        Ok(session)
    }

    /// Stores a new session. Returns it with the cookies that carry it.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`] when it was ended on this node meanwhile; then it is not stored.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        session: Session,
        beginning: &Beginning,
        present: PresentPieces,
    ) -> Result<(Arc<Session>, Vec<HeaderValue>), Error> {
        self.ensure_not_ended(&session, beginning)?;
        let ticket = self.insert(&session).await?;
        let session = Arc::new(session);
        let loaded = LoadedSession {
            session: Arc::clone(&session),
            ticket,
        };
        // A logout that ran before the session was stored has not found it.
        if let Err(ended) = self.ensure_not_ended(&session, beginning) {
            self.end(&loaded, SessionEnd::EndedByProvider).await;
            return Err(ended);
        }
        let cookies = self.cookies(&loaded, present)?;
        Ok((session, cookies))
    }

    fn ensure_not_ended(&self, session: &Session, beginning: &Beginning) -> Result<(), Error> {
        let seen = self
            .revocations
            .seen_here(session, beginning.moment, self.now());
        seen.map(|_| ())
    }

    /// Adds a session to the store, if there is one. Returns its ticket.
    async fn insert(&self, session: &Session) -> Result<Option<Ticket>, Error> {
        let Backend::Stored(stored) = &self.backend else {
            return Ok(None);
        };
        let ticket = Ticket::draw(session.id, self.random.as_ref())?;
        let (iv, now) = (self.random.array()?, self.now());
        if !stored.insert(&self.keys, &ticket, session, iv, now).await? {
            // 128 random bits that were used before: the generator is broken.
            return Err(RandomError.into());
        }
        Ok(Some(ticket))
    }
}
