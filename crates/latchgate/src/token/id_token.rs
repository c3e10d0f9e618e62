//! ID token validation: [OpenID Connect Core 1.0 §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation),
//! step by step; §3.1.3.8 for `at_hash`; §12.2 for refreshed ID tokens.
//!
//! `openidconnect`'s own verifier is not used here: it leaves steps 4 and 5 (`azp`) and §3.1.3.8 to
//! the caller, and fails a login over a harmless claim of an unexpected type.

use serde_json::{Map, Value};

use super::jwt::{JwtError, Rules, audience, number};
use crate::authorization::Expected;
use crate::jose::{JweError, JwsError, left_half_hash};

/// A verified ID token. Only [`verify`] and [`verify_refreshed`] make one.
pub(crate) struct IdToken {
    /// The signed token, decrypted if it was encrypted, as a hint for the provider has to be (§3.1.2.1).
    pub(crate) raw: String,
    /// The configured issuer, or that of a tenant of it.
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The session at the provider, needed for back-channel logout.
    pub(crate) sid: Option<String>,
    pub(crate) auth_time: Option<u64>,
    pub(crate) expires_at: u64,
    /// The time to which the provider limits the session.
    pub(crate) session_expiry: Option<u64>,
    pub(crate) claims: Map<String, Value>,
}

debug_redacted!(IdToken);

/// Why an ID token was refused: one variant for each check.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// No ID token in the answer to an OpenID Connect login.
    #[error(
        "the token response has no `id_token`; is `openid` in the scope and is this an OpenID Provider?"
    )]
    Missing,
    /// Structure or signature (steps 1, 6 and 7).
    #[error("the ID token cannot be accepted")]
    Jws(#[source] JwsError),
    /// Encrypted in another way than agreed upon, or not at all (step 1).
    #[error("the ID token cannot be decrypted")]
    Jwe(#[source] JweError),
    /// `typ` names a different kind of JWT (RFC 8725 §3.11).
    #[error("the ID token's `typ` belongs to a different kind of token")]
    Type,
    /// `iss` is not the configured issuer (step 2).
    #[error("the ID token's `iss` is not the configured issuer")]
    Issuer,
    /// `aud` does not contain the client id, or contains an untrusted audience (step 3).
    #[error(
        "the ID token's `aud` does not contain this client's id, or names an audience that is not in `trusted_audiences`"
    )]
    Audience,
    /// Several audiences without `azp`, or an `azp` that is not our client id (steps 4 and 5).
    #[error("the ID token's `azp` is missing or not this client")]
    AuthorizedParty,
    /// Signed with the client secret for several audiences (step 8).
    #[error("an ID token signed with the client secret has several audiences")]
    SharedSecretAudience,
    /// `exp` is missing or in the past (step 9).
    #[error("the ID token's `exp` is missing or in the past; check both clocks")]
    Expired,
    /// `iat` is missing or in the future (step 10).
    #[error("the ID token's `iat` is missing or in the future; check both clocks")]
    IssuedAt,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    #[error("the ID token's `nbf` is in the future")]
    NotBefore,
    /// `nonce` is missing or belongs to another login (step 11).
    #[error("the ID token's `nonce` is not the one of this login")]
    Nonce,
    /// `acr` or `amr` is not what a guard requires (step 12).
    #[error(
        "the ID token lacks an `acr` or `amr` that a guard requires: does the provider support it, and may this client request it?"
    )]
    AuthenticationContext,
    /// `auth_time` is missing or too long ago for the requested `max_age` (step 13).
    #[error("the ID token's `auth_time` is missing or longer ago than `max_age` allows")]
    AuthTime,
    /// Somebody else has authenticated than the person who had to do so again.
    #[error("the ID token's `sub` is not the person who had to authenticate again")]
    AnotherPerson,
    /// `sub` is missing, empty, or longer than 255 characters (§2).
    #[error("the ID token's `sub` is missing, empty or too long")]
    Subject,
    /// `at_hash` does not match the access token (§3.1.3.8).
    #[error("the ID token's `at_hash` does not match the access token")]
    AccessTokenHash,
    /// The refreshed ID token differs from the session's in the named claim (§12.2).
    #[error("the refreshed ID token's `{0}` differs from the session's")]
    Refreshed(&'static str),
}

impl IdTokenError {
    /// Whether newer keys from the provider could change the result.
    pub(crate) fn lacks_a_key(&self) -> bool {
        matches!(self, Self::Jws(jws) if jws.is_unknown_key())
    }

    /// Whether an ID token that came with refreshed tokens shows that they do not belong to this session:
    /// it is another person's, another client's or another provider's, or forged. After any other error,
    /// such as in its time, only the ID token is dropped, which is optional in the answer (§12.2).
    pub(crate) fn disowns_the_session(&self) -> bool {
        match self {
            Self::Jws(jws) => !jws.is_unknown_key(),
            Self::Jwe(jwe) => *jwe == JweError::NotEncrypted,
            Self::Issuer | Self::Audience | Self::AuthorizedParty | Self::Subject => true,
            Self::SharedSecretAudience => true,
            Self::Refreshed(claim) => matches!(*claim, "sub" | "aud" | "azp"),
            _ => false,
        }
    }
}

impl From<JwtError> for IdTokenError {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Jws(error) => Self::Jws(error),
            JwtError::Jwe(error) => Self::Jwe(error),
            JwtError::Type => Self::Type,
            JwtError::Issuer => Self::Issuer,
            JwtError::Audience => Self::Audience,
            JwtError::Expired => Self::Expired,
            JwtError::IssuedAt => Self::IssuedAt,
            JwtError::NotBefore => Self::NotBefore,
        }
    }
}

debug_with_causes!(IdTokenError);

/// Verifies the ID token of a login.
pub(crate) fn verify(
    rules: &Rules<'_>,
    raw: Option<&str>,
    access_token: &str,
    expected: &Expected,
) -> Result<IdToken, IdTokenError> {
    let raw = raw.ok_or(IdTokenError::Missing)?;
    let raw = Rules::decrypted(raw, rules.registration.id_token_encryption.as_ref())?;
    let claims = rules.verify_common(&raw, access_token)?;

    // Step 11.
    match claims.get("nonce").and_then(Value::as_str) {
        Some(nonce) if expected.nonce.equals(nonce) => {}
        _ => return Err(IdTokenError::Nonce),
    }
    // Step 12.
    if let Some(step_up) = &expected.step_up {
        let acr = claims.get("acr").and_then(Value::as_str);
        let amr = claims.get("amr").and_then(Value::as_array);
        let amr: Vec<&str> = amr
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !step_up.is_met_by(acr, &amr) {
            return Err(IdTokenError::AuthenticationContext);
        }
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
    let id_token = IdToken::new(&raw, claims)?;
    let issuer = rules.registration.issuer.as_str();
    match &expected.step_up {
        Some(step_up) if !step_up.is_of(issuer, &id_token.subject) => {
            Err(IdTokenError::AnotherPerson)
        }
        _ => Ok(id_token),
    }
}

/// Verifies the ID token of a refresh against the session's current one (§12.2).
pub(crate) fn verify_refreshed(
    rules: &Rules<'_>,
    raw: &str,
    access_token: &str,
    subject: &str,
    session_claims: &Map<String, Value>,
) -> Result<IdToken, IdTokenError> {
    let raw = Rules::decrypted(raw, rules.registration.id_token_encryption.as_ref())?;
    let claims = rules.verify_common(&raw, access_token)?;
    let fresh = IdToken::new(&raw, claims)?;
    let known = |name| session_claims.get(name).and_then(Value::as_str);
    if known("iss").is_some_and(|known| known != fresh.issuer) {
        return Err(IdTokenError::Issuer);
    }
    if fresh.subject != subject {
        return Err(IdTokenError::Refreshed("sub"));
    }
    let audience_now = audience(&fresh.claims);
    if !audience(session_claims)
        .iter()
        .all(|known| audience_now.contains(known))
    {
        return Err(IdTokenError::Refreshed("aud"));
    }
    if fresh.claims.get("azp").and_then(Value::as_str) != known("azp") {
        return Err(IdTokenError::Refreshed("azp"));
    }
    if fresh
        .auth_time
        .is_some_and(|time| number(session_claims, "auth_time").is_some_and(|known| known != time))
    {
        return Err(IdTokenError::Refreshed("auth_time"));
    }
    let nonce = fresh.claims.get("nonce").filter(|nonce| !nonce.is_null());
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
        // Steps 2 and 3, and 6 to 8.
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
        // Steps 9 and 10.
        self.verify_times(&claims)?;
        // §3.1.3.8.
        match claims.get("at_hash") {
            None | Some(Value::Null) => {}
            Some(Value::String(hash)) if *hash == left_half_hash(alg, access_token) => {}
            Some(_) => return Err(IdTokenError::AccessTokenHash),
        }
        Ok(claims)
    }
}

impl IdToken {
    fn new(raw: &str, claims: Map<String, Value>) -> Result<Self, IdTokenError> {
        let text = |name| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = text("sub").filter(|sub| !sub.is_empty() && sub.len() <= 255);
        Ok(Self {
            raw: raw.to_owned(),
            issuer: text("iss").unwrap_or_default(),
            subject: subject.ok_or(IdTokenError::Subject)?,
            sid: text("sid"),
            auth_time: number(&claims, "auth_time"),
            expires_at: number(&claims, "exp").unwrap_or_default(),
            session_expiry: session_expiry(&claims),
            claims,
        })
    }
}

/// `session_expiry`, if it is a number. One that is out of range is in the past, or means never.
fn session_expiry(claims: &Map<String, Value>) -> Option<u64> {
    let seconds = claims.get("session_expiry")?.as_f64()?;
    Some(seconds as u64)
}

#[cfg(feature = "testing")]
impl IdToken {
    /// One that nobody has signed, for sessions that tests make up.
    pub(crate) fn of_test(raw: &str, claims: Map<String, Value>) -> Result<Self, IdTokenError> {
        Self::new(raw, claims)
    }
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
        let mut claims = claims.as_object().unwrap().clone();
        let issuer = claims.entry("iss");
        issuer.or_insert_with(|| "https://op.example".into());
        Self::new(&raw, claims).unwrap()
    }
}

#[cfg(test)]
mod tests;
