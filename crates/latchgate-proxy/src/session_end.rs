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
    use http::Request;
    use latchgate::Gate;
    use latchgate::adapter::{Extract, Verdict};
    use latchgate_test::{Person, SignedInRequest, gate};
    use tokio::time::timeout;

    use super::*;

    /// Alice's session, watched, and its gate.
    pub(crate) async fn watched() -> (SessionWatch, Gate) {
        let gate = gate();
        let request = Request::new(()).signed_in(&gate, Person::new("alice"));
        let request = request.await;
        let Verdict::Pass(pass) = gate.admit(&request) else {
            panic!("not for the application")
        };
        let extract = Extract::new(pass.session(), &request);
        let tokens = extract.api_tokens().await.unwrap();
        (SessionWatch::new(tokens), gate.clone())
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
}
