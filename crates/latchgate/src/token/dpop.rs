//! Proofs of possession, DPoP: a token is bound to a key, and whoever sends it proves to have that key, request by
//! request ([RFC 9449 §4](https://www.rfc-editor.org/rfc/rfc9449#section-4)). A stolen token alone opens nothing.

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use http::header::{self, HeaderMap, HeaderName};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::response::TokenError;
use crate::client::Freshness;
use crate::jose::{ProofKey, strict_object};

/// The header that carries a proof.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header in which a server says which nonce the next proof must have (§8).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The longest nonce that is sent back, in bytes.
const LONGEST_NONCE: usize = 512;

/// The request that a proof is for.
#[derive(Clone, Copy)]
pub(crate) struct ProofTarget<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    /// The access token that is sent with it, if one is.
    pub(crate) access_token: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
}

/// Makes the proof for one request (§4.2).
pub(crate) fn proof(
    key: &ProofKey,
    fresh: &Freshness,
    target: ProofTarget<'_>,
) -> Result<String, TokenError> {
    let unbuildable = |_| TokenError::Unbuildable;
    let signer = key.signer().map_err(unbuildable)?;
    let mut header = Map::new();
    header.insert("typ".to_owned(), json!("dpop+jwt"));
    let jwk = signer.public_jwk().clone();
    header.insert("jwk".to_owned(), Value::Object(jwk));
    let mut bare = target.url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let mut claims = Map::new();
    claims.insert("jti".to_owned(), json!(fresh.jti()));
    claims.insert("htm".to_owned(), json!(target.method));
    claims.insert("htu".to_owned(), json!(bare.as_str()));
    claims.insert("iat".to_owned(), json!(fresh.now()));
    if let Some(token) = target.access_token {
        let hash = digest(&SHA256, token.as_bytes());
        let ath = URL_SAFE_NO_PAD.encode_to_string(hash);
        claims.insert("ath".to_owned(), json!(ath));
    }
    if let Some(nonce) = target.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    signer.sign_jwt(header, &claims).map_err(unbuildable)
}

/// The nonce that a response has for the next proof, if there is one that can be sent back.
pub(crate) fn nonce_of(headers: &HeaderMap) -> Option<String> {
    let mut fields = headers.get_all(DPOP_NONCE).iter();
    let nonce = fields.next()?.to_str().ok()?;
    // NQCHAR of RFC 6749 Appendix A.
    let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let usable = fields.next().is_none()
        && (1..=LONGEST_NONCE).contains(&nonce.len())
        && nonce.bytes().all(fits);
    usable.then(|| nonce.to_owned())
}

/// Whether the authorization server refused a request only for want of its nonce (§8).
pub(crate) fn server_wants_nonce(response: &Response<Vec<u8>>) -> bool {
    response.status() == StatusCode::BAD_REQUEST
        && strict_object(response.body())
            .is_ok_and(|body| body.get("error") == Some(&json!(WANTED)))
}

/// Whether a resource server refused a request only for want of its nonce (§9).
pub(crate) fn resource_wants_nonce(status: StatusCode, headers: &HeaderMap) -> bool {
    challenges_with(status, headers, &["dpop"], WANTED)
}

/// Whether a resource server says that the access token of a request is no longer good
/// ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
pub(crate) fn resource_rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    challenges_with(status, headers, &["bearer", "dpop"], "invalid_token")
}

const WANTED: &str = "use_dpop_nonce";

/// Whether a `401` has a challenge of one of these schemes with that error.
fn challenges_with(status: StatusCode, headers: &HeaderMap, schemes: &[&str], error: &str) -> bool {
    let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let mut challenges = challenges.filter_map(|field| field.to_str().ok());
    status == StatusCode::UNAUTHORIZED
        && challenges.any(|field| has_challenge(field, schemes, error))
}

/// Whether a `WWW-Authenticate` field has a challenge of one of these schemes, in whatever case, with that error
/// (RFC 9110 §11.6.1).
fn has_challenge(field: &str, schemes: &[&str], error: &str) -> bool {
    let mut fits = false;
    for part in split_outside_quotes(field) {
        let part = part.trim();
        let (scheme, parameter) = match part.split_once(' ') {
            Some((scheme, parameter)) if !scheme.contains('=') => (Some(scheme), parameter),
            None if !part.contains('=') => (Some(part), ""),
            _ => (None, part),
        };
        if let Some(scheme) = scheme {
            fits = schemes.iter().any(|ours| scheme.eq_ignore_ascii_case(ours));
        }
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let value = value.trim().trim_matches('"');
        if fits && name.trim().eq_ignore_ascii_case("error") && value == error {
            return true;
        }
    }
    false
}

/// The parts of a field between its commas, those in quoted strings left out.
fn split_outside_quotes(field: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    field.split(move |c| {
        let separates = c == ',' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, Jws, KeySet};

    fn key() -> ProofKey {
        ProofKey::of([7; 32]).unwrap()
    }

    fn example(url: &str, access_token: Option<&str>, nonce: Option<&str>) -> String {
        let target = ProofTarget {
            method: "POST",
            url: &Url::parse(url).unwrap(),
            access_token,
            nonce,
        };
        proof(&key(), &Freshness::example(1_000, 1), target).unwrap()
    }

    fn claims(proof: &str) -> Value {
        Value::Object(Jws::parse(proof).unwrap().claims().unwrap())
    }

    #[test]
    fn a_proof_says_what_it_is_for_and_is_signed_by_the_key_in_it() {
        let proof = example("https://op.example/token?tenant=7#x", None, None);
        let jws = Jws::parse(&proof).unwrap();
        assert_eq!(jws.typ(), Some("dpop+jwt"));
        let header = proof.split('.').next().unwrap();
        let header = URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let public = key().signer().unwrap().public_jwk().clone();
        assert_eq!(
            header,
            json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": public })
        );
        assert!(header["jwk"].get("d").is_none());
        let keys = json!({ "keys": [public] }).to_string();
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        assert!(jws.verify(Algorithm::Es256, &keys).is_ok());
        assert_eq!(
            claims(&proof),
            json!({
                "jti": "AQEBAQEBAQEBAQEBAQEBAQ", "htm": "POST",
                "htu": "https://op.example/token", "iat": 1_000,
            })
        );
    }

    /// The token and its hash of RFC 9449 §7.
    #[test]
    fn a_token_is_named_by_its_hash_and_a_nonce_sent_back() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let proof = example("https://api.example/a", Some(token), Some("n1"));
        let claims = claims(&proof);
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert_eq!(claims["nonce"], "n1");
        assert!(!proof.contains(token));
    }

    #[test]
    fn a_nonce_is_taken_from_a_response_if_it_can_be_sent_back() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(DPOP_NONCE, value.parse().unwrap());
            }
            nonce_of(&headers)
        };
        let long = "x".repeat(LONGEST_NONCE + 1);
        assert_eq!(of(&["eyJ7S_zG.~!"]).as_deref(), Some("eyJ7S_zG.~!"));
        for odd in [
            &[][..],
            &[""],
            &["a b"],
            &["a\"b"],
            &["a\\b"],
            &["a", "b"],
            &[&long],
        ] {
            assert_eq!(of(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn only_the_scheme_dpop_with_that_error_wants_a_nonce() {
        for (field, wants) in [
            (r#"DPoP error="use_dpop_nonce""#, true),
            (
                r#"dPoP error="use_dpop_nonce", error_description="a, b""#,
                true,
            ),
            (
                r#"DPOP realm="a,\" b", algs="ES256 PS256", error=use_dpop_nonce"#,
                true,
            ),
            (r#"Bearer, DPoP algs="ES256", ERROR="use_dpop_nonce""#, true),
            (r#"Bearer realm="x", DPoP error="use_dpop_nonce""#, true),
            (r#"Bearer error="use_dpop_nonce""#, false),
            (r#"DPoP algs="ES256", Bearer error="use_dpop_nonce""#, false),
            (r#"DPoP realm="x, error=use_dpop_nonce""#, false),
            (r#"DPoP error="invalid_token""#, false),
            (r#"DPoP error_description="use_dpop_nonce""#, false),
            ("", false),
            ("DPoP", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::WWW_AUTHENTICATE, field.parse().unwrap())]);
            let unauthorized = StatusCode::UNAUTHORIZED;
            assert_eq!(
                resource_wants_nonce(unauthorized, &headers),
                wants,
                "{field}"
            );
            assert!(!resource_wants_nonce(StatusCode::BAD_REQUEST, &headers));
        }
    }

    #[test]
    fn the_token_endpoint_wants_a_nonce_by_status_and_error() {
        let wants = |status: u16, body: &str| {
            let response = Response::builder().status(status);
            server_wants_nonce(&response.body(body.as_bytes().to_vec()).unwrap())
        };
        assert!(wants(400, r#"{"error":"use_dpop_nonce"}"#));
        assert!(!wants(401, r#"{"error":"use_dpop_nonce"}"#));
        assert!(!wants(400, r#"{"error":"invalid_dpop_proof"}"#));
        assert!(!wants(400, r#"{"error":"use_dpop_nonce","error":"x"}"#));
        assert!(!wants(400, "use_dpop_nonce"));
    }
}
