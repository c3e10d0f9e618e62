//! Virtual time: it passes only while everybody waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When every run begins, in seconds since 1970.
const EPOCH: u64 = 1_790_000_000;

/// The true time of a run, which only the provider and the store's leases go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(Instant);

impl Time {
    /// Begins now. Only on a runtime whose time is paused.
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// How long the run has lasted.
    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The true time in seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        EPOCH + self.now().as_secs()
    }
}

/// The clock of one node, which may be wrong.
#[derive(Clone)]
pub(crate) struct NodeClock {
    time: Time,
    ahead: Arc<AtomicI64>,
}

impl NodeClock {
    pub(crate) fn new(time: Time, ahead: i64) -> Self {
        Self {
            time,
            ahead: Arc::new(AtomicI64::new(ahead)),
        }
    }

    /// Sets it to so many seconds ahead of the true time, or behind.
    pub(crate) fn set(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::SeqCst);
    }
}

impl latchgate::Clock for NodeClock {
    fn now(&self) -> u64 {
        self.time
            .seconds()
            .saturating_add_signed(self.ahead.load(Ordering::SeqCst))
    }
}

impl fmt::Debug for NodeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeClock")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "virtual time passes by waiting, and costs nothing"
)]
pub(crate) async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
