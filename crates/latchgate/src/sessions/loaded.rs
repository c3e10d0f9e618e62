//! A session as it was found.

use std::sync::Arc;

use super::stored::Ticket;
use crate::session::{Lifetimes, Session};

/// A session as it was found, and its ticket if it is in a store.
#[derive(Clone, Debug)]
pub(crate) struct LoadedSession {
    pub(crate) session: Arc<Session>,
    pub(crate) ticket: Option<Ticket>,
}

impl LoadedSession {
    /// The same session, whose idle deadline has moved since it is used.
    pub(super) fn extended(&self, lifetimes: Lifetimes, now: u64) -> Self {
        let mut session = (*self.session).clone();
        session.times.extend_idle(now, lifetimes);
        Self {
            session: Arc::new(session),
            ticket: self.ticket.clone(),
        }
    }
}
