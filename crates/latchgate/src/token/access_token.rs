//! JWT access tokens as a source of roles and permissions.
//!
//! An access token is meant for an API, and opaque to the client it is issued to
//! ([RFC 6749 §1.4](https://www.rfc-editor.org/rfc/rfc6749#section-1.4)). Some providers put roles
//! nowhere else, and document what their tokens look like
//! ([RFC 9068 §2](https://www.rfc-editor.org/rfc/rfc9068#section-2) does where they follow it). For these
//! providers the presets verify the token here and read roles and permissions from it, but never who
//! somebody is.

use serde_json::{Map, Value};

use super::jwt::{JwtError, Rules, audience};
use crate::jose::Algorithm;
use crate::provider::AccessTokens;

/// Why an access token was not read. This does not affect its use at the API it is for.
#[derive(PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessTokenError {
    /// Signature, `typ`, `iss`, `exp`, `iat` or `nbf`.
    #[error("the access token cannot be verified with the provider's keys")]
    Jwt(#[source] JwtError),
    /// Its claims say that it is a different kind of token, such as an ID token.
    #[error("the access token's `typ` claim belongs to a different kind of token")]
    Kind,
    /// It was not issued to this client.
    #[error("the access token was issued to another client, or does not name one")]
    Client,
    /// It is about somebody else.
    #[error("the access token's `sub` differs from the ID token's")]
    Subject,
    /// It is for another API than ours.
    #[error("the access token is for another API")]
    Audience,
}

impl AccessTokenError {
    /// Whether newer keys from the provider could change the result.
    pub(crate) fn lacks_a_key(&self) -> bool {
        matches!(self, Self::Jwt(error) if error.lacks_a_key())
    }
}

debug_with_causes!(AccessTokenError);

/// Verifies an access token that came with the session of `subject`. It is signed with the ID token's
/// algorithm, or with RS256 if that algorithm uses the client secret.
pub(crate) fn read(
    rules: &Rules<'_>,
    raw: &str,
    shape: AccessTokens,
    subject: &str,
) -> Result<Map<String, Value>, AccessTokenError> {
    let alg = match rules.registration.id_token_alg {
        alg if alg.is_symmetric() => Algorithm::Rs256,
        alg => alg,
    };
    let claims = rules
        .verify_issuer(raw, alg, is_access_token_type)
        .and_then(|claims| rules.verify_times(&claims).map(|()| claims))
        .map_err(AccessTokenError::Jwt)?;
    let says = |name: &str| claims.get(name).and_then(Value::as_str);
    if shape.kind.is_some_and(|kind| says("typ") != Some(kind)) {
        return Err(AccessTokenError::Kind);
    }
    let client_id = rules.registration.client_id.as_str();
    if says(shape.client) != Some(client_id) {
        return Err(AccessTokenError::Client);
    }
    if shape.same_subject && says("sub").is_some_and(|sub| sub != subject) {
        return Err(AccessTokenError::Subject);
    }
    let ours = |one: &String| one.strip_prefix("api://").unwrap_or(one) == client_id;
    if shape.for_our_api && !audience(&claims).iter().any(ours) {
        return Err(AccessTokenError::Audience);
    }
    Ok(claims)
}

/// `at+jwt` from providers that follow RFC 9068 §2.1, `JWT` from older ones.
fn is_access_token_type(typ: &str) -> bool {
    ["at+jwt", "application/at+jwt", "jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Registration;
    use crate::jose::{KeySet, Signer};
    use crate::provider::ProviderPreset;
    use serde_json::json;

    const NOW: u64 = 1_000;

    /// What comes of the access token with these claims, and this header, under a preset.
    fn read_as(
        preset: ProviderPreset,
        header: &Value,
        claims: &Value,
    ) -> Result<Map<String, Value>, AccessTokenError> {
        let signer = Signer::new(Algorithm::Rs256);
        let mut all =
            json!({ "iss": "https://op.example", "sub": "jane", "iat": NOW, "exp": NOW + 60 });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let mut head = json!({ "alg": "RS256", "kid": "k" });
        for (name, value) in header.as_object().unwrap() {
            head[name] = value.clone();
        }
        let keys = json!({ "keys": [signer.jwk_named("k")] }).to_string();
        let rules = Rules {
            registration: &Registration::example(),
            keys: &KeySet::parse(keys.as_bytes()).unwrap(),
            now: NOW,
            leeway: 30,
        };
        let raw = signer.token(Algorithm::Rs256, &head.to_string(), &all.to_string());
        read(&rules, &raw, preset.access_tokens().unwrap(), "jane")
    }

    #[test]
    fn each_provider_says_in_its_own_way_whose_token_it_is() {
        let keycloak = json!({ "typ": "Bearer", "azp": "my-app", "aud": "account" });
        let auth0 = json!({ "azp": "my-app", "aud": ["https://api.example", "https://op.example/userinfo"] });
        let entra_id = json!({ "azp": "my-app", "sub": "pairwise", "aud": "my-app" });
        let okta = json!({ "cid": "my-app", "sub": "jane@example.com", "aud": "api://default" });
        for (preset, header, claims) in [
            (ProviderPreset::Keycloak, json!({ "typ": "JWT" }), &keycloak),
            (
                ProviderPreset::Keycloak,
                json!({ "typ": "at+jwt" }),
                &keycloak,
            ),
            (ProviderPreset::Auth0, json!({ "typ": "JWT" }), &auth0),
            (ProviderPreset::Auth0, json!({ "typ": "at+jwt" }), &auth0),
            (ProviderPreset::EntraId, json!({ "typ": "JWT" }), &entra_id),
            (
                ProviderPreset::EntraId,
                json!({}),
                &json!({ "azp": "my-app", "aud": "api://my-app" }),
            ),
            (ProviderPreset::Okta, json!({}), &okta),
        ] {
            assert!(
                read_as(preset, &header, claims).is_ok(),
                "{preset:?} {claims}"
            );
        }
        assert!(ProviderPreset::Plain.access_tokens().is_none());
        for (preset, claims, why) in [
            (
                ProviderPreset::Keycloak,
                json!({ "typ": "ID", "azp": "my-app" }),
                AccessTokenError::Kind,
            ),
            (
                ProviderPreset::Keycloak,
                json!({ "azp": "my-app" }),
                AccessTokenError::Kind,
            ),
            (
                ProviderPreset::Keycloak,
                json!({ "typ": "Bearer", "azp": "other", "aud": "my-app" }),
                AccessTokenError::Client,
            ),
            (
                ProviderPreset::Keycloak,
                json!({ "typ": "Bearer", "azp": "my-app", "sub": "bob" }),
                AccessTokenError::Subject,
            ),
            (
                ProviderPreset::Auth0,
                json!({ "azp": ["my-app"] }),
                AccessTokenError::Client,
            ),
            (
                ProviderPreset::Auth0,
                json!({ "azp": "my-app", "sub": "bob" }),
                AccessTokenError::Subject,
            ),
            (
                ProviderPreset::EntraId,
                json!({ "azp": "my-app", "aud": "00000003-0000-0000-c000-000000000000" }),
                AccessTokenError::Audience,
            ),
            (
                ProviderPreset::EntraId,
                json!({ "aud": "my-app" }),
                AccessTokenError::Client,
            ),
            (
                ProviderPreset::Okta,
                json!({ "azp": "my-app" }),
                AccessTokenError::Client,
            ),
        ] {
            assert_eq!(
                read_as(preset, &json!({}), &claims),
                Err(why),
                "{preset:?} {claims}"
            );
        }
    }

    #[test]
    fn only_a_token_that_the_provider_vouches_for_now_is_read() {
        let with = |header: Value, change: Value| {
            let mut claims = json!({ "typ": "Bearer", "azp": "my-app" });
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            read_as(ProviderPreset::Keycloak, &header, &claims).map(drop)
        };
        assert_eq!(with(json!({}), json!({})), Ok(()));
        for (header, change, why) in [
            (json!({ "typ": "logout+jwt" }), json!({}), JwtError::Type),
            (
                json!({}),
                json!({ "iss": "https://op.example/" }),
                JwtError::Issuer,
            ),
            (json!({}), json!({ "iss": null }), JwtError::Issuer),
            (json!({}), json!({ "exp": NOW - 30 }), JwtError::Expired),
            (json!({}), json!({ "exp": null }), JwtError::Expired),
            (json!({}), json!({ "iat": NOW + 31 }), JwtError::IssuedAt),
            (json!({}), json!({ "nbf": NOW + 31 }), JwtError::NotBefore),
        ] {
            assert_eq!(with(header, change), Err(AccessTokenError::Jwt(why)));
        }
        let unknown = with(json!({ "kid": "another" }), json!({})).unwrap_err();
        assert!(unknown.lacks_a_key(), "{unknown}");
        let opaque = read_as(
            ProviderPreset::Keycloak,
            &json!({ "alg": "ES256" }),
            &json!({}),
        );
        assert!(!opaque.unwrap_err().lacks_a_key());
    }
}
