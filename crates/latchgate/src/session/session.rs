//! The session: who signed in at which provider, until when, and the tokens that came of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::compact::CompactToken;
use super::lifetime::{Ended, Lifetimes, Times};
use crate::client::Registration;
use crate::outside::{Random, RandomError};
use crate::token::{IdToken, TokenResponse};

/// A session, as it lies inside the seal. The identity of a person is (`issuer`, `subject`).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Names the session for its whole life; new at every login.
    pub(crate) id: [u8; 16],
    /// Counts the token refreshes, so that a late answer can never bring an older one back.
    pub(crate) generation: u32,
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The provider's own session, for back-channel logout.
    pub(crate) sid: Option<String>,
    pub(crate) auth_time: Option<u64>,
    pub(crate) times: Times,
    pub(crate) tokens: Tokens,
    /// Claims of the userinfo endpoint, as JSON; empty when it was not asked.
    pub(crate) userinfo: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// The tokens of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) id_token: CompactToken,
    pub(crate) access_token: CompactToken,
    /// When the access token was issued and when it expires; `None` when the provider did not say.
    pub(crate) access_validity: Option<(u64, u64)>,
    pub(crate) refresh_token: Option<CompactToken>,
    /// The granted scope, space-separated.
    pub(crate) scope: String,
}

impl Tokens {
    /// The tokens of a login.
    pub(crate) fn new(
        response: &TokenResponse,
        id_token: &IdToken,
        requested: &str,
        now: u64,
    ) -> Self {
        Self {
            id_token: CompactToken::pack(&id_token.raw),
            access_token: CompactToken::pack(&response.access_token),
            access_validity: response
                .expires_in
                .map(|seconds| (now, now.saturating_add(seconds))),
            refresh_token: response.refresh_token.as_deref().map(CompactToken::pack),
            // RFC 6749 §5.1: a missing scope means the requested one; an empty one means none.
            scope: response
                .scope
                .clone()
                .unwrap_or_else(|| requested.to_owned()),
        }
    }

    /// The tokens after a refresh: what the answer leaves out stays (RFC 6749 §6).
    pub(crate) fn refreshed(
        &self,
        response: &TokenResponse,
        id_token: Option<&IdToken>,
        now: u64,
    ) -> Self {
        Self {
            id_token: id_token.map_or_else(
                || self.id_token.clone(),
                |fresh| CompactToken::pack(&fresh.raw),
            ),
            access_token: CompactToken::pack(&response.access_token),
            access_validity: response
                .expires_in
                .map(|seconds| (now, now.saturating_add(seconds))),
            refresh_token: response
                .refresh_token
                .as_deref()
                .map(CompactToken::pack)
                .or_else(|| self.refresh_token.clone()),
            scope: response.scope.clone().unwrap_or_else(|| self.scope.clone()),
        }
    }

    /// Seconds until the access token expires, as far as known.
    pub(crate) fn expires_in(&self, now: u64) -> Option<u64> {
        self.access_validity
            .map(|(_, expires_at)| expires_at.saturating_sub(now))
    }

    /// Whether the access token should be renewed before it is used: within the smaller of a
    /// minute and a tenth of its lifetime before it expires. An unknown lifetime is never due.
    pub(crate) fn renewal_due(&self, now: u64) -> bool {
        self.access_validity.is_some_and(|(issued_at, expires_at)| {
            let margin = (expires_at.saturating_sub(issued_at) / 10).min(60);
            now.saturating_add(margin) >= expires_at
        })
    }
}

impl Session {
    /// The layout of the encoded bytes; an unknown one is treated as no session.
    const LAYOUT: u8 = 1;

    /// Begins a session, under an id nobody has seen before.
    pub(crate) fn begin(
        registration: &Registration,
        id_token: &IdToken,
        tokens: Tokens,
        userinfo: Option<&Map<String, Value>>,
        lifetimes: Lifetimes,
        now: u64,
        random: &dyn Random,
    ) -> Result<Self, RandomError> {
        Ok(Self {
            id: random.array()?,
            generation: 0,
            provider: registration.name.clone(),
            issuer: registration.issuer.as_str().to_owned(),
            subject: id_token.subject.clone(),
            sid: id_token.sid.clone(),
            auth_time: id_token.auth_time,
            times: Times::begin(now, lifetimes),
            tokens,
            userinfo: userinfo
                .and_then(|claims| serde_json::to_string(claims).ok())
                .unwrap_or_default(),
        })
    }

    /// This session with new tokens, one generation further.
    pub(crate) fn refreshed(&self, tokens: Tokens, id_token: Option<&IdToken>) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            sid: id_token
                .and_then(|fresh| fresh.sid.clone())
                .or_else(|| self.sid.clone()),
            tokens,
            ..self.clone()
        }
    }

    /// Whether the session is over, apart from what only a store can know.
    pub(crate) fn ended(&self, now: u64) -> Option<Ended> {
        self.times.ended(now)
    }

    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![Self::LAYOUT]).ok()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (layout, body) = bytes.split_first()?;
        (*layout == Self::LAYOUT).then(|| postcard::from_bytes(body).ok())?
    }

    /// The claims of the ID token, overlaid with those of the userinfo endpoint.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let mut claims = self.id_token_claims();
        if let Ok(Value::Object(more)) = serde_json::from_str(&self.userinfo) {
            claims.extend(more);
        }
        claims
    }

    /// The claims of the ID token alone.
    pub(crate) fn id_token_claims(&self) -> Map<String, Value> {
        let payload = self.tokens.id_token.payload().unwrap_or_default();
        serde_json::from_slice(payload).unwrap_or_default()
    }
}
