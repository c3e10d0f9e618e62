//! Back-channel logout: [OpenID Connect Back-Channel Logout 1.0 §2.6](https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation).

use serde_json::{Map, Value};

use crate::jose::is_encrypted;
use crate::token::{JwtError, Rules, number};

/// A verified logout token. Only [`verify`] makes one.
#[derive(Debug)]
pub(crate) struct VerifiedLogoutToken {
    pub(crate) issuer: String,
    pub(crate) target: LogoutTarget,
    /// The name of the token, so that it is processed only once.
    pub(crate) jti: String,
    /// When the token expires, so that its name may be forgotten.
    pub(crate) expires_at: u64,
}

/// Whose sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogoutTarget {
    /// The session with this `sid`. If our ID token had no `sid`, it is one of this person's sessions.
    Session { sid: String, sub: Option<String> },
    /// All sessions of the person with this `sub`.
    Person(String),
}

/// Why a logout token was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutTokenError {
    /// No `logout_token` in the form, or more than one (§2.5).
    #[error("the form has no `logout_token`, or several")]
    Form,
    /// Structure, signature, `typ`, `iss`, `aud`, `exp` or `iat` (steps 1 to 4).
    #[error("the logout token cannot be accepted")]
    Token(#[source] JwtError),
    /// Issued more than an hour ago: the names of processed tokens are not kept for ever.
    #[error("the logout token was issued more than an hour ago")]
    TooOld,
    /// Neither `sub` nor `sid` (step 5).
    #[error("the logout token names neither `sub` nor `sid`")]
    Nobody,
    /// `events` lacks the logout event, or it is not an object (step 6).
    #[error("the logout token's `events` does not contain the logout event")]
    Event,
    /// There is a `nonce`, as in an ID token (step 7).
    #[error("the logout token has a `nonce`")]
    Nonce,
    /// No `jti`.
    #[error("the logout token has no `jti`")]
    NameMissing,
    /// A token with this `jti` has already been processed (step 8).
    #[error("the logout token has already been processed")]
    Replayed,
}

debug_with_causes!(LogoutTokenError);

/// The member of `events` that makes a token a logout token (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How old a logout token may be, in seconds.
const OLDEST: u64 = 3_600;

/// The lifetime of a logout token without `exp`: Ory Hydra, and older versions of authentik and
/// LemonLDAP::NG, leave it out. This is the most that §4 recommends.
const WITHOUT_EXPIRY: u64 = 120;

/// The one `logout_token` of a form (§2.5). Other fields are ignored.
pub(crate) fn logout_token(form: &[u8]) -> Result<String, LogoutTokenError> {
    let mut tokens = url::form_urlencoded::parse(form).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(token.into_owned()),
        _ => Err(LogoutTokenError::Form),
    }
}

/// Verifies a logout token.
pub(crate) fn verify(
    rules: &Rules<'_>,
    raw: &str,
) -> Result<VerifiedLogoutToken, LogoutTokenError> {
    // Like ID tokens, logout tokens may be encrypted (§2.4); unlike them, they need not be.
    let encryption = rules.registration.id_token_encryption.as_ref();
    let encryption = encryption.filter(|_| is_encrypted(raw));
    let claims = Rules::decrypted(raw, encryption)
        .and_then(|raw| rules.verify_origin(&raw, is_logout_type))
        .map(expiring)
        .and_then(|claims| rules.verify_times(&claims).map(|()| claims))
        .map_err(LogoutTokenError::Token)?;
    let issued_at = number(&claims, "iat").unwrap_or_default();
    let expires_at = issued_at
        .saturating_add(OLDEST)
        .saturating_add(rules.leeway);
    if rules.now >= expires_at {
        return Err(LogoutTokenError::TooOld);
    }
    // Step 5. A `sid` names one session, whether or not there is a `sub`.
    let target = match (text(&claims, "sid"), text(&claims, "sub")) {
        (Some(sid), sub) => LogoutTarget::Session { sid, sub },
        (None, Some(sub)) => LogoutTarget::Person(sub),
        (None, None) => return Err(LogoutTokenError::Nobody),
    };
    // Step 6.
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(LogoutTokenError::Event);
    }
    // Step 7.
    if claims.contains_key("nonce") {
        return Err(LogoutTokenError::Nonce);
    }
    let jti = text(&claims, "jti").ok_or(LogoutTokenError::NameMissing)?;
    let issuer = text(&claims, "iss").unwrap_or_default();
    Ok(VerifiedLogoutToken {
        issuer,
        target,
        jti,
        expires_at,
    })
}

/// The claims with an `exp`, which is set to a short lifetime if there is none.
fn expiring(mut claims: Map<String, Value>) -> Map<String, Value> {
    if let (false, Some(iat)) = (claims.contains_key("exp"), number(&claims, "iat")) {
        claims.insert("exp".to_owned(), iat.saturating_add(WITHOUT_EXPIRY).into());
    }
    claims
}

/// `logout+jwt`, or `JWT` from providers that follow older drafts.
fn is_logout_type(typ: &str) -> bool {
    ["logout+jwt", "application/logout+jwt", "jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
