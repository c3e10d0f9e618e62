//! Which node refreshes a session: the one that holds the store's lease. The others wait for its result.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::super::loaded::LoadedSession;
use super::super::stored::{Leased, StoredSessions, Ticket};
use super::super::timing::TIMING;
use super::super::{Backend, Sessions};
use super::RefreshOutcome;
use super::lease::LeaseGuard;
use crate::background::Backoff;
use crate::error::Error;
use crate::session::{Session, SessionEnd};

/// The right to refresh a session.
pub(super) struct RefreshAttempt {
    /// The session as it is now.
    pub(super) session: Arc<Session>,
    /// The generation in the store.
    pub(super) stored_generation: u32,
    /// `None` for a sealed session, and for a store without leases.
    pub(super) lease: Option<LeaseGuard>,
}

/// This node's turn to refresh, or the outcome of another refresh.
type Attempted = ControlFlow<RefreshOutcome, RefreshAttempt>;

impl Sessions {
    /// Waits until this node may refresh the session, or until another node has refreshed or ended it.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        loaded: &LoadedSession,
    ) -> Result<Attempted, Error> {
        let known = &loaded.session;
        let (Backend::Stored(stored), Some(ticket)) = (&self.backend, &loaded.ticket) else {
            let attempt = RefreshAttempt::of(Arc::clone(known), known.generation);
            return Ok(ControlFlow::Continue(attempt));
        };
        let key = ticket.key();
        let (first, longest) = TIMING.lease_poll;
        let mut pauses = Backoff::new(first, longest);
        loop {
            // Subscribed before the lease is requested: it may be released right after.
            let lease_end = stored.lease_end(&key);
            let leased = stored.lease(&self.keys, ticket, TIMING.lease, self.now());
            match leased.await? {
                Leased::Granted { fence, session } => {
                    let lease = LeaseGuard::new(Arc::clone(self), ticket.clone(), fence);
                    let attempt = self.compare(known, *session);
                    return Ok(attempt.map_continue(|attempt| attempt.under(lease)));
                }
                Leased::Unreadable => return Err(Error::RefreshUnavailable),
                Leased::Missing => {
                    let ended = RefreshOutcome::Ended(SessionEnd::SignedOut);
                    return Ok(ControlFlow::Break(ended));
                }
                Leased::Held => {
                    if let done @ ControlFlow::Break(_) = self.reload(stored, ticket, known).await?
                    {
                        return Ok(done);
                    }
                    match lease_end {
                        Some(end) => pauses.pause_or(self.random.as_ref(), end).await,
                        None => pauses.pause(self.random.as_ref()).await,
                    }
                }
                Leased::Unsupported => return self.reload(stored, ticket, known).await,
            }
        }
    }

    /// Reads the session again: this node may refresh it, unless another already has.
    pub(super) async fn reload(
        &self,
        stored: &StoredSessions,
        ticket: &Ticket,
        known: &Arc<Session>,
    ) -> Result<Attempted, Error> {
        let found = stored.load(&self.keys, ticket, self.now()).await?;
        Ok(match found {
            None => ControlFlow::Break(RefreshOutcome::Ended(SessionEnd::SignedOut)),
            Some(found) => self.compare(known, found.session),
        })
    }

    /// Compares the session in the store with the one we know. With the same tokens it is still to be refreshed,
    /// together with any change that has not reached the store yet; with others, another node has refreshed it.
    fn compare(&self, known: &Arc<Session>, stored: Session) -> Attempted {
        let generation = stored.generation;
        let session = match self.refreshes.since(&stored, self.now()) {
            Some(ended @ RefreshOutcome::Ended(_)) => return ControlFlow::Break(ended),
            Some(RefreshOutcome::Refreshed(newer)) => newer,
            _ if generation < known.generation => Arc::clone(known),
            _ => Arc::new(stored),
        };
        if session.tokens == known.tokens {
            ControlFlow::Continue(RefreshAttempt::of(session, generation))
        } else {
            ControlFlow::Break(RefreshOutcome::Refreshed(session))
        }
    }
}

impl RefreshAttempt {
    fn of(session: Arc<Session>, stored_generation: u32) -> Self {
        Self {
            session,
            stored_generation,
            lease: None,
        }
    }

    /// The same attempt, holding a lease until it is dropped.
    fn under(self, lease: LeaseGuard) -> Self {
        Self {
            lease: Some(lease),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::super::SessionsConfig;
    use super::super::super::example::config;
    use super::*;
    use crate::io::Clock;
    use crate::store::MemoryStore;

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
        here: Arc<Sessions>,
        there: Arc<Sessions>,
        loaded: LoadedSession,
    }

    async fn nodes() -> Nodes {
        let time = Time(Arc::new(AtomicU64::new(1_001)));
        let store = Arc::new(MemoryStore::default());
        let node = || {
            Arc::new(Sessions::new(SessionsConfig {
                store: Some(Arc::clone(&store) as Arc<_>),
                ..config(time.clone())
            }))
        };
        let (here, there) = (node(), node());
        let session = Session::example();
        let ticket = here.put(&session).await;
        let loaded = LoadedSession {
            session: Arc::new(session),
            ticket: Some(ticket),
        };
        Nodes {
            time,
            here,
            there,
            loaded,
        }
    }

    fn ticket(loaded: &LoadedSession) -> &Ticket {
        loaded.ticket.as_ref().unwrap()
    }

    /// The attempt of a node, unless it waits for another.
    async fn attempt(node: &Arc<Sessions>, loaded: &LoadedSession) -> Option<Attempted> {
        let attempt = timeout(Duration::from_secs(4), node.attempt(loaded)).await;
        attempt.ok().map(Result::unwrap)
    }

    /// What is refreshed: its generation, and that in the store.
    fn ours(attempt: Option<&Attempted>) -> Option<(u32, u32)> {
        match attempt {
            Some(ControlFlow::Continue(attempt)) => {
                Some((attempt.session.generation, attempt.stored_generation))
            }
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_lasts_as_long_as_it_takes_and_then_it_is_the_next_ones() {
        let nodes = nodes().await;
        let first = attempt(&nodes.here, &nodes.loaded).await;
        let Some(ControlFlow::Continue(first)) = first else {
            panic!("the lease is free")
        };
        let refreshing = async {
            for _ in 0..3 {
                nodes.time.pass(5).await;
                assert!(attempt(&nodes.there, &nodes.loaded).await.is_none());
            }
        };
        first.lease.as_ref().unwrap().during(refreshing).await;
        drop(first);
        let next = attempt(&nodes.there, &nodes.loaded).await;
        assert_eq!(ours(next.as_ref()), Some((0, 0)));
    }

    /// A store that tells its nodes spares them the pauses, however long these are by now.
    #[tokio::test(start_paused = true)]
    async fn a_node_that_waits_goes_on_as_soon_as_the_lease_is_given_back() {
        let nodes = nodes().await;
        let first = attempt(&nodes.here, &nodes.loaded).await;
        let (there, loaded) = (Arc::clone(&nodes.there), nodes.loaded.clone());
        let waiting = tokio::spawn(async move {
            let attempted = there.attempt(&loaded).await.unwrap();
            (ours(Some(&attempted)), tokio::time::Instant::now())
        });
        nodes.time.pass(5).await;
        let given_back = tokio::time::Instant::now();
        drop(first);
        let (next, at) = waiting.await.unwrap();
        assert_eq!((next, at - given_back), (Some((0, 0)), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_dies_during_a_refresh_blocks_the_others_for_six_seconds() {
        let nodes = nodes().await;
        let (stored, ticket) = (nodes.here.stored(), ticket(&nodes.loaded));
        let lease = stored
            .lease(&nodes.here.keys, ticket, TIMING.lease, 1_001)
            .await;
        assert!(matches!(lease.unwrap(), Leased::Granted { .. }));
        nodes.time.pass(5).await;
        assert!(attempt(&nodes.there, &nodes.loaded).await.is_none());
        nodes.time.pass(1).await;
        assert!(ours(attempt(&nodes.there, &nodes.loaded).await.as_ref()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refreshed_is_the_newest_that_anybody_knows() {
        let nodes = nodes().await;
        let (stored, ticket) = (nodes.here.stored(), ticket(&nodes.loaded));
        let of = |generation, scope: &str| {
            let mut session = (*nodes.loaded.session).clone();
            session.generation = generation;
            session.tokens.scope = scope.into();
            LoadedSession {
                session: Arc::new(session),
                ..nodes.loaded.clone()
            }
        };
        // What this node knows has not reached the store yet.
        let ahead = attempt(&nodes.here, &of(2, "newer")).await;
        assert_eq!(ours(ahead.as_ref()), Some((2, 0)));
        drop(ahead);
        // The application has changed its value meanwhile: the tokens are the same.
        let changed = of(1, &nodes.loaded.session.tokens.scope).session;
        let replaced = stored.replace(&nodes.here.keys, ticket, 0, &changed, [8; 12], 1_001);
        assert!(replaced.await.unwrap());
        let same = attempt(&nodes.here, &nodes.loaded).await;
        assert_eq!(ours(same.as_ref()), Some((1, 1)));
        drop(same);
        // Somebody else has refreshed them.
        let refreshed = of(2, "newer").session;
        let replaced = stored.replace(&nodes.here.keys, ticket, 1, &refreshed, [7; 12], 1_001);
        assert!(replaced.await.unwrap());
        let Some(ControlFlow::Break(RefreshOutcome::Refreshed(newer))) =
            attempt(&nodes.here, &nodes.loaded).await
        else {
            panic!("it was refreshed already")
        };
        assert_eq!(newer.generation, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_refreshes_a_session_that_is_gone() {
        let nodes = nodes().await;
        let (stored, ticket) = (nodes.here.stored(), ticket(&nodes.loaded));
        stored.remove(ticket).await.unwrap();
        let gone = attempt(&nodes.there, &nodes.loaded).await;
        assert!(matches!(
            gone,
            Some(ControlFlow::Break(RefreshOutcome::Ended(_)))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_refreshes_what_this_node_knows_better() {
        let nodes = nodes().await;
        let mut newer = (*nodes.loaded.session).clone();
        newer.generation = 4;
        newer.tokens.scope = "newer".into();
        // The store has yet to hear of it.
        assert!(nodes.here.refreshes.advance(&Arc::new(newer), 1_001));
        let Some(ControlFlow::Break(RefreshOutcome::Refreshed(newer))) =
            attempt(&nodes.here, &nodes.loaded).await
        else {
            panic!("it was refreshed already")
        };
        assert_eq!(newer.generation, 4);
        let refreshes = &nodes.here.refreshes;
        refreshes.end(&nodes.loaded.session, SessionEnd::SignedOut, 1_001);
        let ended = attempt(&nodes.here, &nodes.loaded).await;
        assert!(matches!(
            ended,
            Some(ControlFlow::Break(RefreshOutcome::Ended(
                SessionEnd::SignedOut
            )))
        ));
    }
}
