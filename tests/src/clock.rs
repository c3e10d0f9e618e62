//! One time for the gate and the provider. It stands still until somebody moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that is set by hand. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicU64>);

impl Default for TestClock {
    /// An afternoon in 2026.
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_790_000_000)))
    }
}

impl TestClock {
    /// Seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Lets this many seconds pass at once.
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the time, backwards if need be.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl latchgate::Clock for TestClock {
    fn now(&self) -> u64 {
        self.now()
    }
}
