//! Why a private key cannot be used, be it PKCS#8 ([RFC 5958 §2](https://www.rfc-editor.org/rfc/rfc5958#section-2)) or a
//! JSON Web Key ([RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)), and what would be right.

use super::{
    algorithm::{Algorithm, AlgorithmError},
    json::JsonError,
    jwk::KeyRejection,
};

/// Why a private key cannot be used. Shows nothing of the key.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// The text has no private key in PEM.
    #[error(
        "has no private key in PEM (`-----BEGIN PRIVATE KEY-----`) and is not a JSON Web Key; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
    )]
    NotPem,
    /// The PEM text has a certificate or a public key, and no private key.
    #[error(
        "has a certificate or a public key, but no private key (`-----BEGIN PRIVATE KEY-----`)"
    )]
    PublicOnly,
    /// The key is encrypted with a passphrase.
    #[error(
        "has a private key that is encrypted with a passphrase; decrypt it with `openssl pkey -in KEY -out PLAIN`, and let nobody else read the file"
    )]
    Encrypted,
    /// The text is not a JSON Web Key.
    #[error("is not a JSON Web Key: {0}")]
    NotJwk(JsonError),
    /// The text is a JWK Set.
    #[error("is a set of JSON Web Keys; give the one private key to use")]
    KeySet,
    /// The JSON Web Key is a shared secret (`oct`).
    #[error(
        "is a shared secret (`oct`), not a private key; for `client_secret_jwt` set the client secret"
    )]
    Symmetric,
    /// The JSON Web Key lacks a member.
    #[error("is a JSON Web Key without `{0}`{hint}", hint = private(.0))]
    Missing(&'static str),
    /// A member of the JSON Web Key is malformed.
    #[error("is a JSON Web Key with a malformed `{0}`")]
    Malformed(&'static str),
    /// `use` or `key_ops` of the JSON Web Key exclude what the key is for.
    #[error("is a JSON Web Key whose `use` or `key_ops` say that it is for something else")]
    Use,
    /// The RSA modulus is outside 2048 to 8192 bits.
    #[error("is an RSA key outside 2048 to 8192 bits; make a longer one, or one on P-256")]
    Size,
    /// The key is damaged, or of another kind than those accepted.
    #[error("is damaged, or not a key of RSA with two primes, P-256, P-384, P-521 or Ed25519")]
    Unusable,
    /// An Ed25519 key, which can sign but not decrypt.
    #[error(
        "is an Ed25519 key, which can sign but not decrypt; use one of RSA, P-256, P-384 or P-521"
    )]
    SignsOnly,
    /// `alg` of the JSON Web Key is not a signature algorithm.
    #[error("has an `alg` that cannot be used: {0}")]
    UnknownAlgorithm(AlgorithmError),
    /// The key is not for this signature algorithm.
    #[error("is not a key for {0}")]
    Algorithm(Algorithm),
}

debug_with_causes!(PrivateKeyError);

/// What a member says that only private keys have.
fn private(member: &str) -> &'static str {
    match member {
        "d" | "p" | "q" | "dp" | "dq" | "qi" => "; a private key has it, a public one does not",
        _ => "",
    }
}

/// As the members of public keys are read.
impl From<KeyRejection> for PrivateKeyError {
    fn from(rejection: KeyRejection) -> Self {
        match rejection {
            KeyRejection::Missing(member) => Self::Missing(member),
            KeyRejection::Malformed(member) => Self::Malformed(member),
            KeyRejection::Symmetric => Self::Symmetric,
            KeyRejection::Use => Self::Use,
            KeyRejection::Size { .. } => Self::Size,
            _ => Self::Unusable,
        }
    }
}
