//! DPoP proofs at the protected resource: [RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), with the
//! rules of §7 and §11.1. Whether a proof was used before is remembered by
//! [`ResourceServer`](crate::resource_server::ResourceServer).

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use url::Url;

use super::nonces::{NonceAge, NonceIssuer};
use crate::jose::{Jws, JwsError};
use crate::token::number;

/// How old a proof may be, in seconds; the leeway for clocks comes on top, in both directions.
pub(crate) const WINDOW: u64 = 60;

/// Why a DPoP proof was refused.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopProofError {
    /// There is no `DPoP` header.
    #[error("the request has no `DPoP` header")]
    Missing,
    /// It is not a JWT that is signed with the public key in its own header.
    #[error("the proof is not signed with the public key in its header")]
    Jws(#[source] JwsError),
    /// `typ` is not `dpop+jwt`.
    #[error("the proof's `typ` is not `dpop+jwt`")]
    Type,
    /// A required claim is missing or of the wrong type.
    #[error("the proof has no usable `{name}`")]
    Claim {
        /// Its name.
        name: &'static str,
    },
    /// `htm` is not the method of the request.
    #[error("the proof's `htm` is not the method of the request")]
    Method,
    /// `htu` is not the URL of the request.
    #[error("the proof's `htu` is not the URL of the request; check `base_url`")]
    Url,
    /// `iat` is more than a minute ago, or in the future.
    #[error("the proof's `iat` is more than a minute ago or in the future; check both clocks")]
    Age,
    /// `ath` is not the hash of the access token.
    #[error("the proof's `ath` is not the hash of the access token")]
    AccessTokenHash,
    /// The access token is bound to another key.
    #[error("the access token is bound to a key other than the proof's")]
    Key,
    /// It has no `nonce`, and this API requires one of its own.
    #[error("the proof has no `nonce`, but this API requires one that it has issued")]
    NonceMissing,
    /// `nonce` is not one of this API, or is no longer good.
    #[error("the proof's `nonce` was not issued by this API, or has expired")]
    Nonce,
    /// The proof has been used before.
    #[error("the proof has been used before")]
    Replayed,
}

debug_with_causes!(DpopProofError);

impl DpopProofError {
    /// Whether the same request, with a nonce that the answer hands out, would do.
    pub(crate) fn is_about_the_nonce(self) -> bool {
        matches!(self, Self::NonceMissing | Self::Nonce)
    }
}

/// What a proof has to prove.
#[derive(Debug)]
pub(crate) struct ProofRules<'a> {
    pub(crate) method: &'a str,
    /// The URL of the request. Query and fragment do not matter.
    pub(crate) url: &'a Url,
    pub(crate) access_token: &'a str,
    /// The thumbprint of the key that the access token is bound to.
    pub(crate) jkt: &'a str,
    pub(crate) now: u64,
    /// How far the client's clock may be off, in seconds.
    pub(crate) leeway: u64,
    /// Who makes the nonces, where proofs must have one.
    pub(crate) nonces: Option<&'a NonceIssuer>,
}

/// A proof that fits its request. It may have been used before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FittingProof {
    /// Names the proof among all of this resource.
    pub(crate) id: [u8; 32],
    /// When it is too old to fit again, in seconds since the epoch.
    pub(crate) expires_at: u64,
    /// How old its nonce is, where it must have one.
    pub(crate) nonce: Option<NonceAge>,
}

/// Checks a proof, in the order of §4.3.
pub(crate) fn verify_proof(
    rules: &ProofRules<'_>,
    proof: &str,
) -> Result<FittingProof, DpopProofError> {
    // Steps 2, 5: unsigned tokens and symmetric algorithms never have a public key.
    let jws = Jws::parse(proof).map_err(DpopProofError::Jws)?;
    // Step 4.
    if !jws
        .typ()
        .is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt"))
    {
        return Err(DpopProofError::Type);
    }
    // Steps 6, 7.
    let thumbprint = jws.verify_with_own_key().map_err(DpopProofError::Jws)?;
    // Step 3.
    let claims = jws.claims().map_err(DpopProofError::Jws)?;
    let text = |name| {
        let found = claims.get(name).and_then(Value::as_str);
        found
            .filter(|text| !text.is_empty())
            .ok_or(DpopProofError::Claim { name })
    };
    let jti = text("jti")?;
    // Step 8.
    if text("htm")? != rules.method {
        return Err(DpopProofError::Method);
    }
    // Step 9.
    let htu = Url::parse(text("htu")?).map_err(|_| DpopProofError::Url)?;
    if without_query(htu) != without_query(rules.url.clone()) {
        return Err(DpopProofError::Url);
    }
    // Step 10.
    let nonce = match rules.nonces {
        Some(nonces) => Some(age_of_nonce(nonces, &claims, rules.now)?),
        None => None,
    };
    // Step 11.
    let iat = number(&claims, "iat").ok_or(DpopProofError::Claim { name: "iat" })?;
    let expires_at = iat.saturating_add(WINDOW + rules.leeway).saturating_add(1);
    if iat > rules.now.saturating_add(rules.leeway) || rules.now >= expires_at {
        return Err(DpopProofError::Age);
    }
    // Step 12.
    let hash = URL_SAFE_NO_PAD.encode_to_string(sha256(rules.access_token.as_bytes()));
    if text("ath")? != hash {
        return Err(DpopProofError::AccessTokenHash);
    }
    if thumbprint != rules.jkt {
        return Err(DpopProofError::Key);
    }
    // A thumbprint has a fixed length, so no other pair makes the same text.
    let id = sha256(format!("{thumbprint}{jti}").as_bytes());
    Ok(FittingProof {
        id,
        expires_at,
        nonce,
    })
}

fn age_of_nonce(
    nonces: &NonceIssuer,
    claims: &Map<String, Value>,
    now: u64,
) -> Result<NonceAge, DpopProofError> {
    let nonce = claims.get("nonce").ok_or(DpopProofError::NonceMissing)?;
    let age = nonce.as_str().and_then(|nonce| nonces.age(nonce, now));
    age.ok_or(DpopProofError::Nonce)
}

fn without_query(mut url: Url) -> Url {
    url.set_query(None);
    url.set_fragment(None);
    url
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, Signer};
    use serde_json::json;

    const NOW: u64 = 1_000;
    const TOKEN: &str = "an.access.token";
    const URL: &str = "https://api.example/invoices";

    fn good() -> Value {
        let ath = URL_SAFE_NO_PAD.encode_to_string(sha256(TOKEN.as_bytes()));
        json!({ "jti": "1", "htm": "GET", "htu": URL, "iat": NOW, "ath": ath })
    }

    fn checked(jkt: &str, proof: &str) -> Result<FittingProof, DpopProofError> {
        let rules = ProofRules {
            method: "GET",
            url: &Url::parse("https://api.example/invoices?page=2").unwrap(),
            access_token: TOKEN,
            jkt,
            now: NOW,
            leeway: 5,
            nonces: None,
        };
        verify_proof(&rules, proof)
    }

    fn thumbprint_of(signer: &Signer, alg: Algorithm) -> String {
        let header = json!({ "alg": alg.as_str(), "jwk": signer.jwk() }).to_string();
        let token = signer.token(alg, &header, "{}");
        Jws::parse(&token).unwrap().verify_with_own_key().unwrap()
    }

    /// What comes of a proof with these members changed; `null` removes one.
    fn verdict(alg: Algorithm, header: Value, claims: Value) -> Result<(), DpopProofError> {
        let signer = Signer::new(alg);
        let jkt = thumbprint_of(&signer, alg);
        let mut head = json!({ "alg": alg.as_str(), "typ": "dpop+jwt", "jwk": signer.jwk() });
        let mut all = good();
        for (object, change) in [(&mut head, header), (&mut all, claims)] {
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
                    value => object[name] = value.clone(),
                }
            }
        }
        let proof = signer.token(alg, &head.to_string(), &all.to_string());
        checked(&jkt, &proof).map(drop)
    }

    #[test]
    fn a_proof_fits_its_request_whatever_the_algorithm() {
        for alg in [
            Algorithm::Es256,
            Algorithm::Rs256,
            Algorithm::Ps256,
            Algorithm::EdDsa,
        ] {
            assert_eq!(verdict(alg, json!({}), json!({})), Ok(()), "{alg}");
        }
        for claims in [
            json!({ "htu": "https://API.example:443/invoices" }),
            json!({ "htu": "https://api.example/invoices?other#fragment" }),
            json!({ "iat": NOW + 5 }),
            json!({ "iat": NOW - 65 }),
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, json!({}), claims.clone()),
                Ok(()),
                "{claims}"
            );
        }
    }

    #[test]
    fn every_step_has_its_refusal() {
        for (claims, why) in [
            (
                json!({ "jti": null }),
                DpopProofError::Claim { name: "jti" },
            ),
            (json!({ "jti": "" }), DpopProofError::Claim { name: "jti" }),
            (
                json!({ "htm": null }),
                DpopProofError::Claim { name: "htm" },
            ),
            (json!({ "htm": "POST" }), DpopProofError::Method),
            (json!({ "htm": "get" }), DpopProofError::Method),
            (
                json!({ "htu": null }),
                DpopProofError::Claim { name: "htu" },
            ),
            (json!({ "htu": "/invoices" }), DpopProofError::Url),
            (
                json!({ "htu": "http://api.example/invoices" }),
                DpopProofError::Url,
            ),
            (
                json!({ "htu": "https://api.example/invoices/" }),
                DpopProofError::Url,
            ),
            (
                json!({ "htu": "https://api.example.evil/invoices" }),
                DpopProofError::Url,
            ),
            (
                json!({ "iat": null }),
                DpopProofError::Claim { name: "iat" },
            ),
            (json!({ "iat": NOW + 6 }), DpopProofError::Age),
            (json!({ "iat": NOW - 66 }), DpopProofError::Age),
            (
                json!({ "ath": null }),
                DpopProofError::Claim { name: "ath" },
            ),
            (json!({ "ath": "AAAA" }), DpopProofError::AccessTokenHash),
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, json!({}), claims.clone()),
                Err(why),
                "{claims}"
            );
        }
        for typ in [json!("JWT"), json!("at+jwt"), json!(null)] {
            let refused = verdict(Algorithm::Es256, json!({ "typ": typ }), json!({}));
            assert_eq!(refused, Err(DpopProofError::Type), "{typ}");
        }
    }

    #[test]
    fn the_key_is_public_and_the_one_that_the_token_is_bound_to() {
        let jwk = DpopProofError::Jws(JwsError::HeaderMember { name: "jwk" });
        let mut private = Signer::new(Algorithm::Es256).jwk();
        private["d"] = json!("AAAA");
        for (header, why) in [
            (json!({ "jwk": null }), jwk),
            (json!({ "jwk": {} }), jwk),
            (json!({ "jwk": private }), jwk),
            (json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), jwk),
            (json!({ "jwk": Signer::new(Algorithm::Rs256).jwk() }), jwk),
            (
                json!({ "jwk": Signer::new(Algorithm::Es256).jwk() }),
                DpopProofError::Jws(JwsError::BadSignature),
            ),
            (
                json!({ "crit": ["b64"] }),
                DpopProofError::Jws(JwsError::Critical),
            ),
            (
                json!({ "alg": "none" }),
                DpopProofError::Jws(JwsError::Unsigned),
            ),
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, header.clone(), json!({})),
                Err(why),
                "{header}"
            );
        }
        // The secret is the one that everybody can read in the header.
        let secret = Signer::new(Algorithm::Hs256);
        let header = json!({ "alg": "HS256", "typ": "dpop+jwt", "jwk": secret.jwk() });
        let proof = secret.token(Algorithm::Hs256, &header.to_string(), &good().to_string());
        assert_eq!(checked("", &proof), Err(jwk));
        let thief = Signer::new(Algorithm::Es256);
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": thief.jwk() });
        let proof = thief.token(Algorithm::Es256, &header.to_string(), &good().to_string());
        let bound = thumbprint_of(&Signer::new(Algorithm::Es256), Algorithm::Es256);
        assert_eq!(checked(&bound, &proof), Err(DpopProofError::Key));
    }
}
