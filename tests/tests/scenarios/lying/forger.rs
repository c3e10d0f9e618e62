//! Somebody with a key of their own, who signs what they like.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use latchgate_tests::Failure;
use serde_json::{Value, json};

/// A key pair on P-256.
pub(crate) struct Forger(EcdsaKeyPair);

impl Forger {
    pub(crate) fn new() -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        pair.map(Self).map_err(|_| "no key could be made".into())
    }

    /// The public key under this name.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let point = self.0.public_key().as_ref();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid,
            "x": coordinate(&point[1..33]), "y": coordinate(&point[33..]),
        })
    }

    /// A token of this header and these claims, which are texts: they may say anything.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        let text = |json: &str| URL_SAFE_NO_PAD.encode_to_string(json.as_bytes());
        let message = format!("{}.{}", text(header), text(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.map_or_else(
            |_| String::new(),
            |signature| URL_SAFE_NO_PAD.encode_to_string(signature.as_ref()),
        );
        format!("{message}.{signature}")
    }
}

/// Header and claims of a token, as texts.
pub(crate) fn read(token: &str) -> (String, String) {
    let text = |part: Option<&str>| {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(part.unwrap_or_default());
        String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    };
    let mut parts = token.split('.');
    (text(parts.next()), text(parts.next()))
}
