//! A JWS in compact serialization ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)), from exactly the
//! header and claims given: the misbehaving answers need headers no well-meaning library would write.

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A JOSE header or a claims set.
pub type JsonObject = Map<String, Value>;

/// Serializes and signs; `sign` gets the signing input and returns the raw signature.
pub(crate) fn compact(
    header: &JsonObject,
    claims: &JsonObject,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let mut jws = String::new();
    for part in [header, claims] {
        if !jws.is_empty() {
            jws.push('.');
        }
        let json = Value::Object(part.clone()).to_string();
        jws.push_str(&URL_SAFE_NO_PAD.encode_to_string(json));
    }
    let signature = sign(jws.as_bytes());
    jws.push('.');
    jws.push_str(&URL_SAFE_NO_PAD.encode_to_string(signature));
    jws
}

/// The parts of a JWS: the header, what is signed, the signature, and the claims. `None` if it is no such thing.
pub(crate) fn parts(jws: &str) -> Option<(JsonObject, &str, Vec<u8>, JsonObject)> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode_to_vec(text).ok();
    let (message, signature) = jws.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header = serde_json::from_slice(&decode(header)?).ok()?;
    let claims = serde_json::from_slice(&decode(claims)?).ok()?;
    Some((header, message, decode(signature)?, claims))
}

/// The left half of the hash of an access token, as `at_hash` wants it
/// ([OpenID Connect Core §3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken)).
pub(crate) fn at_hash(algorithm: &'static digest::Algorithm, access_token: &str) -> String {
    let hash = digest::digest(algorithm, access_token.as_bytes());
    let hash = hash.as_ref();
    let (left, _) = hash.split_at(hash.len() / 2);
    URL_SAFE_NO_PAD.encode_to_string(left)
}

#[cfg(test)]
mod tests {
    use super::at_hash;
    use aws_lc_rs::digest::SHA256;

    #[test]
    fn at_hash_matches_the_example_of_openid_connect_core_a_3() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(&SHA256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
