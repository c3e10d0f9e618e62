//! Key pairs, and their public halves as JSON Web Keys:
//! [RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6),
//! [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2).

use super::{curve::Curve, private_key_error::PrivateKeyError};
use aws_lc_rs::{
    error::KeyRejected,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What a private key is made of.
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    /// The members of the public key as a JSON Web Key, no others.
    pub(super) fn public_members(&self) -> Map<String, Value> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let members = match self {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus();
                let e = public.exponent();
                vec![
                    ("kty", "RSA".to_owned()),
                    ("n", text(n.big_endian_without_leading_zero())),
                    ("e", text(e.big_endian_without_leading_zero())),
                ]
            }
            Pair::Ec(curve, pair) => {
                // A point that is not compressed: a byte that says so, then both coordinates.
                let point = pair.public_key().as_ref();
                let coordinates = point.get(1..).unwrap_or_default();
                let (x, y) = coordinates
                    .split_at_checked(curve.length())
                    .unwrap_or_default();
                vec![
                    ("kty", "EC".to_owned()),
                    ("crv", curve.name().to_owned()),
                    ("x", text(x)),
                    ("y", text(y)),
                ]
            }
            Pair::Ed25519(pair) => vec![
                ("kty", "OKP".to_owned()),
                ("crv", "Ed25519".to_owned()),
                ("x", text(pair.public_key().as_ref())),
            ],
        };
        let member = |(name, value): (&str, String)| (name.to_owned(), Value::String(value));
        members.into_iter().map(member).collect()
    }
}

/// What is wrong with an RSA key.
pub(super) fn rejected(rejection: KeyRejected) -> PrivateKeyError {
    match rejection.description_() {
        "TooSmall" | "TooLarge" => PrivateKeyError::Size,
        _ => PrivateKeyError::Unusable,
    }
}
