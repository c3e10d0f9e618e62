//! The client assertions that were used: each may be used once
//! ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3), point 7).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Client and `jti` of every assertion that has not expired yet.
#[derive(Debug, Default)]
pub(crate) struct UsedAssertions(Mutex<HashMap<(String, String), u64>>);

impl UsedAssertions {
    /// Whether this one was not used before. From now on it was, until it expires.
    pub(crate) fn admit(&self, client_id: &str, jti: &str, expires_at: u64, now: u64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, expires_at| *expires_at > now);
        let name = (client_id.to_owned(), jti.to_owned());
        used.insert(name, expires_at).is_none()
    }
}
