//! The provider's signing keys and the JWK Set that publishes them ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaKeyPair, RsaParameters, RsaSignatureEncoding, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::world::random_token;

/// The algorithms the provider signs with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the one every OpenID Provider must support.
    #[default]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl SigningAlg {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The `alg` value of [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1), or of
    /// [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash of the algorithm, for `at_hash`; Ed25519 has SHA-512 built in.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa => &digest::SHA512,
        }
    }

    fn rsa(self) -> (&'static RsaSignatureEncoding, &'static RsaParameters) {
        match self {
            Self::Rs384 => (&RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => (&RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => (&RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => (&RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => (&RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512),
            _ => (&RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256),
        }
    }
}

/// One private key with the name it is published under, for one algorithm.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    alg: SigningAlg,
    pair: KeyPair,
}

enum KeyPair {
    Rsa(Arc<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key. Those of RSA take long enough to be felt, so `rsa` says which one to use.
    fn generate(kid: String, alg: SigningAlg, rsa: impl FnOnce() -> Arc<RsaKeyPair>) -> Self {
        let pair = match alg {
            SigningAlg::Es256 => generate_ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            SigningAlg::Es384 => generate_ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            SigningAlg::Es512 => generate_ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            SigningAlg::EdDsa => generate_ed25519(),
            _ => KeyPair::Rsa(rsa()),
        };
        Self { kid, alg, pair }
    }

    pub(crate) fn alg(&self) -> SigningAlg {
        self.alg
    }

    #[expect(
        clippy::expect_used,
        reason = "a key this process made itself can sign"
    )]
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            KeyPair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(self.alg.rsa().0, &random, message, &mut signature)
                    .expect("an RSA key of our own signs");
                signature
            }
            KeyPair::Ec(pair) => pair
                .sign(&random, message)
                .expect("a key of our own on a curve signs")
                .as_ref()
                .to_vec(),
            KeyPair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Whether this key once signed the message.
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let (public, algorithm): (&[u8], &'static dyn VerificationAlgorithm) = match &self.pair {
            KeyPair::Rsa(pair) => (pair.public_key().as_ref(), self.alg.rsa().1),
            KeyPair::Ed25519(pair) => (pair.public_key().as_ref(), &ED25519),
            KeyPair::Ec(pair) => (
                pair.public_key().as_ref(),
                match self.alg {
                    SigningAlg::Es384 => &ECDSA_P384_SHA384_FIXED,
                    SigningAlg::Es512 => &ECDSA_P521_SHA512_FIXED,
                    _ => &ECDSA_P256_SHA256_FIXED,
                },
            ),
        };
        let public = UnparsedPublicKey::new(algorithm, public);
        public.verify(message, signature).is_ok()
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            KeyPair::Rsa(pair) => {
                let (n, e) = rsa_components(pair);
                json!({"kty": "RSA", "n": n, "e": e})
            }
            KeyPair::Ec(pair) => {
                let crv = match self.alg {
                    SigningAlg::Es384 => "P-384",
                    SigningAlg::Es512 => "P-521",
                    _ => "P-256",
                };
                let (x, y) = ec_coordinates(pair);
                json!({"kty": "EC", "crv": crv, "x": x, "y": y})
            }
            KeyPair::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode_to_string(pair.public_key());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x})
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg.as_str());
        jwk["kid"] = json!(self.kid);
        jwk
    }

    /// The public half as PEM, which is what an algorithm-confusion attack uses as its HMAC secret.
    pub(crate) fn public_pem(&self) -> String {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            KeyPair::Rsa(pair) => pair.public_key().as_der(),
            KeyPair::Ec(pair) => pair.public_key().as_der(),
            KeyPair::Ed25519(pair) => pair.public_key().as_der(),
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

/// The keys the provider signs with at one time: one for every algorithm.
#[derive(Debug)]
pub(crate) struct KeySet {
    first: SigningKey,
    others: Vec<SigningKey>,
}

impl KeySet {
    /// Makes a set. The RSA key is the process's `generation`-th one, because making one takes long enough to be felt in a
    /// test suite that starts a provider per test; the others are new.
    fn generate(generation: usize) -> Self {
        let key = |alg: SigningAlg| {
            let kid = format!("{}-{}", alg.as_str().to_lowercase(), random_token());
            SigningKey::generate(kid, alg, || process_rsa_key(generation))
        };
        let others = SigningAlg::ALL.into_iter().skip(1);
        Self {
            first: key(SigningAlg::Rs256),
            others: others.map(key).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(crate) fn key(&self, alg: SigningAlg) -> &SigningKey {
        let key = self.others.iter().find(|key| key.alg == alg);
        key.unwrap_or(&self.first)
    }

    /// The JWK Set, with two members that a client must skip: an encryption key and a key of an unknown type.
    pub(crate) fn jwks(&self) -> Value {
        let mut encryption = self.first.jwk();
        encryption["use"] = json!("enc");
        encryption["alg"] = json!("RSA-OAEP-256");
        encryption["kid"] = json!(format!("enc-{}", self.first.kid));
        let unknown = json!({"kty": "LATTICE", "use": "sig", "kid": "unknown-kty", "q": "AQAB"});
        let mut keys = vec![encryption, unknown];
        keys.extend(self.all().map(SigningKey::jwk));
        json!({ "keys": keys })
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

    /// Whether the key once published under this name, however long ago, signed the message.
    pub(crate) fn have_signed(&self, kid: &str, message: &[u8], signature: &[u8]) -> bool {
        let generations = self
            .generations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first)
            .chain(generations.iter())
            .flat_map(|set| set.all())
            .any(|key| key.kid == kid && key.has_signed(message, signature))
    }
}

/// A key that is in no JWK Set.
pub(crate) fn foreign_key(alg: SigningAlg) -> SigningKey {
    static FOREIGN_RSA: Mutex<Option<Arc<RsaKeyPair>>> = Mutex::new(None);
    SigningKey::generate("foreign".to_owned(), alg, || {
        let mut foreign = FOREIGN_RSA.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(foreign.get_or_insert_with(|| Arc::new(generate_rsa())))
    })
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
fn generate_ec(curve: &'static EcdsaSigningAlgorithm) -> KeyPair {
    KeyPair::Ec(Box::new(
        EcdsaKeyPair::generate(curve).expect("a key pair on a curve can be made"),
    ))
}

#[expect(
    clippy::expect_used,
    reason = "a machine that cannot make a key cannot run a provider at all"
)]
fn generate_ed25519() -> KeyPair {
    KeyPair::Ed25519(Box::new(
        Ed25519KeyPair::generate().expect("an Ed25519 key pair can be made"),
    ))
}

fn rsa_components(pair: &RsaKeyPair) -> (String, String) {
    let public = pair.public_key();
    (
        URL_SAFE_NO_PAD.encode_to_string(public.modulus().big_endian_without_leading_zero()),
        URL_SAFE_NO_PAD.encode_to_string(public.exponent().big_endian_without_leading_zero()),
    )
}

/// The two coordinates of an uncompressed point: one format byte, then both.
fn ec_coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    (
        URL_SAFE_NO_PAD.encode_to_string(x),
        URL_SAFE_NO_PAD.encode_to_string(y),
    )
}
