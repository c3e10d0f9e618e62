//! What a session holds: the three tokens, the ID token decoded, because that is shorter and has the claims in it.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::seal::Sealer;

pub const COOKIE: &str = "session";

/// How long it lasts, in seconds.
pub const LIFETIME: u64 = 12 * 3600;

#[derive(Serialize, Deserialize)]
pub struct Session<'a> {
    pub expires_at: u64,
    pub id_token: [&'a [u8]; 3],
    pub access_token: &'a str,
    pub access_token_expires_at: u64,
    pub refresh_token: Option<&'a str>,
}

impl Session<'_> {
    /// The claims in the ID token of a request's session.
    pub fn claims(sealer: &Sealer, headers: &HeaderMap) -> Option<Bytes> {
        let opened = sealer.open(COOKIE, headers)?;
        let session: Session<'_> = postcard::from_bytes(&opened).ok()?;
        let [_, claims, _] = session.id_token;
        (session.expires_at > now()).then(|| opened.slice_ref(claims))
    }
}

pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
