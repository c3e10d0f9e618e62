//! A session such as logins at a provider usually begin, for its size alone.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, json};

use super::compact::CompactToken;
use super::session::{Session, SessionStart};
use super::tokens::Tokens;
use crate::client::{Registration, UserinfoPolicy};
use crate::provider::ProviderPreset;

/// How long the tokens of a provider usually are, in bytes as they arrive.
struct Lengths {
    id_token: usize,
    access_token: AccessTokenLength,
    refresh_token: usize,
}

enum AccessTokenLength {
    Jwt(usize),
    Opaque(usize),
}

/// What userinfo usually adds to the claims, in bytes.
const USERINFO: usize = 600;

impl Lengths {
    /// Those that were seen with the usual scopes and a handful of roles.
    fn of(preset: ProviderPreset) -> Self {
        use AccessTokenLength::{Jwt, Opaque};
        let (id_token, access_token, refresh_token) = match preset {
            ProviderPreset::EntraId => (1_600, Jwt(2_400), 1_500),
            ProviderPreset::Keycloak => (1_200, Jwt(1_700), 800),
            ProviderPreset::Google => (1_200, Opaque(220), 110),
            ProviderPreset::GitLab => (900, Opaque(64), 64),
            ProviderPreset::Apple => (850, Opaque(64), 64),
            ProviderPreset::GitHub | ProviderPreset::Discord => (0, Opaque(40), 40),
            _ => (1_100, Jwt(1_100), 90),
        };
        Self {
            id_token,
            access_token,
            refresh_token,
        }
    }
}

impl Session {
    /// A session of about the size that a login with this registration begins.
    pub(crate) fn sample(registration: &Registration, start: SessionStart) -> Self {
        let lengths = Lengths::of(registration.claim_paths.preset);
        let offline = registration
            .scopes
            .iter()
            .any(|scope| scope == "offline_access");
        let is_refreshed = offline || registration.claim_paths.preset == ProviderPreset::Keycloak;
        let tokens = Tokens {
            id_token: CompactToken::pack(&match registration.plain_oauth2 {
                Some(_) => String::new(),
                None => jwt(lengths.id_token),
            }),
            access_token: CompactToken::pack(&match lengths.access_token {
                AccessTokenLength::Jwt(length) => jwt(length),
                AccessTokenLength::Opaque(length) => "x".repeat(length),
            }),
            access_validity: Some((start.at, start.at.saturating_add(3_600))),
            refresh_token: is_refreshed
                .then(|| CompactToken::pack(&"x".repeat(lengths.refresh_token))),
            scope: registration.scopes.join(" ").into(),
        };
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!("auth0|0123456789abcdef01234567"));
        let is_described =
            registration.userinfo == UserinfoPolicy::Always || registration.plain_oauth2.is_some();
        if is_described {
            claims.insert("profile".to_owned(), json!("x".repeat(USERINFO)));
        }
        Self::begin_plain(registration, tokens, &claims, start)
    }
}

/// A JWT of this length, signed with an RSA key of 2048 bits.
fn jwt(length: usize) -> String {
    const SIGNATURE: usize = 256;
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "x".repeat(27) }).to_string();
    let payload = length * 3 / 4;
    let payload = "x".repeat(payload.saturating_sub(header.len() + SIGNATURE));
    let parts = [header.as_bytes(), payload.as_bytes(), &[b'x'; SIGNATURE]];
    parts
        .map(|part| URL_SAFE_NO_PAD.encode_to_string(part))
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ClaimPaths;
    use crate::session::Lifetimes;
    use std::sync::Arc;

    #[test]
    fn tokens_are_as_long_as_they_are_said_to_be() {
        for length in [900, 1_600, 2_400] {
            let found = jwt(length).len();
            assert!(found.abs_diff(length) < 8, "{found} instead of {length}");
        }
    }

    #[test]
    fn an_entra_session_is_longer_than_another() {
        let start = || SessionStart {
            id: [1; 16],
            at: 1_000,
            lifetimes: Lifetimes::default(),
        };
        let bytes = |preset| {
            let registration = Registration {
                claim_paths: Arc::new(ClaimPaths::of(preset)),
                scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
                ..Registration::example()
            };
            Session::sample(&registration, start())
                .encode()
                .unwrap()
                .len()
        };
        let (plain, entra) = (bytes(ProviderPreset::Plain), bytes(ProviderPreset::EntraId));
        assert!((1_500..2_500).contains(&plain), "{plain}");
        assert!((4_000..5_500).contains(&entra), "{entra}");
    }
}
