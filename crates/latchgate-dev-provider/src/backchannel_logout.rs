//! Logout tokens and sending them ([OpenID Connect Back-Channel Logout
//! §2](https://openid.net/specs/openid-connect-backchannel-1_0.html#Backchannel)).

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::causes::write_with_cause;
use crate::jws::{JsonObject, compact};
use crate::provider::Provider;
use crate::session::OpSession;
use crate::world::random_token;

/// How long a logout token is valid, in seconds.
const LIFETIME: u64 = 120;
/// How long a client may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom a logout token signs out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutTarget {
    /// One session, by its `sid`.
    Sid(String),
    /// All sessions of a person, by `sub`.
    Sub(String),
    /// One session, by `sid`, with the person's `sub` beside it.
    SidAndSub {
        /// The session.
        sid: String,
        /// The person.
        sub: String,
    },
}

/// Why a logout token was not delivered.
#[non_exhaustive]
pub enum BackchannelLogoutError {
    /// The HTTP client could not be created.
    Client(reqwest::Error),
    /// The request got no response.
    Send {
        /// Where it went.
        to: String,
        /// What went wrong.
        source: reqwest::Error,
    },
}

impl fmt::Display for BackchannelLogoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(_) => {
                f.write_str("no HTTP client for back-channel logout could be created")
            }
            Self::Send { to, .. } => write!(f, "the logout token could not be delivered to {to}"),
        }
    }
}

impl std::error::Error for BackchannelLogoutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(source) | Self::Send { source, .. } => Some(source),
        }
    }
}

impl fmt::Debug for BackchannelLogoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_cause(self, f)
    }
}

impl Provider {
    /// A logout token for a client.
    pub(crate) fn logout_token(
        &self,
        client_id: &str,
        target: &LogoutTarget,
        change: impl FnOnce(&mut JsonObject, &mut JsonObject),
    ) -> String {
        let keys = self.keys.current();
        let key = keys.key(self.settings.id_token_alg);
        let mut header = JsonObject::new();
        header.insert("typ".to_owned(), json!("logout+jwt"));
        header.insert("alg".to_owned(), json!(key.alg().as_str()));
        header.insert("kid".to_owned(), json!(key.kid));
        let now = self.now();
        let mut claims = JsonObject::new();
        for (claim, value) in [
            ("iss", json!(self.issuer)),
            ("aud", json!(client_id)),
            ("iat", json!(now)),
            ("exp", json!(now + LIFETIME)),
            ("jti", json!(random_token())),
            (
                "events",
                json!({"http://schemas.openid.net/event/backchannel-logout": {}}),
            ),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        let (sid, sub) = match target {
            LogoutTarget::Sid(sid) => (Some(sid), None),
            LogoutTarget::Sub(sub) => (None, Some(sub)),
            LogoutTarget::SidAndSub { sid, sub } => (Some(sid), Some(sub)),
        };
        for (claim, value) in [("sid", sid), ("sub", sub)] {
            if let Some(value) = value {
                claims.insert(claim.to_owned(), json!(value));
            }
        }
        change(&mut header, &mut claims);
        compact(&header, &claims, |input| key.sign(input))
    }

    /// Notifies every client of an ended session that has a back-channel logout URI. One that cannot be reached is skipped.
    pub(crate) async fn announce_logout(&self, ended: &OpSession) {
        for client_id in ended.clients() {
            let Some(client) = self.client(&client_id) else {
                continue;
            };
            let Some(uri) = &client.backchannel_logout_uri else {
                continue;
            };
            let target = LogoutTarget::SidAndSub {
                sid: ended.sid.clone(),
                sub: ended.person.sub.clone(),
            };
            let token = self.logout_token(&client_id, &target, |_, _| {});
            match post(uri, &token).await {
                Ok(status) if status.is_success() => {}
                Ok(status) => {
                    tracing::warn!(%client_id, %status, "a client refused a logout token")
                }
                Err(error) => {
                    tracing::warn!(%client_id, %error, "a logout token could not be delivered")
                }
            }
        }
    }
}

/// Posts a logout token.
pub(crate) async fn post(
    to: &str,
    logout_token: &str,
) -> Result<StatusCode, BackchannelLogoutError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(BackchannelLogoutError::Client)?;
    let response = client
        .post(to)
        .form(&[("logout_token", logout_token)])
        .send()
        .await
        .map_err(|source| BackchannelLogoutError::Send {
            to: to.to_owned(),
            source: source.without_url(),
        })?;
    Ok(response.status())
}
