//! Whose turn it is to refresh a session that several nodes share: one node holds the store's lease,
//! the others wait and get what it brought
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)).

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::interval;

use super::{Gate, Keeping, Kept, Premises};
use crate::background::Backoff;
use crate::error::Error;
use crate::session::{Ended, Leased, Renewed, Session, StoredSessions, Taken, Ticket};

/// How long a lease lasts. A node that dies in the middle of a refresh blocks the others for so long.
const LEASE: Duration = Duration::from_secs(6);

/// How often the holder of a lease extends it, however long the provider takes.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How soon a node that waits for another looks again, at first and in the end.
const FIRST_GLANCE: Duration = Duration::from_millis(20);
const LAST_GLANCES: Duration = Duration::from_secs(1);

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
        let mut pauses = Backoff::new(FIRST_GLANCE, LAST_GLANCES);
        loop {
            let now = self.0.clock.now();
            match stored.lease(keys, ticket, LEASE, now).await? {
                Leased::Granted { fence, session } => {
                    let lease = HeldLease::keep(self.clone(), ticket.clone(), fence);
                    return Ok(match self.0.compare(known, *session) {
                        Turn::Ours(ours) => Turn::Ours(Ours {
                            _lease: Some(lease),
                            ..ours
                        }),
                        done => done,
                    });
                }
                Leased::Unreadable => return Err(Error::RefreshUnavailable),
                Leased::Missing => return Ok(Turn::Done(Renewed::Over(Ended::SignedOut))),
                Leased::Held => {
                    if let Turn::Done(renewed) = self.look(stored, ticket, known, now).await? {
                        return Ok(Turn::Done(renewed));
                    }
                    pauses.pause(self.0.random.as_ref()).await;
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
        Ok(match stored.load(&self.0.keys, ticket, now).await? {
            None => Turn::Done(Renewed::Over(Ended::SignedOut)),
            Some(Taken { session, .. }) => self.0.compare(known, session),
        })
    }
}

impl Premises {
    /// How a session in the store compares with the one we know: it has the same tokens, perhaps put
    /// together with what has yet to reach the store, or somebody else has refreshed it.
    fn compare(&self, known: &Arc<Session>, stored: Session) -> Turn {
        let generation = stored.generation;
        let session = match self.renewals.since(&stored) {
            Some(over @ Renewed::Over(_)) => return Turn::Done(over),
            Some(Renewed::Fresh(newer)) => newer,
            _ if generation < known.generation => Arc::clone(known),
            _ => Arc::new(stored),
        };
        if session.tokens == known.tokens {
            Turn::Ours(Ours::of(session, generation))
        } else {
            Turn::Done(Renewed::Fresh(session))
        }
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
        self.gate.0.background.spawn(release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::timeout;

    use super::*;
    use crate::builder::Provider;
    use crate::outside::Clock;
    use crate::outside::scripted::{CountingRandom, ScriptedHttp};
    use crate::seal::SessionKey;
    use crate::session::MemoryStore;

    /// The time of all nodes, which the test moves together with tokio's.
    #[derive(Clone, Debug)]
    struct Time(Arc<AtomicU64>);

    impl Clock for Time {
        fn now(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Time {
        async fn pass(&self, seconds: u64) {
            for _ in 0..seconds {
                self.0.fetch_add(1, Ordering::SeqCst);
                let never = std::future::pending::<()>();
                assert!(timeout(Duration::from_secs(1), never).await.is_err());
            }
        }
    }

    /// Two nodes with one store, and a session that lies there.
    struct Nodes {
        time: Time,
        here: Gate,
        there: Gate,
        kept: Kept,
    }

    async fn nodes() -> Nodes {
        let time = Time(Arc::new(AtomicU64::new(1_001)));
        let store = Arc::new(MemoryStore::default());
        let node = || {
            Gate::builder(
                "https://app.example",
                Provider::new("https://op.example", "my-app").client_secret("secret"),
            )
            .session_keys([SessionKey::from_bytes(*b"a key that all of the nodes have")])
            .http_client(ScriptedHttp::default())
            .clock(time.clone())
            .random(CountingRandom::default())
            // Otherwise what it does in the background takes time on another thread.
            .background_runtime(tokio::runtime::Handle::current())
            .store(Arc::clone(&store))
            .build()
            .unwrap()
        };
        let (here, there) = (node(), node());
        let kept = Kept {
            session: Arc::new(Session::example()),
            ticket: Some(Ticket::draw(&CountingRandom::default()).unwrap()),
        };
        let (stored, ticket) = in_store(&here, &kept);
        let inserted = stored.insert(&here.0.keys, ticket, &kept.session, [9; 12], 1_000);
        assert!(inserted.await.unwrap());
        Nodes {
            time,
            here,
            there,
            kept,
        }
    }

    fn in_store<'a>(gate: &'a Gate, kept: &'a Kept) -> (&'a StoredSessions, &'a Ticket) {
        match (&gate.0.keeping, &kept.ticket) {
            (Keeping::Stored(stored), Some(ticket)) => (stored, ticket),
            _ => panic!("sessions lie in no store"),
        }
    }

    /// The turn of a node, unless it waits for another.
    async fn turn(gate: &Gate, kept: &Kept) -> Option<Turn> {
        let turn = timeout(Duration::from_secs(4), gate.turn(kept)).await;
        turn.ok().map(Result::unwrap)
    }

    /// What is refreshed: its generation, and that in the store.
    fn ours(turn: Option<&Turn>) -> Option<(u32, u32)> {
        match turn {
            Some(Turn::Ours(ours)) => Some((ours.session.generation, ours.stored_generation)),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_lasts_as_long_as_it_takes_and_then_it_is_the_next_ones() {
        let nodes = nodes().await;
        let first = turn(&nodes.here, &nodes.kept).await;
        assert_eq!(ours(first.as_ref()), Some((0, 0)));
        for _ in 0..3 {
            nodes.time.pass(5).await;
            assert!(turn(&nodes.there, &nodes.kept).await.is_none());
        }
        drop(first);
        let next = turn(&nodes.there, &nodes.kept).await;
        assert_eq!(ours(next.as_ref()), Some((0, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_dies_in_its_turn_blocks_the_others_for_six_seconds() {
        let nodes = nodes().await;
        let (stored, ticket) = in_store(&nodes.here, &nodes.kept);
        let lease = stored.lease(&nodes.here.0.keys, ticket, LEASE, 1_001).await;
        assert!(matches!(lease.unwrap(), Leased::Granted { .. }));
        nodes.time.pass(5).await;
        assert!(turn(&nodes.there, &nodes.kept).await.is_none());
        nodes.time.pass(1).await;
        assert!(ours(turn(&nodes.there, &nodes.kept).await.as_ref()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refreshed_is_the_newest_that_anybody_knows() {
        let nodes = nodes().await;
        let (stored, ticket) = in_store(&nodes.here, &nodes.kept);
        let of = |generation, scope: &str| {
            let mut session = (*nodes.kept.session).clone();
            session.generation = generation;
            session.tokens.scope = scope.to_owned();
            Kept {
                session: Arc::new(session),
                ..nodes.kept.clone()
            }
        };
        // What this node knows has not reached the store yet.
        let ahead = turn(&nodes.here, &of(2, "newer")).await;
        assert_eq!(ours(ahead.as_ref()), Some((2, 0)));
        drop(ahead);
        // The application has changed its value meanwhile: the tokens are the same.
        let changed = of(1, &nodes.kept.session.tokens.scope).session;
        let replaced = stored.replace(&nodes.here.0.keys, ticket, 0, &changed, [8; 12], 1_001);
        assert!(replaced.await.unwrap());
        let same = turn(&nodes.here, &nodes.kept).await;
        assert_eq!(ours(same.as_ref()), Some((1, 1)));
        drop(same);
        // Somebody else has refreshed them.
        let refreshed = of(2, "newer").session;
        let replaced = stored.replace(&nodes.here.0.keys, ticket, 1, &refreshed, [7; 12], 1_001);
        assert!(replaced.await.unwrap());
        let Some(Turn::Done(Renewed::Fresh(newer))) = turn(&nodes.here, &nodes.kept).await else {
            panic!("it was refreshed already")
        };
        assert_eq!(newer.generation, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_refreshes_a_session_that_is_gone() {
        let nodes = nodes().await;
        let (stored, ticket) = in_store(&nodes.here, &nodes.kept);
        stored.remove(ticket).await.unwrap();
        let gone = turn(&nodes.there, &nodes.kept).await;
        assert!(matches!(gone, Some(Turn::Done(Renewed::Over(_)))));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_refreshes_what_this_node_knows_better() {
        let nodes = nodes().await;
        let mut newer = (*nodes.kept.session).clone();
        newer.generation = 4;
        newer.tokens.scope = "newer".to_owned();
        // The store has yet to hear of it.
        assert!(nodes.here.0.renewals.advance(&Arc::new(newer), 1_001));
        let Some(Turn::Done(Renewed::Fresh(newer))) = turn(&nodes.here, &nodes.kept).await else {
            panic!("it was refreshed already")
        };
        assert_eq!(newer.generation, 4);
        let renewals = &nodes.here.0.renewals;
        renewals.end(&nodes.kept.session, Ended::SignedOut, 1_001);
        let ended = turn(&nodes.here, &nodes.kept).await;
        assert!(matches!(
            ended,
            Some(Turn::Done(Renewed::Over(Ended::SignedOut)))
        ));
    }
}
