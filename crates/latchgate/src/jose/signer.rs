//! The other side, for tests: keys that sign as [RFC 7515 §5.1](https://www.rfc-editor.org/rfc/rfc7515#section-5.1) tells,
//! by the algorithms of [RFC 7518 §3](https://www.rfc-editor.org/rfc/rfc7518#section-3) and
//! [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1).

use super::{algorithm::Algorithm, key::Key};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaKeyPair, RsaSignatureEncoding,
    },
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// The one RSA key of all tests, since making one takes a while.
static RSA: LazyLock<Arc<RsaKeyPair>> =
    LazyLock::new(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

pub(crate) enum Signer {
    Rsa(Arc<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(String),
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => {
                Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Algorithm::Es384 => {
                Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
            }
            Algorithm::Es512 => {
                Self::P521(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap())
            }
            Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            symmetric if symmetric.is_symmetric() => {
                Self::Secret("correct horse battery staple ".repeat(3))
            }
            _ => Self::Rsa(RSA.clone()),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        match self {
            Self::Rsa(pair) => {
                // An RSAPublicKey of 2048 bits in DER: headers and a zero, n, a header, e.
                let der = pair.public_key().as_ref();
                let (n, e) = (text(&der[9..265]), text(&der[267..]));
                json!({"kty": "RSA", "n": n, "e": e})
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Self::P384(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
                json!({"kty": "EC", "crv": "P-384", "x": text(x), "y": text(y)})
            }
            Self::P521(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(66);
                json!({"kty": "EC", "crv": "P-521", "x": text(x), "y": text(y)})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
            Self::Secret(secret) => json!({"kty": "oct", "k": text(secret.as_bytes())}),
        }
    }

    pub(crate) fn jwk_named(&self, kid: &str) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = json!(kid);
        jwk
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Secret(secret) => Key::from_client_secret(secret),
            _ => Key::from_jwk(self.jwk().as_object().unwrap()).unwrap(),
        }
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let encoding: &'static RsaSignatureEncoding = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Self::P256(pair) | Self::P384(pair) | Self::P521(pair) => pair
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => {
                let hash = match algorithm {
                    Algorithm::Hs256 => hmac::HMAC_SHA256,
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    _ => hmac::HMAC_SHA512,
                };
                hmac::sign(&hmac::Key::new(hash, secret.as_bytes()), message)
                    .as_ref()
                    .to_vec()
            }
        }
    }

    /// A token with this header and payload, whatever they say.
    pub(crate) fn token(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let message = format!("{}.{}", text(header.as_bytes()), text(payload.as_bytes()));
        let signature = self.sign(algorithm, message.as_bytes());
        format!("{message}.{}", text(&signature))
    }
}
