//! The authorization response as a JWT, by the OpenID Foundation: [JARM §2.4](https://openid.net/specs/oauth-v2-jarm-final.html#section-2.4).

use serde_json::{Map, Value};

use super::jwt::{JwtError, Rules, number};

/// Checks a response JWT: signed by the provider with the one agreed algorithm, for us, and not expired. What it says
/// of the login is checked like any other response.
pub(crate) fn verify(rules: &Rules<'_>, raw: &str) -> Result<Map<String, Value>, JwtError> {
    let claims = rules.verify_origin(raw, |typ| typ.eq_ignore_ascii_case("jwt"))?;
    rules.verify_expiry(number(&claims, "exp"))?;
    Ok(claims)
}
