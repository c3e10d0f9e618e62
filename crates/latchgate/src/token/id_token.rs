//! ID token validation: [OpenID Connect Core 1.0 §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation),
//! step by step; §3.1.3.8 for `at_hash`; §12.2 for refreshed ID tokens.
//!
//! `openidconnect`'s own verifier is not used here: it leaves steps 4 and 5 (`azp`) and §3.1.3.8 to
//! the caller, and fails a login over a harmless claim of an unexpected type.

use std::fmt;

use serde_json::{Map, Value};

use crate::authorization::Expected;
use crate::client::{ClientAuth, Registration};
use crate::jose::{Algorithm, Jws, JwsError, Key, KeySet, left_half_hash};

/// A verified ID token. Made by [`verify`] and [`verify_refreshed`] only.
pub(crate) struct IdToken {
    pub(crate) raw: String,
    pub(crate) subject: String,
    /// The session at the provider, needed for back-channel logout.
    pub(crate) sid: Option<String>,
    pub(crate) auth_time: Option<u64>,
    pub(crate) expires_at: u64,
    /// Until when the provider lets the session last at most.
    pub(crate) session_expiry: Option<u64>,
    audience: Vec<String>,
    authorized_party: Option<String>,
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(redacted)")
    }
}

/// Why an ID token was refused, one variant for each check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdTokenError {
    /// No ID token in the answer to an OpenID Connect login.
    Missing,
    /// Structure or signature (steps 1, 6 and 7).
    Jws(JwsError),
    /// `typ` names another kind of JWT (RFC 8725 §3.11).
    Type,
    /// `iss` is not the configured issuer (step 2).
    Issuer,
    /// `aud` does not contain our client id, or contains one nobody trusts (step 3).
    Audience,
    /// Several audiences without `azp`, or an `azp` that is not our client id (steps 4 and 5).
    AuthorizedParty,
    /// Signed with the client secret for several audiences (step 8).
    SharedSecretAudience,
    /// `exp` is missing or past (step 9).
    Expired,
    /// `iat` is missing or in the future (step 10).
    IssuedAt,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    NotBefore,
    /// `nonce` is missing or another login's (step 11).
    Nonce,
    /// `auth_time` is missing or too long ago for the requested `max_age` (step 13).
    AuthTime,
    /// `sub` is missing, empty, or longer than 255 characters (§2).
    Subject,
    /// `at_hash` does not match the access token (§3.1.3.8).
    AccessTokenHash,
    /// The refreshed ID token differs from the session's in the named claim (§12.2).
    Refreshed(&'static str),
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "the token response has no `id_token`; is `openid` in the scope and is this an OpenID Provider?",
            ),
            Self::Jws(_) => f.write_str("the ID token cannot be accepted"),
            Self::Type => f.write_str("the ID token's `typ` is another kind of token's"),
            Self::Issuer => f.write_str("the ID token's `iss` is not the configured issuer"),
            Self::Audience => {
                f.write_str("the ID token's `aud` lacks this client's id, or names an audience that is not in `trusted_audiences`")
            }
            Self::AuthorizedParty => f.write_str("the ID token's `azp` is missing or not this client"),
            Self::SharedSecretAudience => {
                f.write_str("an ID token signed with the client secret has several audiences")
            }
            Self::Expired => f.write_str("the ID token's `exp` is missing or past; check both clocks"),
            Self::IssuedAt => {
                f.write_str("the ID token's `iat` is missing or in the future; check both clocks")
            }
            Self::NotBefore => f.write_str("the ID token's `nbf` is in the future"),
            Self::Nonce => f.write_str("the ID token's `nonce` is not this login's"),
            Self::AuthTime => {
                f.write_str("the ID token's `auth_time` is missing or longer ago than `max_age` allows")
            }
            Self::Subject => f.write_str("the ID token's `sub` is missing, empty or too long"),
            Self::AccessTokenHash => f.write_str("the ID token's `at_hash` is not the access token's"),
            Self::Refreshed(claim) => {
                write!(f, "the refreshed ID token's `{claim}` differs from the session's")
            }
        }
    }
}

impl std::error::Error for IdTokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Jws(source) => Some(source),
            _ => None,
        }
    }
}

/// What an ID token is checked against.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) registration: &'a Registration,
    pub(crate) keys: &'a KeySet,
    pub(crate) now: u64,
    /// How far the provider's clock may be off, in seconds.
    pub(crate) leeway: u64,
}

/// Verifies the ID token of a login.
pub(crate) fn verify(
    rules: &Rules<'_>,
    raw: Option<&str>,
    access_token: &str,
    expected: &Expected,
) -> Result<IdToken, IdTokenError> {
    let raw = raw.ok_or(IdTokenError::Missing)?;
    let claims = rules.verify_common(raw, access_token)?;

    // Step 11.
    match claims.get("nonce").and_then(Value::as_str) {
        Some(nonce) if expected.nonce.equals(nonce) => {}
        _ => return Err(IdTokenError::Nonce),
    }
    // Step 13.
    if let Some(max_age) = expected.max_age {
        let latest = rules.now.saturating_add(rules.leeway);
        let earliest = rules
            .now
            .saturating_sub(max_age.saturating_add(rules.leeway));
        let fresh = number(&claims, "auth_time")
            .is_some_and(|auth_time| (earliest..=latest).contains(&auth_time));
        if !fresh {
            return Err(IdTokenError::AuthTime);
        }
    }
    IdToken::new(raw, &claims)
}

/// Verifies the ID token of a refresh against the session's current one (§12.2).
pub(crate) fn verify_refreshed(
    rules: &Rules<'_>,
    raw: &str,
    access_token: &str,
    subject: &str,
    session_claims: &Map<String, Value>,
) -> Result<IdToken, IdTokenError> {
    let claims = rules.verify_common(raw, access_token)?;
    let fresh = IdToken::new(raw, &claims)?;
    if fresh.subject != subject {
        return Err(IdTokenError::Refreshed("sub"));
    }
    if !audience(session_claims)
        .iter()
        .all(|known| fresh.audience.contains(known))
    {
        return Err(IdTokenError::Refreshed("aud"));
    }
    if fresh.authorized_party.as_deref() != session_claims.get("azp").and_then(Value::as_str) {
        return Err(IdTokenError::Refreshed("azp"));
    }
    if fresh
        .auth_time
        .is_some_and(|time| number(session_claims, "auth_time").is_some_and(|known| known != time))
    {
        return Err(IdTokenError::Refreshed("auth_time"));
    }
    let nonce = claims.get("nonce").filter(|nonce| !nonce.is_null());
    if nonce.is_some() && nonce != session_claims.get("nonce") {
        return Err(IdTokenError::Refreshed("nonce"));
    }
    Ok(fresh)
}

impl Rules<'_> {
    /// The steps that a login and a refresh share.
    fn verify_common(
        &self,
        raw: &str,
        access_token: &str,
    ) -> Result<Map<String, Value>, IdTokenError> {
        let claims = self.verify_origin(raw, |typ| typ.eq_ignore_ascii_case("jwt"))?;
        let alg = self.registration.id_token_alg;
        let audience = audience(&claims);
        // Steps 4 and 5.
        match claims.get("azp") {
            None | Some(Value::Null) if audience.len() == 1 => {}
            Some(Value::String(party)) if *party == self.registration.client_id => {}
            _ => return Err(IdTokenError::AuthorizedParty),
        }
        // Step 8, second half.
        if alg.is_symmetric() && audience.len() > 1 {
            return Err(IdTokenError::SharedSecretAudience);
        }
        self.verify_times(&claims)?;
        // §3.1.3.8.
        match claims.get("at_hash") {
            None | Some(Value::Null) => {}
            Some(Value::String(hash)) if *hash == left_half_hash(alg, access_token) => {}
            Some(_) => return Err(IdTokenError::AccessTokenHash),
        }
        Ok(claims)
    }

    /// Who made a token of the provider's, and for whom: the steps that hold for logout tokens too.
    /// `is_type` judges a `typ` header, if there is one.
    pub(crate) fn verify_origin(
        &self,
        raw: &str,
        is_type: impl Fn(&str) -> bool,
    ) -> Result<Map<String, Value>, IdTokenError> {
        // Step 1: an encrypted token was not negotiated; `Jws::parse` refuses one.
        let jws = Jws::parse(raw).map_err(IdTokenError::Jws)?;
        // Steps 6 to 8, before any claim is looked at.
        self.verify_signature(&jws, self.registration.id_token_alg)?;
        if jws.typ().is_some_and(|typ| !is_type(typ)) {
            return Err(IdTokenError::Type);
        }
        let claims = jws.claims().map_err(IdTokenError::Jws)?;
        // Step 2.
        if claims.get("iss").and_then(Value::as_str) != Some(self.registration.issuer.as_str()) {
            return Err(IdTokenError::Issuer);
        }
        // Step 3.
        let audience = audience(&claims);
        let client_id = self.registration.client_id.as_str();
        let trusted =
            |one: &String| one == client_id || self.registration.trusted_audiences.contains(one);
        if !audience.iter().any(|one| one == client_id) || !audience.iter().all(trusted) {
            return Err(IdTokenError::Audience);
        }
        Ok(claims)
    }

    /// When a token of the provider's holds.
    pub(crate) fn verify_times(&self, claims: &Map<String, Value>) -> Result<(), IdTokenError> {
        // Step 9.
        if number(claims, "exp").is_none_or(|exp| self.now >= exp.saturating_add(self.leeway)) {
            return Err(IdTokenError::Expired);
        }
        // Step 10.
        let latest = self.now.saturating_add(self.leeway);
        if number(claims, "iat").is_none_or(|iat| iat > latest) {
            return Err(IdTokenError::IssuedAt);
        }
        if claims.contains_key("nbf") && number(claims, "nbf").is_none_or(|nbf| nbf > latest) {
            return Err(IdTokenError::NotBefore);
        }
        Ok(())
    }

    fn verify_signature(&self, jws: &Jws<'_>, alg: Algorithm) -> Result<(), IdTokenError> {
        let verified = if alg.is_symmetric() {
            let secret = self
                .registration
                .auth
                .secret()
                .map(|secret| secret.expose());
            let key = Key::from_client_secret(secret.unwrap_or_default());
            debug_assert!(
                self.registration.auth != ClientAuth::None,
                "refused by the builder"
            );
            jws.verify_with(alg, &key)
        } else {
            jws.verify(alg, self.keys).map(|_| ())
        };
        verified.map_err(IdTokenError::Jws)
    }
}

impl IdToken {
    fn new(raw: &str, claims: &Map<String, Value>) -> Result<Self, IdTokenError> {
        let text = |name| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= 255);
        Ok(Self {
            raw: raw.to_owned(),
            subject: subject.ok_or(IdTokenError::Subject)?,
            sid: text("sid"),
            auth_time: number(claims, "auth_time"),
            expires_at: number(claims, "exp").unwrap_or_default(),
            session_expiry: session_expiry(claims),
            audience: audience(claims),
            authorized_party: text("azp"),
        })
    }
}

/// `aud` as a list; empty when it is missing or holds anything but strings.
fn audience(claims: &Map<String, Value>) -> Vec<String> {
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

/// `session_expiry`, if it is a number. One that is out of range is past, or as good as never.
fn session_expiry(claims: &Map<String, Value>) -> Option<u64> {
    let seconds = claims.get("session_expiry")?.as_f64()?;
    Some(seconds as u64)
}

/// A NumericDate (RFC 7519 §2): a number, fractions cut off.
pub(crate) fn number(claims: &Map<String, Value>, name: &str) -> Option<u64> {
    let value = claims.get(name)?;
    value.as_u64().or_else(|| {
        let seconds = value.as_f64()?;
        (0.0..1e15).contains(&seconds).then_some(seconds as u64)
    })
}

#[cfg(test)]
impl IdToken {
    /// An ID token with these claims, for tests of what comes after its verification.
    pub(crate) fn example(claims: &Value) -> Self {
        let text = |json: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(json.as_bytes());
        let raw = format!(
            "{}.{}.AAAA",
            text("{\"alg\":\"RS256\"}"),
            text(&claims.to_string())
        );
        Self::new(&raw, claims.as_object().unwrap()).unwrap()
    }
}

#[cfg(test)]
mod tests;
