//! The end of a session while something that it has begun still lasts.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use latchgate::{ApiTokens, Error};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is asked whether a session has ended. A session in a store costs one read each time.
const EVERY: Duration = Duration::from_secs(15);

/// Waits for the end of one session.
pub(crate) struct SessionWatch(Pin<Box<dyn Future<Output = ()> + Send>>);

impl SessionWatch {
    pub(crate) fn new(tokens: ApiTokens) -> Self {
        Self(Box::pin(ended(tokens)))
    }

    /// What comes of some work, unless the session ends before it does.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`]. The work has been dropped then.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut work = pin!(work);
        poll_fn(|cx| match self.poll_end(cx) {
            Poll::Ready(()) => Poll::Ready(Err(Error::SessionEnded)),
            Poll::Pending => work.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    /// Whether the session has ended, as was found when it was asked last. To be asked before whatever it limits: work that
    /// always goes on would leave it no turn.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

/// Ends when the session does. While its store is down, that is not known.
async fn ended(tokens: ApiTokens) {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns.reset();
    loop {
        turns.tick().await;
        if matches!(tokens.session_has_ended().await, Ok(true)) {
            return;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use http::Request;
    use latchgate::adapter::{Extract, Verdict};
    use latchgate::store::{
        Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName,
        StoredRecord,
    };
    use latchgate::{Gate, MemoryStore};
    use latchgate_test::{Person, SignedInRequest, gate, gate_builder};
    use tokio::time::timeout;

    use super::*;

    /// Alice's session, watched, and its gate.
    pub(crate) async fn watched() -> (SessionWatch, Gate) {
        watched_at(gate()).await
    }

    async fn watched_at(gate: Gate) -> (SessionWatch, Gate) {
        let request = Request::new(()).signed_in(&gate, Person::new("alice"));
        let request = request.await;
        let Verdict::Pass(pass) = gate.admit(&request) else {
            panic!("not for the application")
        };
        let extract = Extract::new(pass.session(), &request);
        let tokens = extract.api_tokens().await.unwrap();
        (SessionWatch::new(tokens), gate)
    }

    pub(crate) async fn end_it(gate: &Gate) {
        let issuer = "https://provider.example";
        gate.end_sessions_of(issuer, "alice").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_while_the_session_does() {
        let (mut watch, gate) = watched().await;
        assert_eq!(watch.during(async { 7 }).await.unwrap(), 7);
        end_it(&gate).await;
        let ended = timeout(2 * EVERY, watch.during(std::future::pending::<()>()));
        assert!(matches!(ended.await, Ok(Err(Error::SessionEnded))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_watched_until_it_ends() {
        let (mut watch, gate) = watched().await;
        let an_hour = Duration::from_secs(3_600);
        let ended = timeout(an_hour, poll_fn(|cx| watch.poll_end(cx)));
        assert!(ended.await.is_err());
        end_it(&gate).await;
        let ended = timeout(2 * EVERY, poll_fn(|cx| watch.poll_end(cx)));
        assert!(ended.await.is_ok());
    }

    /// A store that can be down. Nobody refreshes or ends anything here.
    #[derive(Clone, Debug, Default)]
    struct Failing {
        store: Arc<MemoryStore>,
        is_down: Arc<AtomicBool>,
    }

    impl SessionStore for Failing {
        fn load<'a>(
            &'a self,
            key: &'a StoreKey,
            now: u64,
        ) -> StoreFuture<'a, Option<LoadedRecord>> {
            match self.is_down.load(Ordering::Relaxed) {
                true => Box::pin(async { Err(StoreError::Unavailable("it is down".into())) }),
                false => self.store.load(key, now),
            }
        }

        fn insert<'a>(
            &'a self,
            key: &'a StoreKey,
            record: StoredRecord,
            now: u64,
        ) -> StoreFuture<'a, bool> {
            self.store.insert(key, record, now)
        }

        fn replace<'a>(
            &'a self,
            _: &'a StoreKey,
            _: u32,
            _: StoredRecord,
            _: u64,
        ) -> StoreFuture<'a, bool> {
            unreachable!()
        }

        fn remove<'a>(&'a self, _: &'a StoreKey) -> StoreFuture<'a, ()> {
            unreachable!()
        }

        fn lease<'a>(&'a self, _: &'a StoreKey, _: Duration, _: u64) -> StoreFuture<'a, Lease> {
            unreachable!()
        }

        fn extend_lease<'a>(
            &'a self,
            _: &'a StoreKey,
            _: u64,
            _: Duration,
            _: u64,
        ) -> StoreFuture<'a, bool> {
            unreachable!()
        }

        fn release_lease<'a>(&'a self, _: &'a StoreKey, _: u64) -> StoreFuture<'a, ()> {
            unreachable!()
        }

        fn find<'a>(&'a self, _: &'a StoredName, _: u64) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
            unreachable!()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_down_ends_nothing() {
        let store = Failing::default();
        let gate = gate_builder().store(store.clone()).build().unwrap();
        let (mut watch, _gate) = watched_at(gate).await;
        store.is_down.store(true, Ordering::Relaxed);
        let an_hour = Duration::from_secs(3_600);
        let ended = timeout(an_hour, poll_fn(|cx| watch.poll_end(cx)));
        assert!(ended.await.is_err());
    }
}
