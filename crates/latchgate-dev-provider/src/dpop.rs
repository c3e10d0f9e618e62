//! Proofs of possession ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3)): what the token endpoint and
//! the userinfo endpoint check, and the nonces that they hand out.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::jws::JsonObject;
use crate::settings::DpopNonces;
use crate::world::random_token;

/// How far a proof's `iat` may be off, in seconds.
const LEEWAY: u64 = 300;

/// How many values are remembered before all are forgotten.
const MEMORY: usize = 100_000;

/// Which of the provider's two servers a proof is for: each has nonces of its own (§9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    /// The token endpoint.
    Authorization,
    /// The userinfo endpoint.
    Resource,
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofError {
    /// It is not what §4.3 demands.
    Invalid(&'static str),
    /// It has no nonce, or not one that is good (§8, §9).
    NonceWanted,
}

/// The request that a proof came with.
pub(crate) struct ProvedRequest<'a> {
    pub(crate) server: Server,
    pub(crate) method: &'a str,
    pub(crate) url: String,
    pub(crate) access_token: Option<&'a str>,
    pub(crate) now: u64,
}

/// What was handed out and seen.
#[derive(Default)]
pub(crate) struct Proofs {
    nonces: Mutex<HashSet<(Server, String)>>,
    seen: Mutex<HashSet<String>>,
}

impl Proofs {
    /// A nonce for the next proof, if this provider has any.
    pub(crate) fn next_nonce(&self, setting: DpopNonces, server: Server) -> Option<String> {
        if setting == DpopNonces::Absent {
            return None;
        }
        let nonce = random_token();
        bounded(&self.nonces).insert((server, nonce.clone()));
        Some(nonce)
    }

    /// Checks the proof of a request, if it has one, and returns the thumbprint of its key.
    pub(crate) fn verify(
        &self,
        setting: DpopNonces,
        headers: &HeaderMap,
        request: &ProvedRequest<'_>,
    ) -> Result<Option<String>, ProofError> {
        let mut fields = headers.get_all("dpop").iter();
        let Some(field) = fields.next() else {
            return Ok(None);
        };
        if fields.next().is_some() {
            return Err(ProofError::Invalid("there are two DPoP headers"));
        }
        let proof = field.to_str().unwrap_or_default();
        let (claims, thumbprint) = signed(proof).map_err(ProofError::Invalid)?;
        let text = |name| claims.get(name).and_then(Value::as_str);
        if text("htm") != Some(request.method) {
            return Err(ProofError::Invalid("htm is not the method"));
        }
        if text("htu") != Some(request.url.as_str()) {
            return Err(ProofError::Invalid("htu is not the URL of the request"));
        }
        let ath = request
            .access_token
            .map(|token| URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, token.as_bytes())));
        if text("ath") != ath.as_deref() {
            return Err(ProofError::Invalid(
                "ath is not the hash of the access token",
            ));
        }
        let iat = claims
            .get("iat")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        if iat.abs_diff(request.now) > LEEWAY {
            return Err(ProofError::Invalid("iat is not the time"));
        }
        let jti = text("jti").filter(|jti| !jti.is_empty());
        let jti = jti.ok_or(ProofError::Invalid("jti is missing"))?;
        if !bounded(&self.seen).insert(format!("{thumbprint} {jti}")) {
            return Err(ProofError::Invalid("the proof was used before"));
        }
        let nonce = (request.server, text("nonce").unwrap_or_default().to_owned());
        if setting == DpopNonces::Once && !bounded(&self.nonces).remove(&nonce) {
            return Err(ProofError::NonceWanted);
        }
        Ok(Some(thumbprint))
    }
}

fn bounded<T>(set: &Mutex<HashSet<T>>) -> MutexGuard<'_, HashSet<T>> {
    let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
    if set.len() > MEMORY {
        set.clear();
    }
    set
}

/// The claims of a proof whose signature is right, and the thumbprint of the key that it carries.
fn signed(proof: &str) -> Result<(JsonObject, String), &'static str> {
    let head = proof.split('.').next().unwrap_or_default();
    let head = URL_SAFE_NO_PAD
        .decode_to_vec(head.as_bytes())
        .unwrap_or_default();
    let raw: Value = serde_json::from_slice(&head).map_err(|_| "the header is not JSON")?;
    let header = decode_header(proof).map_err(|_| "it is not a JWT")?;
    if header.typ.as_deref() != Some("dpop+jwt") || header.alg != Algorithm::ES256 {
        return Err("typ or alg is wrong");
    }
    let jwk = raw["jwk"].as_object().ok_or("it has no jwk")?;
    if jwk.contains_key("d") {
        return Err("the jwk is a private key");
    }
    let member = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let (x, y) = (member("x"), member("y"));
    if (member("kty"), member("crv")) != ("EC", "P-256") {
        return Err("the jwk is not on P-256");
    }
    let key = DecodingKey::from_ec_components(x, y).map_err(|_| "the jwk is no key")?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = decode::<JsonObject>(proof, &key, &validation);
    let claims = claims.map_err(|_| "the signature is wrong")?.claims;
    let canonical = format!(
        "{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":{},\"y\":{}}}",
        json!(x),
        json!(y)
    );
    let hash = digest(&SHA256, canonical.as_bytes());
    Ok((claims, URL_SAFE_NO_PAD.encode_to_string(hash)))
}
