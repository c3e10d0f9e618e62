//! Whose turn it is to refresh a session that several nodes share: one node holds the store's lease,
//! the others wait and get what it brought
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)).

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{Gate, Keeping, Kept};
use crate::error::Error;
use crate::session::{Ended, Leased, Renewed, Session, StoredSessions, Taken, Ticket};

/// How long a lease lasts. A node that dies in the middle of a refresh blocks the others for so long.
const LEASE: Duration = Duration::from_secs(6);

/// How often the holder of a lease extends it, however long the provider takes.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How often a node that waits for another looks again.
const GLANCE: Duration = Duration::from_millis(50);

/// What a node does about a session whose tokens are due.
pub(super) enum Turn {
    /// It is ours to refresh.
    Ours(Ours),
    /// Somebody else has refreshed it, or ended it.
    Done(Renewed),
}

/// The right to refresh a session.
pub(super) struct Ours {
    /// The session as it is now.
    pub(super) session: Arc<Session>,
    /// The generation that lies in the store.
    pub(super) stored_generation: u32,
    /// Given back when this is dropped. A sealed session needs none, and not every store has any.
    _lease: Option<HeldLease>,
}

impl Gate {
    /// Waits until it is our turn to refresh a session, or until nobody needs to any more.
    pub(super) async fn turn(&self, kept: &Kept) -> Result<Turn, Error> {
        let known = &kept.session;
        let (Keeping::Stored(stored), Some(ticket)) = (&self.0.keeping, &kept.ticket) else {
            return Ok(Turn::Ours(Ours::of(Arc::clone(known), known.generation)));
        };
        let keys = &self.0.keys;
        let mut glances = interval(GLANCE);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            glances.tick().await;
            let now = self.0.clock.now();
            match stored.lease(keys, ticket, LEASE, now).await? {
                Leased::Granted { fence, session } => {
                    let lease = HeldLease::keep(self.clone(), ticket.clone(), fence);
                    return Ok(match known.compared_with(*session) {
                        Compared::Refreshed(newer) => Turn::Done(Renewed::Fresh(newer)),
                        Compared::Same(ours) => Turn::Ours(Ours {
                            _lease: Some(lease),
                            ..ours
                        }),
                    });
                }
                Leased::Unreadable => return Err(Error::RefreshUnavailable),
                Leased::Missing => return Ok(Turn::Done(Renewed::Over(Ended::SignedOut))),
                Leased::Held => {
                    if let Turn::Done(renewed) = self.look(stored, ticket, known, now).await? {
                        return Ok(Turn::Done(renewed));
                    }
                }
                Leased::Unsupported => return self.look(stored, ticket, known, now).await,
            }
        }
    }

    /// Reads the session again: ours to refresh, unless somebody else has.
    pub(super) async fn look(
        &self,
        stored: &StoredSessions,
        ticket: &Ticket,
        known: &Arc<Session>,
        now: u64,
    ) -> Result<Turn, Error> {
        Ok(match stored.load_newest(&self.0.keys, ticket, now).await? {
            None => Turn::Done(Renewed::Over(Ended::SignedOut)),
            Some(Taken { session, .. }) => match known.compared_with(session) {
                Compared::Refreshed(newer) => Turn::Done(Renewed::Fresh(newer)),
                Compared::Same(ours) => Turn::Ours(ours),
            },
        })
    }
}

impl Ours {
    fn of(session: Arc<Session>, stored_generation: u32) -> Self {
        Self {
            session,
            stored_generation,
            _lease: None,
        }
    }
}

/// How a session in the store differs from the one we knew.
enum Compared {
    /// It has newer tokens.
    Refreshed(Arc<Session>),
    /// It has the tokens we know.
    Same(Ours),
}

impl Session {
    fn compared_with(self: &Arc<Self>, stored: Self) -> Compared {
        let generation = stored.generation;
        if generation < self.generation {
            // What we know has not reached the store yet.
            return Compared::Same(Ours::of(Arc::clone(self), generation));
        }
        let same = stored.tokens == self.tokens;
        let stored = Arc::new(stored);
        if same {
            Compared::Same(Ours::of(stored, generation))
        } else {
            Compared::Refreshed(stored)
        }
    }
}

/// A lease, extended until it is dropped.
struct HeldLease {
    gate: Gate,
    ticket: Ticket,
    fence: u64,
    heartbeat: AbortHandle,
}

impl HeldLease {
    fn keep(gate: Gate, ticket: Ticket, fence: u64) -> Self {
        let heartbeat = tokio::spawn(extend(gate.clone(), ticket.clone(), fence)).abort_handle();
        Self {
            gate,
            ticket,
            fence,
            heartbeat,
        }
    }
}

/// Extends a lease until it is lost. A store that fails meanwhile may be back for the next beat.
async fn extend(gate: Gate, ticket: Ticket, fence: u64) {
    let Keeping::Stored(stored) = &gate.0.keeping else {
        return;
    };
    let mut beats = interval(HEARTBEAT);
    beats.tick().await;
    loop {
        beats.tick().await;
        let now = gate.0.clock.now();
        if let Ok(false) = stored.extend_lease(&ticket, fence, LEASE, now).await {
            tracing::warn!(
                event = "lease_lost",
                "another node may refresh this session too"
            );
            return;
        }
    }
}

impl Drop for HeldLease {
    /// Nobody waits for a lease to be given back: it would run out by itself.
    fn drop(&mut self) {
        self.heartbeat.abort();
        let (gate, ticket, fence) = (self.gate.clone(), self.ticket.clone(), self.fence);
        let release = async move {
            if let Keeping::Stored(stored) = &gate.0.keeping {
                drop(stored.release_lease(&ticket, fence).await);
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(release);
        }
    }
}
