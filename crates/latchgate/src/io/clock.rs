//! The clock door.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time, in whole seconds since 1970-01-01T00:00:00Z ("NumericDate" of RFC 7519 §2).
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time in seconds since the epoch.
    fn now(&self) -> u64;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one door to the system clock"
    )]
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }
}
