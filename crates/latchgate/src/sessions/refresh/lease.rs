//! A lease on a session in its store, extended for as long as it is needed.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::{Instant, interval_at};

use super::super::stored::Ticket;
use super::super::timing::TIMING;
use super::super::{Backend, Sessions};

/// A lease. It is extended until this is dropped, and given back then.
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

/// Extends a lease until it is lost. A store that fails meanwhile may be back for the next beat.
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
                "another node may refresh this session too"
            );
            return;
        }
    }
}

impl Drop for LeaseGuard {
    /// Nobody waits for a lease to be given back: it would run out by itself.
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
