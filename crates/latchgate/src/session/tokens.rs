//! The tokens of a session ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1), [OpenID Connect Core 1.0
//! §3.1.3.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse)).

use aws_lc_rs::digest::{SHA256, digest};
use bytestring::ByteString;
use serde_json::{Map, Value};

use super::compact::CompactToken;
use crate::token::{IdToken, TokenResponse, is_replaceable};

/// The expiry of an access token whose lifetime the provider did not state.
const UNTOLD: u64 = u64::MAX;

/// The tokens of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) id_token: CompactToken,
    pub(crate) access_token: CompactToken,
    /// When the access token was issued, and when it expires: [`UNTOLD`] if the provider did not say. `None` if the
    /// former is unknown, too.
    pub(crate) access_validity: Option<(u64, u64)>,
    pub(crate) refresh_token: Option<CompactToken>,
    /// The granted scope, space-separated.
    pub(crate) scope: ByteString,
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
            access_validity: validity(response, now),
            refresh_token: response.refresh_token.as_deref().map(CompactToken::pack),
            // RFC 6749 §5.1: a missing scope means the requested one; an empty one means none.
            scope: response.scope.as_deref().unwrap_or(requested).into(),
        }
    }

    /// The tokens of a login at a provider without OpenID Connect; an ID token, if there is one, is ignored.
    pub(crate) fn plain(response: &TokenResponse, requested: &str, now: u64) -> Self {
        let scope = response.scope.as_deref().unwrap_or(requested);
        Self {
            id_token: CompactToken::pack(""),
            access_token: CompactToken::pack(&response.access_token),
            access_validity: validity(response, now),
            refresh_token: response.refresh_token.as_deref().map(CompactToken::pack),
            // GitHub separates the values by commas.
            scope: scope.replace(',', " ").into(),
        }
    }

    /// How many bytes the tokens have, encoded.
    pub(super) fn encoded_len(&self) -> usize {
        let tokens = [&self.id_token, &self.access_token];
        let tokens = tokens.into_iter().chain(&self.refresh_token);
        tokens.map(|token| token.encoded().0.len()).sum()
    }

    /// The claims of the ID token.
    pub(super) fn id_token_claims(&self) -> Map<String, Value> {
        let payload = self.id_token.payload().unwrap_or_default();
        serde_json::from_slice(payload).unwrap_or_default()
    }

    /// The tokens after a refresh. A token that the response leaves out stays (RFC 6749 §6).
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
            access_validity: validity(response, now),
            refresh_token: response
                .refresh_token
                .as_deref()
                .map(CompactToken::pack)
                .or_else(|| self.refresh_token.clone()),
            scope: match &response.scope {
                Some(scope) => scope.as_str().into(),
                None => self.scope.clone(),
            },
        }
    }

    /// The tokens after the refresh token was used for another API; `None` if it stays the same.
    pub(crate) fn rotated(&self, response: &TokenResponse) -> Option<Self> {
        let next = response.refresh_token.as_deref().map(CompactToken::pack);
        let rotated = next.filter(|next| self.refresh_token.as_ref() != Some(next))?;
        Some(Self {
            refresh_token: Some(rotated),
            ..self.clone()
        })
    }

    /// A hash of the tokens that a refresh replaces, apart from the ID token, which is not used to get anything.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let replaced = (
            &self.access_token,
            self.access_validity,
            &self.refresh_token,
        );
        let bytes = postcard::to_allocvec(&replaced).unwrap_or_default();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        hash
    }

    /// The number of seconds until the access token expires. `None` when that is unknown.
    pub(crate) fn expires_in(&self, now: u64) -> Option<u64> {
        let (_, expires_at) = self.told_validity()?;
        Some(expires_at.saturating_sub(now))
    }

    /// When the access token was issued, and when it expires, if the provider said so.
    fn told_validity(&self) -> Option<(u64, u64)> {
        self.access_validity.filter(|(_, at)| *at != UNTOLD)
    }

    /// Whether another access token is worth requesting if an API has rejected this one.
    pub(crate) fn are_replaceable(&self, now: u64) -> bool {
        let issued_at = self.access_validity.map(|(issued_at, _)| issued_at);
        issued_at.is_none_or(|issued_at| is_replaceable(issued_at, now))
    }

    /// Whether the access token has not expired, as far as is known.
    pub(crate) fn are_good(&self, now: u64) -> bool {
        self.expires_in(now) != Some(0)
    }

    /// Whether the access token should be refreshed before it is used. That is due a minute before it expires, or a tenth
    /// of its lifetime if that is less; `chance` takes up to a quarter off. Never due if the lifetime is unknown.
    pub(super) fn refresh_due(&self, now: u64, chance: u8) -> bool {
        self.told_validity().is_some_and(|(issued_at, expires_at)| {
            let margin = (expires_at.saturating_sub(issued_at) / 10).min(60);
            let margin = margin - margin * u64::from(chance) / 1_024;
            now.saturating_add(margin) >= expires_at
        })
    }
}

/// When an access token that has just been issued was, and when it expires.
fn validity(response: &TokenResponse, now: u64) -> Option<(u64, u64)> {
    let told = |lifetime| now.saturating_add(lifetime).min(UNTOLD - 1);
    Some((now, response.expires_in.map_or(UNTOLD, told)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires_in: Option<u64>) -> Tokens {
        Tokens::plain(&TokenResponse::example("one", expires_in), "read", 1_000)
    }

    #[test]
    fn a_lifetime_that_nobody_told_has_no_end() {
        let untold = tokens(None);
        for now in [1_000, 2_000, u64::MAX] {
            assert_eq!(untold.expires_in(now), None, "{now}");
            assert!(untold.are_good(now) && !untold.refresh_due(now, 0), "{now}");
        }
        assert_eq!(tokens(Some(300)).expires_in(1_100), Some(200));
    }

    #[test]
    fn an_access_token_that_was_just_issued_is_not_worth_replacing() {
        for expires_in in [None, Some(300)] {
            let issued = tokens(expires_in);
            assert!(!issued.are_replaceable(1_029));
            assert!(issued.are_replaceable(1_030));
        }
        let of_unknown_age = Tokens {
            access_validity: None,
            ..tokens(None)
        };
        assert!(of_unknown_age.are_replaceable(1_000));
    }
}
