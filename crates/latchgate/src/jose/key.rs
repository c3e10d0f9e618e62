//! Verification keys: one that a provider publishes, or the client secret.
//!
//! A key knows the algorithms it may be used with, from its type, curve and `alg`, so that no
//! signature is ever checked with a key made for something else
//! ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).

use super::{
    algorithm::Algorithm,
    jwk::{self, KeyRejection},
    verifier::{KeyParts, Verifier},
};
use aws_lc_rs::hmac;
use serde_json::{Map, Value};
use std::{fmt, sync::Arc};

/// One key that signatures are verified with, parsed once and cheap to clone.
#[derive(Clone)]
pub(crate) struct Key(Arc<KeyParts>);

impl Key {
    /// Parses a public key for signatures.
    ///
    /// Refused are symmetric keys, which nobody may publish, private ones, which nobody should
    /// have, keys for another use, and weak ones. Certificates (`x5c`, `x5u`, `x5t`) are neither
    /// looked at nor needed.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyRejection> {
        Ok(Self(Arc::new(jwk::parse(jwk)?)))
    }

    /// Makes the key of the `HS*` algorithms from the client secret (OpenID Connect Core §10.1).
    ///
    /// It fits those algorithms only whose hash is not longer than the secret, as RFC 7518 §3.2
    /// demands; an empty secret fits none.
    pub(crate) fn from_client_secret(secret: &str) -> Self {
        Self::symmetric(secret.as_bytes())
    }

    pub(super) fn symmetric(secret: &[u8]) -> Self {
        let verifiers = [
            (Algorithm::Hs256, hmac::HMAC_SHA256),
            (Algorithm::Hs384, hmac::HMAC_SHA384),
            (Algorithm::Hs512, hmac::HMAC_SHA512),
        ]
        .into_iter()
        .filter(|(_, hash)| secret.len() >= hash.tag_len())
        .map(|(algorithm, hash)| {
            (
                algorithm,
                Verifier::Secret(Box::new(hmac::Key::new(hash, secret))),
            )
        })
        .collect();
        Self(Arc::new(KeyParts {
            kid: None,
            verifiers,
        }))
    }

    /// The name of the key: an opaque text to compare, nothing to look up elsewhere.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// Whether signatures of this algorithm may be verified with the key.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.verifier(algorithm).is_some()
    }

    /// Whether the signature, in the format of a JWS, is that of the message; never with an
    /// algorithm that does not fit.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self.verifier(algorithm) {
            Some(Verifier::Public(key)) => key.verify_sig(message, signature).is_ok(),
            Some(Verifier::Secret(key)) => hmac::verify(key, message, signature).is_ok(),
            None => false,
        }
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&Verifier> {
        self.0
            .verifiers
            .iter()
            .find(|(own, _)| *own == algorithm)
            .map(|(_, verifier)| verifier)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self
            .0
            .verifiers
            .iter()
            .map(|(algorithm, _)| algorithm.as_str())
            .collect();
        f.debug_struct("Key")
            .field("kid", &self.kid())
            .field("alg", &algorithms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signer::Signer;
    use serde_json::json;

    fn key(jwk: &Value) -> Result<Key, KeyRejection> {
        Key::from_jwk(jwk.as_object().unwrap())
    }

    fn changed(signer: &Signer, member: &str, value: Value) -> Value {
        let mut jwk = signer.jwk();
        jwk[member] = value;
        jwk
    }

    const RSA: [Algorithm; 6] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];

    #[test]
    fn every_algorithm_verifies_its_own_signatures_only() {
        for algorithm in Algorithm::ALL {
            let signer = Signer::new(algorithm);
            let key = signer.key();
            let signature = signer.sign(algorithm, b"message");
            assert!(key.verify(algorithm, b"message", &signature), "{algorithm}");
            assert!(!key.verify(algorithm, b"massage", &signature));
            assert!(!key.verify(algorithm, b"message", &[]));
            for other in Algorithm::ALL
                .into_iter()
                .filter(|other| *other != algorithm)
            {
                assert!(
                    !key.verify(other, b"message", &signature),
                    "{algorithm} as {other}"
                );
            }
        }
    }

    #[test]
    fn keys_fit_the_algorithms_of_their_type_curve_and_alg() {
        let fitting = |key: &Key| {
            Algorithm::ALL
                .into_iter()
                .filter(|own| key.fits(*own))
                .collect::<Vec<_>>()
        };
        assert_eq!(fitting(&Signer::new(Algorithm::Rs256).key()), RSA);
        for algorithm in [
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::EdDsa,
        ] {
            assert_eq!(fitting(&Signer::new(algorithm).key()), [algorithm]);
        }
        let restricted = changed(&Signer::new(Algorithm::Rs256), "alg", json!("PS384"));
        assert_eq!(fitting(&key(&restricted).unwrap()), [Algorithm::Ps384]);
    }

    #[test]
    fn client_secrets_fit_hashes_they_are_long_enough_for() {
        let fitting = |length: usize| {
            let key = Key::from_client_secret(&"s".repeat(length));
            Algorithm::ALL
                .into_iter()
                .filter(|own| key.fits(*own))
                .count()
        };
        assert_eq!(
            [0, 31, 32, 47, 48, 63, 64, 200].map(fitting),
            [0, 0, 1, 1, 2, 2, 3, 3]
        );
        assert!(!Key::from_client_secret("").verify(Algorithm::Hs256, b"", &[0; 32]));
    }

    #[test]
    fn debug_shows_names_only() {
        let named = key(&changed(&Signer::new(Algorithm::EdDsa), "kid", json!("k1"))).unwrap();
        assert_eq!(
            format!("{named:?}"),
            r#"Key { kid: Some("k1"), alg: ["EdDSA"], .. }"#
        );
        let secret = Key::from_client_secret(&"hunter2".repeat(10));
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
