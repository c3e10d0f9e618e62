//! A session that does not fit into cookies.

use std::fmt;

/// The session does not fit into cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionTooLarge {
    /// Its sealed size, in bytes.
    pub bytes: usize,
    /// The size that fits, in bytes.
    pub limit: usize,
}

impl fmt::Display for SessionTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session has {} bytes, and cookies hold {}; keep sessions in a store (LATCHGATE_STORE=memory or `.store(…)`), or request fewer scopes and claims",
            self.bytes, self.limit
        )
    }
}

impl std::error::Error for SessionTooLarge {}

debug_with_causes!(SessionTooLarge);
