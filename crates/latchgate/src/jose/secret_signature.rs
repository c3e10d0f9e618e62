//! JWTs that are signed with the client secret: HMAC by
//! [RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2).

use super::{algorithm::Algorithm, compact::compact, private_key_error::PrivateKeyError};
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Signs a JWT with a secret.
///
/// # Errors
///
/// [`PrivateKeyError::Algorithm`] if the algorithm is not one of HMAC.
pub(crate) fn sign_with_secret(
    algorithm: Algorithm,
    secret: &str,
    claims: &Map<String, Value>,
) -> Result<String, PrivateKeyError> {
    let hash = match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        _ => return Err(PrivateKeyError::Algorithm(algorithm)),
    };
    let mut header = Map::new();
    header.insert("typ".to_owned(), json!("JWT"));
    header.insert("alg".to_owned(), json!(algorithm.as_str()));
    let mut jwt = compact(&header, claims);
    let signature = hmac::sign(&hmac::Key::new(hash, secret.as_bytes()), jwt.as_bytes());
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut jwt);
    Ok(jwt)
}
