//! The end of a session while something that it has begun still lasts.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use latchgate::ApiTokens;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is asked whether a session has ended. A session in a store costs one read each time.
const EVERY: Duration = Duration::from_secs(15);

/// Waits for the end of one session.
pub(crate) struct SessionWatch(Pin<Box<dyn Future<Output = ()> + Send>>);

impl SessionWatch {
    pub(crate) fn new(tokens: ApiTokens) -> Self {
        Self(Box::pin(ended(tokens)))
    }

    /// Whether the session has ended, as was found when it was asked last.
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
mod tests {
    use std::future::poll_fn;

    use http::Request;
    use latchgate::adapter::{Extract, Verdict};
    use latchgate_test::{Person, SignedInRequest, gate};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_is_watched_until_it_ends() {
        let gate = gate();
        let request = Request::new(()).signed_in(&gate, Person::new("alice"));
        let request = request.await;
        let Verdict::Pass(pass) = gate.admit(&request) else {
            panic!("not for the application")
        };
        let extract = Extract::new(pass.session(), &request);
        let tokens = extract.api_tokens().await.unwrap();
        let mut watch = SessionWatch::new(tokens);
        let an_hour = Duration::from_secs(3_600);
        let ended = timeout(an_hour, poll_fn(|cx| watch.poll_end(cx)));
        assert!(ended.await.is_err());
        let issuer = "https://provider.example";
        gate.end_sessions_of(issuer, "alice").await.unwrap();
        let ended = timeout(2 * EVERY, poll_fn(|cx| watch.poll_end(cx)));
        assert!(ended.await.is_ok());
    }
}
