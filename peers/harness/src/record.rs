//! What a session holds where the contestant has no tokens of a provider's.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Claims and tokens: 2,200 bytes as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub claims: Map<String, Value>,
    pub access_token: String,
    pub refresh_token: String,
    pub expires_at: u64,
}

impl Record {
    const BYTES: usize = 2_200;

    pub fn example() -> Self {
        let claims = json!({
            "iss": "http://127.0.0.1:4000", "sub": "alice", "aud": "latchgate-development", "name": "Alice Adams",
            "email": "alice@example.com", "email_verified": true, "roles": ["user"], "auth_time": 1_764_300_000,
            "iat": 1_764_300_001, "exp": 1_764_303_601, "nonce": "n".repeat(43), "at_hash": "h".repeat(22), "sid": "s".repeat(22),
        });
        let Value::Object(claims) = claims else {
            unreachable!()
        };
        let mut record = Self {
            claims,
            access_token: String::new(),
            refresh_token: "r".repeat(300),
            expires_at: 1_764_303_601,
        };
        let rest = Self::BYTES - serde_json::to_string(&record).expect("JSON").len();
        record.access_token = "a".repeat(rest);
        record
    }
}
