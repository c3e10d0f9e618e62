//! The requirements for every JWT from the provider, whatever it is for: signed by it
//! ([RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2)), of the right kind
//! ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)), and in its time
//! ([RFC 7519 §4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::client::Registration;
use crate::jose::{Algorithm, Encryption, JweError, Jws, JwsError, Key, KeySet};

/// Why a JWT from the provider was refused. The caller's error says which one it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Structure or signature.
    #[error("its signature cannot be verified")]
    Jws(#[source] JwsError),
    /// It is encrypted in another way than agreed upon, or not at all.
    #[error("it cannot be decrypted")]
    Jwe(#[source] JweError),
    /// `typ` names a different kind of JWT.
    #[error("its `typ` belongs to a different kind of token")]
    Type,
    /// `iss` is not the configured issuer.
    #[error("its `iss` is not the configured issuer")]
    Issuer,
    /// `aud` does not contain the client id, or contains an untrusted audience.
    #[error(
        "its `aud` does not contain this client's id, or names an audience that is not in `trusted_audiences`"
    )]
    Audience,
    /// `exp` is missing or in the past.
    #[error("its `exp` is missing or in the past; check both clocks")]
    Expired,
    /// `iat` is missing or in the future.
    #[error("its `iat` is missing or in the future; check both clocks")]
    IssuedAt,
    /// `nbf` is in the future.
    #[error("its `nbf` is in the future")]
    NotBefore,
}

impl JwtError {
    /// Whether newer keys from the provider could change the result.
    pub(crate) fn lacks_a_key(&self) -> bool {
        matches!(self, Self::Jws(jws) if jws.is_unknown_key())
    }
}

/// What a JWT is checked against.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) registration: &'a Registration,
    pub(crate) keys: &'a KeySet,
    pub(crate) now: u64,
    /// How far the provider's clock may be off, in seconds.
    pub(crate) leeway: u64,
}

impl Rules<'_> {
    /// The signed token inside an encrypted one. Where encryption was agreed upon, a token that is only signed is refused;
    /// where it was not, an encrypted one is, when it is parsed.
    pub(crate) fn decrypted<'t>(
        raw: &'t str,
        encryption: Option<&Encryption>,
    ) -> Result<Cow<'t, str>, JwtError> {
        match encryption {
            None => Ok(Cow::Borrowed(raw)),
            Some(encryption) => encryption
                .decrypt(raw)
                .map(Cow::Owned)
                .map_err(JwtError::Jwe),
        }
    }

    /// Checks issuer and audience, for every token that is meant for us. `is_type` judges the `typ` header,
    /// if there is one.
    pub(crate) fn verify_origin(
        &self,
        raw: &str,
        is_type: impl Fn(&str) -> bool,
    ) -> Result<Map<String, Value>, JwtError> {
        self.verify_origin_by(raw, self.registration.id_token_alg, is_type)
    }

    /// The same, of a token with this signature algorithm.
    pub(crate) fn verify_origin_by(
        &self,
        raw: &str,
        alg: Algorithm,
        is_type: impl Fn(&str) -> bool,
    ) -> Result<Map<String, Value>, JwtError> {
        let claims = self.verify_issuer(raw, alg, is_type)?;
        self.verify_audience(&claims)?;
        Ok(claims)
    }

    /// Checks the issuer, whoever the token is for.
    pub(super) fn verify_issuer(
        &self,
        raw: &str,
        alg: Algorithm,
        is_type: impl Fn(&str) -> bool,
    ) -> Result<Map<String, Value>, JwtError> {
        // Refuses a token that is still encrypted, or not signed.
        let jws = Jws::parse(raw).map_err(JwtError::Jws)?;
        // Before any claim is read.
        self.verify_signature(&jws, alg)?;
        if jws.typ().is_some_and(|typ| !is_type(typ)) {
            return Err(JwtError::Type);
        }
        let claims = jws.claims().map_err(JwtError::Jws)?;
        let text = |name| claims.get(name).and_then(Value::as_str);
        let issuer = &self.registration.issuer;
        if !text("iss").is_some_and(|iss| issuer.issued(iss, text("tid"))) {
            return Err(JwtError::Issuer);
        }
        Ok(claims)
    }

    /// Whether a token is for us, and otherwise only for trusted audiences.
    fn verify_audience(&self, claims: &Map<String, Value>) -> Result<(), JwtError> {
        let audience = audience(claims);
        let client_id = self.registration.client_id.as_str();
        let trusted =
            |one: &String| one == client_id || self.registration.trusted_audiences.contains(one);
        if !audience.iter().any(|one| one == client_id) || !audience.iter().all(trusted) {
            return Err(JwtError::Audience);
        }
        Ok(())
    }

    /// Checks the times of a token.
    pub(crate) fn verify_times(&self, claims: &Map<String, Value>) -> Result<(), JwtError> {
        self.verify_expiry(number(claims, "exp"))?;
        let latest = self.now.saturating_add(self.leeway);
        if number(claims, "iat").is_none_or(|iat| iat > latest) {
            return Err(JwtError::IssuedAt);
        }
        if claims.contains_key("nbf") && number(claims, "nbf").is_none_or(|nbf| nbf > latest) {
            return Err(JwtError::NotBefore);
        }
        Ok(())
    }

    /// Whether a token with this `exp` is still valid. Without an `exp` it is not.
    pub(crate) fn verify_expiry(&self, exp: Option<u64>) -> Result<(), JwtError> {
        if exp.is_none_or(|exp| self.now >= exp.saturating_add(self.leeway)) {
            return Err(JwtError::Expired);
        }
        Ok(())
    }

    fn verify_signature(&self, jws: &Jws<'_>, alg: Algorithm) -> Result<(), JwtError> {
        let verified = if alg.is_symmetric() {
            let secret = self
                .registration
                .auth
                .secret()
                .map(|secret| secret.expose());
            let key = Key::from_client_secret(secret.unwrap_or_default());
            debug_assert!(
                self.registration.auth.secret().is_some(),
                "refused by the builder"
            );
            jws.verify_with(alg, &key)
        } else {
            jws.verify(alg, self.keys).map(|_| ())
        };
        verified.map_err(JwtError::Jws)
    }
}

/// The `iss` of a JWT that nobody has verified: it says who is to verify it, and nothing else.
pub(crate) fn unverified_issuer(raw: &str) -> Option<String> {
    let claims = Jws::parse(raw).ok()?.claims().ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// `aud` as a list; empty if it is missing or contains anything but strings.
pub(crate) fn audience(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// A NumericDate (RFC 7519 §2): a number, fractions cut off.
pub(crate) fn number(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    let value = claims.get(name)?;
    value.as_u64().or_else(|| {
        let seconds = value.as_f64()?;
        (0.0..1e15).contains(&seconds).then_some(seconds as u64)
    })
}
