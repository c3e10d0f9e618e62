//! Client assertions: `private_key_jwt` and `client_secret_jwt` ([RFC 7523
//! §3](https://www.rfc-editor.org/rfc/rfc7523#section-3), [OpenID Connect Core
//! §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::client::{Client, TokenEndpointAuthMethod};
use crate::journal::Endpoint;
use crate::provider::Provider;
use crate::token_error::TokenError;

/// The one accepted `client_assertion_type`.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What assertions may be signed with.
pub(crate) const ASSERTION_ALGORITHMS: [&str; 12] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256",
    "HS384", "HS512",
];

/// How long an assertion may be valid, in seconds.
const LONGEST: u64 = 300;
/// How far the client's clock may be ahead, in seconds.
const LEEWAY: u64 = 10;

/// The claims of an assertion. `aud` is one string: a list would let another of its members use the assertion.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    exp: u64,
    iat: Option<u64>,
}

/// The method that an assertion stands for, by who could have signed it.
pub(crate) fn method_of(assertion: &str) -> Result<TokenEndpointAuthMethod, TokenError> {
    let header = jsonwebtoken::decode_header(assertion);
    let header = header.map_err(|_| TokenError::InvalidClient("the assertion is not a JWT"))?;
    Ok(match header.alg {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            TokenEndpointAuthMethod::ClientSecretJwt
        }
        _ => TokenEndpointAuthMethod::PrivateKeyJwt,
    })
}

/// The client that an assertion is about, as far as it says so itself.
pub(crate) fn subject_of(assertion: &str) -> Option<String> {
    jsonwebtoken::dangerous::insecure_decode::<Claims>(assertion)
        .ok()
        .map(|token| token.claims.sub)
}

impl Provider {
    /// Checks an assertion, which may be used once.
    pub(crate) fn check_assertion(
        &self,
        client: &Client,
        assertion: &str,
    ) -> Result<(), TokenError> {
        let claims = verified(client, assertion).ok_or(TokenError::InvalidClient(
            "the assertion is not signed with a key or secret of the client",
        ))?;
        if claims.iss != client.client_id || claims.sub != client.client_id {
            return Err(TokenError::InvalidClient(
                "the assertion's iss and sub must be the client_id",
            ));
        }
        let token_endpoint = format!("{}{}", self.origin, Endpoint::Token.path());
        if claims.aud != self.issuer && claims.aud != token_endpoint {
            return Err(TokenError::InvalidClient(
                "the assertion's aud must be the issuer or the token endpoint",
            ));
        }
        let now = self.now();
        if claims.exp <= now || claims.exp > now + LONGEST + LEEWAY {
            return Err(TokenError::InvalidClient(
                "the assertion has expired or is valid for too long",
            ));
        }
        if claims.iat.is_some_and(|iat| iat > now + LEEWAY) {
            return Err(TokenError::InvalidClient(
                "the assertion was issued in the future",
            ));
        }
        if !self
            .used_assertions
            .admit(&client.client_id, &claims.jti, claims.exp, now)
        {
            return Err(TokenError::InvalidClient("the assertion was used before"));
        }
        Ok(())
    }
}

/// The claims, if a key or the secret of the client has signed them. Their times are the caller's to check.
fn verified(client: &Client, assertion: &str) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(assertion).ok()?;
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let check = |key: &DecodingKey| {
        let token = jsonwebtoken::decode::<Claims>(assertion, key, &validation);
        token.ok().map(|token| token.claims)
    };
    if method_of(assertion).ok()? == TokenEndpointAuthMethod::ClientSecretJwt {
        let secret = client.client_secret.as_deref()?;
        return check(&DecodingKey::from_secret(secret.as_bytes()));
    }
    let keys: JwkSet = serde_json::from_str(client.jwks.as_deref()?).ok()?;
    keys.keys
        .iter()
        .filter(|jwk| header.kid.is_none() || jwk.common.key_id == header.kid)
        .filter_map(|jwk| DecodingKey::from_jwk(jwk).ok())
        .find_map(|key| check(&key))
}
