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
