//! JOSE: keys, signatures, encryption and the structure of a JWT. What the claims mean is decided elsewhere.
//!
//! A token is taken apart by [`Jws::parse`], its signature checked against a [`KeySet`] with the
//! one [`Algorithm`] that was agreed upon beforehand, and its claims read with duplicate names
//! refused. Nothing in a token chooses its key or its algorithm
//! ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).

mod algorithm;
mod compact;
mod content;
mod curve;
mod decryption_key;
mod encryption_algorithm;
mod json;
mod jwe;
mod jwk;
mod jws;
mod key;
mod key_agreement;
mod key_set;
mod key_wrap;
mod pair;
mod private_jwk;
mod private_key;
mod private_key_error;
mod proof_key;
mod secret_signature;
#[cfg(test)]
mod signer;
mod thumbprint;
mod undecryptable;
mod verifier;

pub(crate) use algorithm::left_half_hash;
pub use algorithm::{Algorithm, AlgorithmError};
pub use decryption_key::DecryptionKey;
pub use encryption_algorithm::{ContentEncryption, EncryptionAlgorithmError, KeyManagement};
pub use json::JsonError;
pub(crate) use json::strict_object;
pub use jwe::JweError;
pub(crate) use jwe::{Encryption, is_encrypted};
pub(crate) use jws::Jws;
pub use jws::JwsError;
pub(crate) use key::Key;
pub(crate) use key_set::KeySet;
pub use key_set::KeySetError;
pub(crate) use private_key::PrivateKey;
pub use private_key_error::PrivateKeyError;
pub(crate) use proof_key::ProofKey;
pub(crate) use secret_signature::sign_with_secret;
#[cfg(test)]
pub(crate) use signer::Signer;
