//! Why a private key cannot be used, be it PKCS#8 ([RFC 5958 §2](https://www.rfc-editor.org/rfc/rfc5958#section-2)) or a
//! JSON Web Key ([RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4)), and what would be right.

use super::{
    algorithm::{Algorithm, AlgorithmError},
    json::JsonError,
    jwk::KeyRejection,
};
use std::{error::Error, fmt};

/// Why a private key cannot be used. Shows nothing of the key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// The text has no private key in PEM.
    NotPem,
    /// The PEM text has a certificate or a public key, and no private key.
    PublicOnly,
    /// The key is encrypted with a passphrase.
    Encrypted,
    /// The text is not a JSON Web Key.
    NotJwk(JsonError),
    /// The text is a JWK Set.
    KeySet,
    /// The JSON Web Key is a shared secret (`oct`).
    Symmetric,
    /// The JSON Web Key lacks a member.
    Missing(&'static str),
    /// A member of the JSON Web Key is malformed.
    Malformed(&'static str),
    /// `use` or `key_ops` of the JSON Web Key exclude what the key is for.
    Use,
    /// The RSA modulus is outside 2048 to 8192 bits.
    Size,
    /// The key is damaged, or of another kind than those accepted.
    Unusable,
    /// An Ed25519 key, which can sign but not decrypt.
    SignsOnly,
    /// `alg` of the JSON Web Key is not a signature algorithm.
    UnknownAlgorithm(AlgorithmError),
    /// The key is not for this signature algorithm.
    Algorithm(Algorithm),
}

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str(
                "has no private key in PEM (`-----BEGIN PRIVATE KEY-----`) and is not a JSON Web Key; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`",
            ),
            Self::PublicOnly => f.write_str(
                "has a certificate or a public key, but no private key (`-----BEGIN PRIVATE KEY-----`)",
            ),
            Self::Encrypted => f.write_str(
                "has a private key that is encrypted with a passphrase; decrypt it with `openssl pkey -in KEY -out PLAIN`, and let nobody else read the file",
            ),
            Self::NotJwk(error) => write!(f, "is not a JSON Web Key: {error}"),
            Self::KeySet => f.write_str("is a set of JSON Web Keys; give the one private key to use"),
            Self::Symmetric => f.write_str(
                "is a shared secret (`oct`), not a private key; for `client_secret_jwt` set the client secret",
            ),
            Self::Missing(member) if matches!(*member, "d" | "p" | "q" | "dp" | "dq" | "qi") => write!(
                f,
                "is a JSON Web Key without `{member}`; a private key has it, a public one does not"
            ),
            Self::Missing(member) => write!(f, "is a JSON Web Key without `{member}`"),
            Self::Malformed(member) => write!(f, "is a JSON Web Key with a malformed `{member}`"),
            Self::Use => f.write_str("is a JSON Web Key whose `use` or `key_ops` say that it is for something else"),
            Self::Size => f.write_str("is an RSA key outside 2048 to 8192 bits; make a longer one, or one on P-256"),
            Self::Unusable => f.write_str(
                "is damaged, or not a key of RSA with two primes, P-256, P-384, P-521 or Ed25519",
            ),
            Self::SignsOnly => f.write_str(
                "is an Ed25519 key, which can sign but not decrypt; use one of RSA, P-256, P-384 or P-521",
            ),
            Self::UnknownAlgorithm(error) => write!(f, "has an `alg` that cannot be used: {error}"),
            Self::Algorithm(algorithm) => write!(f, "is not a key for {algorithm}"),
        }
    }
}

impl Error for PrivateKeyError {}

debug_with_causes!(PrivateKeyError);

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
