//! Verifying the ID token of the one provider, by the one key that it had at the start.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// Who has signed what, and for whom.
pub struct Verifier {
    pub issuer: String,
    pub client_id: String,
    pub key: ParsedPublicKey,
    pub kid: String,
}

/// A verified ID token: its parts, decoded.
pub struct IdToken([Vec<u8>; 3]);

#[derive(Deserialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    azp: Option<&'a str>,
    sub: &'a str,
    exp: u64,
    iat: u64,
    nonce: &'a str,
    at_hash: &'a str,
}

impl Verifier {
    pub fn new(issuer: String, client_id: String, keys: &Value) -> Self {
        let keys = keys["keys"].as_array().expect("a key set");
        let key = keys.iter().find(|key| key["alg"] == "RS256");
        let key = key.expect("a key for RS256");
        let text = |member: &str| key[member].as_str().expect("a member of a key");
        let number = |member| {
            URL_SAFE_NO_PAD
                .decode_to_vec(text(member))
                .expect("base64url")
        };
        let parts = RsaPublicKeyComponents {
            n: number("n"),
            e: number("e"),
        };
        Self {
            issuer,
            client_id,
            key: parts
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .expect("an RSA key"),
            kid: text("kid").to_owned(),
        }
    }

    /// Verifies an ID token that came with this access token, for the login with this nonce.
    pub fn verify(&self, raw: &str, access_token: &str, nonce: &str, now: u64) -> Option<IdToken> {
        let (message, signature) = raw.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let part = |part: &str| URL_SAFE_NO_PAD.decode_to_vec(part).ok();
        let id_token = IdToken([part(header)?, part(claims)?, part(signature)?]);
        let [header, claims, signature] = id_token.parts();
        let header: Header<'_> = serde_json::from_slice(header).ok()?;
        if header.alg != "RS256" || header.kid != self.kid {
            return None;
        }
        self.key.verify_sig(message.as_bytes(), signature).ok()?;
        let claims: Claims<'_> = serde_json::from_slice(claims).ok()?;
        let hash = digest(&SHA256, access_token.as_bytes());
        let good = claims.iss == self.issuer
            && claims.aud == self.client_id
            && claims.azp.is_none_or(|azp| azp == self.client_id)
            && !claims.sub.is_empty()
            && claims.exp > now
            && claims.iat <= now + 60
            && claims.nonce == nonce
            && claims.at_hash == URL_SAFE_NO_PAD.encode_to_string(&hash.as_ref()[..16]);
        good.then_some(id_token)
    }
}

impl IdToken {
    pub fn parts(&self) -> [&[u8]; 3] {
        let [header, claims, signature] = &self.0;
        [header, claims, signature]
    }
}
