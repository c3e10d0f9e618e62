//! The provider's signing keys and the JWK Set that publishes them ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};

use crate::world::random_token;

/// The algorithms the provider signs with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the one every OpenID Provider must support.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl SigningAlg {
    /// The `alg` value of [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// One private key with the name it is published under.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pair: KeyPair,
}

enum KeyPair {
    Rs256(Arc<RsaKeyPair>),
    Es256(Box<EcdsaKeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    pub(crate) fn alg(&self) -> SigningAlg {
        match self.pair {
            KeyPair::Rs256(_) => SigningAlg::Rs256,
            KeyPair::Es256(_) => SigningAlg::Es256,
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "a key this process made itself can sign"
    )]
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            KeyPair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("an RSA key of our own signs");
                signature
            }
            KeyPair::Es256(pair) => pair
                .sign(&random, message)
                .expect("a P-256 key of our own signs")
                .as_ref()
                .to_vec(),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            KeyPair::Rs256(pair) => {
                let (n, e) = rsa_components(pair);
                json!({"kty": "RSA", "n": n, "e": e})
            }
            KeyPair::Es256(pair) => {
                let (x, y) = ec_coordinates(pair);
                json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg().as_str());
        jwk["kid"] = json!(self.kid);
        jwk
    }

    /// The public half, for checking what this key once signed.
    pub(crate) fn verification_key(&self) -> Option<(DecodingKey, Algorithm)> {
        match &self.pair {
            KeyPair::Rs256(pair) => {
                let (n, e) = rsa_components(pair);
                let key = DecodingKey::from_rsa_components(&n, &e).ok()?;
                Some((key, Algorithm::RS256))
            }
            KeyPair::Es256(pair) => {
                let (x, y) = ec_coordinates(pair);
                let key = DecodingKey::from_ec_components(&x, &y).ok()?;
                Some((key, Algorithm::ES256))
            }
        }
    }

    /// The public half as PEM, which is what an algorithm-confusion attack uses as its HMAC secret.
    pub(crate) fn public_pem(&self) -> String {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            KeyPair::Rs256(pair) => pair.public_key().as_der(),
            KeyPair::Es256(pair) => pair.public_key().as_der(),
        };
        let body = der.map_or_else(
            |_| String::new(),
            |der| STANDARD.encode_to_string(der.as_ref()),
        );
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (index, character) in body.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }
}

/// The two keys the provider signs with at one time.
#[derive(Debug)]
pub(crate) struct KeySet {
    rs256: SigningKey,
    es256: SigningKey,
}

impl KeySet {
    /// Makes a set. The P-256 key is new; the RSA key is the process's `generation`-th one, because making one takes long
    /// enough to be felt in a test suite that starts a provider per test.
    fn generate(generation: usize) -> Self {
        Self {
            rs256: SigningKey {
                kid: format!("rs-{}", random_token()),
                pair: KeyPair::Rs256(process_rsa_key(generation)),
            },
            es256: SigningKey {
                kid: format!("es-{}", random_token()),
                pair: KeyPair::Es256(Box::new(generate_p256())),
            },
        }
    }

    pub(crate) fn key(&self, alg: SigningAlg) -> &SigningKey {
        match alg {
            SigningAlg::Rs256 => &self.rs256,
            SigningAlg::Es256 => &self.es256,
        }
    }

    /// The JWK Set, with two members that a client must skip: an encryption key and a key of an unknown type.
    pub(crate) fn jwks(&self) -> Value {
        let mut encryption = self.rs256.jwk();
        encryption["use"] = json!("enc");
        encryption["alg"] = json!("RSA-OAEP-256");
        encryption["kid"] = json!(format!("enc-{}", self.rs256.kid));
        let unknown = json!({"kty": "LATTICE", "use": "sig", "kid": "unknown-kty", "q": "AQAB"});
        json!({"keys": [encryption, unknown, self.rs256.jwk(), self.es256.jwk()]})
    }
}

/// The current keys, and those of the past: a logout may still present an ID token signed by one of them.
#[derive(Debug)]
pub(crate) struct Keyring {
    generations: RwLock<Vec<Arc<KeySet>>>,
    first: Arc<KeySet>,
}

impl Keyring {
    pub(crate) fn generate() -> Self {
        Self {
            generations: RwLock::default(),
            first: Arc::new(KeySet::generate(0)),
        }
    }

    pub(crate) fn current(&self) -> Arc<KeySet> {
        let generations = self
            .generations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(generations.last().unwrap_or(&self.first))
    }

    pub(crate) fn rotate(&self) {
        let mut generations = self
            .generations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let next = KeySet::generate(generations.len() + 1);
        generations.push(Arc::new(next));
    }

    /// The public key once published under this name, however long ago.
    pub(crate) fn verification_key(&self, kid: &str) -> Option<(DecodingKey, Algorithm)> {
        let generations = self
            .generations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first)
            .chain(generations.iter())
            .flat_map(|set| [&set.rs256, &set.es256])
            .find(|key| key.kid == kid)?
            .verification_key()
    }
}

/// A key that is in no JWK Set.
pub(crate) fn foreign_key(alg: SigningAlg) -> SigningKey {
    static FOREIGN_RSA: Mutex<Option<Arc<RsaKeyPair>>> = Mutex::new(None);
    let pair = match alg {
        SigningAlg::Rs256 => {
            let mut foreign = FOREIGN_RSA.lock().unwrap_or_else(PoisonError::into_inner);
            KeyPair::Rs256(Arc::clone(
                foreign.get_or_insert_with(|| Arc::new(generate_rsa())),
            ))
        }
        SigningAlg::Es256 => KeyPair::Es256(Box::new(generate_p256())),
    };
    SigningKey {
        kid: "foreign".to_owned(),
        pair,
    }
}

fn process_rsa_key(generation: usize) -> Arc<RsaKeyPair> {
    static KEYS: Mutex<Vec<Arc<RsaKeyPair>>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(key) = keys.get(generation) {
            return Arc::clone(key);
        }
        keys.push(Arc::new(generate_rsa()));
    }
}

#[expect(
    clippy::expect_used,
    reason = "a machine that cannot make a key cannot run a provider at all"
)]
fn generate_rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key pair can be made")
}

#[expect(
    clippy::expect_used,
    reason = "a machine that cannot make a key cannot run a provider at all"
)]
fn generate_p256() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a P-256 key pair can be made")
}

fn rsa_components(pair: &RsaKeyPair) -> (String, String) {
    let public = pair.public_key();
    (
        URL_SAFE_NO_PAD.encode_to_string(public.modulus().big_endian_without_leading_zero()),
        URL_SAFE_NO_PAD.encode_to_string(public.exponent().big_endian_without_leading_zero()),
    )
}

/// The two coordinates of an uncompressed point: one format byte, then 32 bytes each.
fn ec_coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
    (
        URL_SAFE_NO_PAD.encode_to_string(x),
        URL_SAFE_NO_PAD.encode_to_string(y),
    )
}
