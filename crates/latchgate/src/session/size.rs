//! A session that does not fit into cookies.

/// The session does not fit into cookies.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session has {bytes} bytes, and cookies hold {limit}; keep sessions in a store (LATCHGATE_STORE=memory or `.store(…)`), or request fewer scopes and claims"
)]
pub struct SessionTooLarge {
    /// Its sealed size, in bytes.
    pub bytes: usize,
    /// The size that fits, in bytes.
    pub limit: usize,
}

debug_with_causes!(SessionTooLarge);
