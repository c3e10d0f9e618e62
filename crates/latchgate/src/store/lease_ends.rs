//! The ends of leases, as a server announces them to its nodes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::Sender;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::{StoreError, StoreFuture, StoreKey};
use crate::background::wait;

/// How many announcements a waiting task may fall behind. If it misses more, it looks again.
const CAPACITY: usize = 256;

/// How long nobody subscribes again after a failed or lost subscription. In the meantime, waiting nodes poll.
const RETRY: Duration = Duration::from_secs(30);

/// The subscription of a store to the ends of leases, for [`SessionStore::lease_end`](super::SessionStore::lease_end).
///
/// All waiting calls share one subscription, which the first of them makes. It runs in its own task, which ends when this
/// value is dropped. If it fails or is lost, the next call that waits at least half a minute later makes a new one.
pub struct LeaseEnds {
    announcer: LeaseEndAnnouncer,
    subscription: Mutex<Option<JoinHandle<()>>>,
}

/// Passes announcements on to those who wait.
#[derive(Clone)]
pub struct LeaseEndAnnouncer(Sender<Announcement>);

#[derive(Clone, Copy)]
enum Announcement {
    Subscribed,
    Ended(StoreKey),
}

impl LeaseEnds {
    /// Without a subscription yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            announcer: LeaseEndAnnouncer(Sender::new(CAPACITY)),
            subscription: Mutex::default(),
        }
    }

    /// Waits for the end of the lease of the record under `key`, from this call on, not from the first poll.
    ///
    /// `subscribe` runs at the first poll, unless there is a subscription. It connects, calls
    /// [`LeaseEndAnnouncer::subscribed`], passes on what the server announces, and returns the error that ends it. It needs a
    /// time limit only until it has subscribed.
    pub fn wait<'a, F>(
        &'a self,
        key: &'a StoreKey,
        subscribe: impl FnOnce(LeaseEndAnnouncer) -> F + Send + 'a,
    ) -> StoreFuture<'a, ()>
    where
        F: Future<Output = StoreError> + Send + 'static,
    {
        let mut announcements = self.announcer.0.subscribe();
        Box::pin(async move {
            self.keep_subscribed(subscribe);
            loop {
                match announcements.recv().await {
                    Ok(Announcement::Ended(other)) if other != *key => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => {
                        return Err(StoreError::unavailable("nobody announces ends of leases"));
                    }
                }
            }
        })
    }

    fn keep_subscribed<F>(&self, subscribe: impl FnOnce(LeaseEndAnnouncer) -> F)
    where
        F: Future<Output = StoreError> + Send + 'static,
    {
        let mut subscription = self
            .subscription
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A task has also finished when its runtime has stopped.
        if subscription.as_ref().is_none_or(JoinHandle::is_finished) {
            let announcements = subscribe(self.announcer.clone());
            *subscription = Some(tokio::spawn(async move {
                let error = announcements.await;
                tracing::warn!(
                    event = "lease_ends_not_announced",
                    cause = &error as &dyn std::error::Error,
                    "the store's announcements of released leases cannot be received; until they can, nodes that wait for a refresh by another node poll the store"
                );
                wait(RETRY).await;
            }));
        }
    }
}

impl LeaseEndAnnouncer {
    /// From now on no announcement is missed. Waiting calls look again, because they may have missed earlier ones.
    pub fn subscribed(&self) {
        self.announce(Announcement::Subscribed);
    }

    /// The lease of the record under `key` has ended.
    pub fn ended(&self, key: StoreKey) {
        self.announce(Announcement::Ended(key));
    }

    fn announce(&self, announcement: Announcement) {
        // It fails when nobody waits.
        drop(self.0.send(announcement));
    }
}

impl Drop for LeaseEnds {
    fn drop(&mut self) {
        let subscription = self
            .subscription
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(subscription) = subscription.take() {
            subscription.abort();
        }
    }
}

impl Default for LeaseEnds {
    fn default() -> Self {
        Self::new()
    }
}

debug_fields!(LeaseEnds {});

debug_fields!(LeaseEndAnnouncer {});

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, mpsc};
    use tokio::time::timeout;

    use super::*;

    /// The subscriptions that were made, each with the means to end it.
    struct Server {
        ends: LeaseEnds,
        made: mpsc::UnboundedSender<(LeaseEndAnnouncer, Arc<Notify>)>,
    }

    type Subscriptions = mpsc::UnboundedReceiver<(LeaseEndAnnouncer, Arc<Notify>)>;

    fn server() -> (Server, Subscriptions) {
        let (made, subscriptions) = mpsc::unbounded_channel();
        let ends = LeaseEnds::new();
        (Server { ends, made }, subscriptions)
    }

    impl Server {
        fn wait<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
            self.ends.wait(key, |announcer| {
                let lost = Arc::new(Notify::new());
                self.made.send((announcer, Arc::clone(&lost))).unwrap();
                async move {
                    lost.notified().await;
                    StoreError::unavailable("lost")
                }
            })
        }
    }

    async fn is_pending(waiting: &mut StoreFuture<'_, ()>) -> bool {
        timeout(Duration::from_millis(1), waiting).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_share_a_subscription_and_are_told_of_their_own_leases() {
        let (server, mut subscriptions) = server();
        let (mut one, mut other) = (server.wait(&[1; 32]), server.wait(&[2; 32]));
        assert!(
            subscriptions.try_recv().is_err(),
            "made before anybody waits"
        );
        assert!(is_pending(&mut one).await && is_pending(&mut other).await);
        let (announcer, _lost) = subscriptions.try_recv().unwrap();
        assert!(subscriptions.try_recv().is_err(), "made twice");
        announcer.ended([1; 32]);
        assert!(!is_pending(&mut one).await && is_pending(&mut other).await);
        let unpolled = server.wait(&[2; 32]);
        announcer.ended([2; 32]);
        assert!(unpolled.await.is_ok() && other.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_may_have_missed_an_announcement_looks_again() {
        let (server, mut subscriptions) = server();
        let mut early = server.wait(&[1; 32]);
        assert!(is_pending(&mut early).await);
        let (announcer, _lost) = subscriptions.try_recv().unwrap();
        announcer.subscribed();
        assert!(early.await.is_ok());
        let mut slow = server.wait(&[1; 32]);
        assert!(is_pending(&mut slow).await);
        for _ in 0..=CAPACITY {
            announcer.ended([2; 32]);
        }
        assert!(slow.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_subscription_is_made_again_after_a_while() {
        let (server, mut subscriptions) = server();
        assert!(is_pending(&mut server.wait(&[1; 32])).await);
        let (_, lost) = subscriptions.try_recv().unwrap();
        lost.notify_one();
        for _ in 0..29 {
            assert!(is_pending(&mut server.wait(&[1; 32])).await);
            wait(Duration::from_secs(1)).await;
        }
        assert!(subscriptions.try_recv().is_err(), "made too early");
        wait(Duration::from_secs(1)).await;
        assert!(is_pending(&mut server.wait(&[1; 32])).await);
        assert!(subscriptions.try_recv().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscription_ends_with_its_store() {
        let (server, mut subscriptions) = server();
        assert!(is_pending(&mut server.wait(&[1; 32])).await);
        let (announcer, lost) = subscriptions.try_recv().unwrap();
        drop((server, announcer));
        let dropped = async {
            while Arc::strong_count(&lost) > 1 {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(Duration::from_secs(1), dropped).await.is_ok());
    }
}
