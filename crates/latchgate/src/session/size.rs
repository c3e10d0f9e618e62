//! A session that does not fit into cookies.

use std::fmt;

/// The session does not fit into cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionTooLarge {
    /// How many bytes it has, sealed.
    pub bytes: usize,
    /// How many fit.
    pub limit: usize,
}

impl fmt::Display for SessionTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session has {} bytes but cookies hold {}; keep it in a store (LATCHGATE_STORE=memory or `.store(…)`), or ask for fewer scopes and claims",
            self.bytes, self.limit
        )
    }
}

impl std::error::Error for SessionTooLarge {}

debug_with_causes!(SessionTooLarge);
