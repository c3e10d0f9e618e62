//! A lease on a session in its store, extended while a refresh is under way.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::time::{Instant, interval_at};

use super::super::stored::Ticket;
use super::super::timing::TIMING;
use super::super::{Backend, Sessions};

/// A lease that is released when this guard is dropped.
pub(super) struct LeaseGuard {
    sessions: Arc<Sessions>,
    ticket: Ticket,
    fence: u64,
}

impl LeaseGuard {
    pub(super) fn new(sessions: Arc<Sessions>, ticket: Ticket, fence: u64) -> Self {
        Self {
            sessions,
            ticket,
            fence,
        }
    }

    /// Does the work, and extends the lease as long as that takes.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let (work, heartbeat) = (pin!(work), pin!(self.extend()));
        match select(work, heartbeat).await {
            Either::Left((done, _)) => done,
            Either::Right(((), work)) => work.await,
        }
    }

    /// Extends the lease until it is lost. If the store fails, the next heartbeat tries again.
    async fn extend(&self) {
        let Backend::Stored(stored) = &self.sessions.backend else {
            return;
        };
        let mut beats = interval_at(Instant::now() + TIMING.heartbeat, TIMING.heartbeat);
        loop {
            beats.tick().await;
            let now = self.sessions.now();
            let extended = stored.extend_lease(&self.ticket, self.fence, TIMING.lease, now);
            if let Ok(false) = extended.await {
                tracing::warn!(
                    event = "lease_lost",
                    "the lease on a session was lost during its refresh; another node may refresh it too"
                );
                return;
            }
        }
    }
}

impl Drop for LeaseGuard {
    /// Released in the background: a lease that is not released expires by itself.
    fn drop(&mut self) {
        let (sessions, ticket, fence) =
            (Arc::clone(&self.sessions), self.ticket.clone(), self.fence);
        let release = async move {
            if let Backend::Stored(stored) = &sessions.backend {
                drop(stored.release_lease(&ticket, fence).await);
            }
        };
        self.sessions.background.spawn(release);
    }
}
