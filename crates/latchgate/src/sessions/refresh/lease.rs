//! A lease on a session in its store, extended while a refresh is under way.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::{Instant, interval_at};

use super::super::stored::Ticket;
use super::super::timing::TIMING;
use super::super::{Backend, Sessions};

/// A lease that is extended until this guard is dropped, and then released.
pub(super) struct LeaseGuard {
    sessions: Arc<Sessions>,
    ticket: Ticket,
    fence: u64,
    heartbeat: AbortHandle,
}

impl LeaseGuard {
    pub(super) fn new(sessions: Arc<Sessions>, ticket: Ticket, fence: u64) -> Self {
        let heartbeat = tokio::spawn(extend(Arc::clone(&sessions), ticket.clone(), fence));
        Self {
            sessions,
            ticket,
            fence,
            heartbeat: heartbeat.abort_handle(),
        }
    }
}

/// Extends a lease until it is lost. If the store fails, the next heartbeat tries again.
async fn extend(sessions: Arc<Sessions>, ticket: Ticket, fence: u64) {
    let Backend::Stored(stored) = &sessions.backend else {
        return;
    };
    let mut beats = interval_at(Instant::now() + TIMING.heartbeat, TIMING.heartbeat);
    loop {
        beats.tick().await;
        let extended = stored.extend_lease(&ticket, fence, TIMING.lease, sessions.now());
        if let Ok(false) = extended.await {
            tracing::warn!(
                event = "lease_lost",
                "the lease on a session was lost during its refresh; another node may refresh it too"
            );
            return;
        }
    }
}

impl Drop for LeaseGuard {
    /// Released in the background: a lease that is not released expires by itself.
    fn drop(&mut self) {
        self.heartbeat.abort();
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
