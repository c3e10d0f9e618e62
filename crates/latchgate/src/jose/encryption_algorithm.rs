//! The algorithms of encrypted tokens: key management of
//! [RFC 7518 §4.1](https://www.rfc-editor.org/rfc/rfc7518#section-4.1), content encryption of
//! [RFC 7518 §5.1](https://www.rfc-editor.org/rfc/rfc7518#section-5.1).

use super::algorithm::listed;
use std::{fmt, str::FromStr};

/// How the key of an encrypted token reaches its recipient: the `alg` of its header.
///
/// There is deliberately no `RSA1_5`, which leaks the key to whoever may try often enough, no `dir`, and nothing with a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-1, which is sound in this place.
    RsaOaep,
    /// RSAES-OAEP with SHA-256.
    RsaOaep256,
    /// ECDH-ES: the agreed key is the content's.
    EcdhEs,
    /// ECDH-ES, and the content's key wrapped with AES of 128 bits.
    EcdhEsA128Kw,
    /// ECDH-ES, and the content's key wrapped with AES of 192 bits.
    EcdhEsA192Kw,
    /// ECDH-ES, and the content's key wrapped with AES of 256 bits.
    EcdhEsA256Kw,
}

/// How the content of an encrypted token is sealed: the `enc` of its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// AES-CBC of 128 bits and HMAC SHA-256: what providers use unless told otherwise.
    #[default]
    A128CbcHs256,
    /// AES-CBC of 192 bits and HMAC SHA-384.
    A192CbcHs384,
    /// AES-CBC of 256 bits and HMAC SHA-512.
    A256CbcHs512,
    /// AES-GCM of 128 bits.
    A128Gcm,
    /// AES-GCM of 192 bits.
    A192Gcm,
    /// AES-GCM of 256 bits.
    A256Gcm,
}

impl KeyManagement {
    const ALL: [Self; 6] = [
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::EcdhEs,
        Self::EcdhEsA128Kw,
        Self::EcdhEsA192Kw,
        Self::EcdhEsA256Kw,
    ];

    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA192Kw => "ECDH-ES+A192KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// Whether the key is one of RSA, and otherwise one on a curve.
    pub(super) fn is_rsa(self) -> bool {
        matches!(self, Self::RsaOaep | Self::RsaOaep256)
    }
}

impl ContentEncryption {
    const ALL: [Self; 6] = [
        Self::A128CbcHs256,
        Self::A192CbcHs384,
        Self::A256CbcHs512,
        Self::A128Gcm,
        Self::A192Gcm,
        Self::A256Gcm,
    ];

    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A192Gcm => "A192GCM",
            Self::A256Gcm => "A256GCM",
        }
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyManagement {
    type Err = EncryptionAlgorithmError;

    /// Reads a registered name; letter case counts.
    fn from_str(name: &str) -> Result<Self, EncryptionAlgorithmError> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or(EncryptionAlgorithmError::KeyManagement)
    }
}

impl FromStr for ContentEncryption {
    type Err = EncryptionAlgorithmError;

    /// Reads a registered name; letter case counts.
    fn from_str(name: &str) -> Result<Self, EncryptionAlgorithmError> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or(EncryptionAlgorithmError::ContentEncryption)
    }
}

/// Why a name is not that of an algorithm for encryption.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionAlgorithmError {
    /// It is not a [`KeyManagement`].
    #[error("is not a supported algorithm for the key of an encrypted token; use one of {}", listed(&KeyManagement::ALL))]
    KeyManagement,
    /// It is not a [`ContentEncryption`].
    #[error("is not a supported algorithm for the content of an encrypted token; use one of {}", listed(&ContentEncryption::ALL))]
    ContentEncryption,
}

debug_with_causes!(EncryptionAlgorithmError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_round_trip_and_others_are_refused() {
        for known in KeyManagement::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
        }
        for known in ContentEncryption::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
        }
        for name in [
            "",
            "RSA1_5",
            "dir",
            "A128KW",
            "rsa-oaep",
            "PBES2-HS256+A128KW",
            "none",
        ] {
            let error = name.parse::<KeyManagement>().unwrap_err();
            assert!(error.to_string().ends_with("ECDH-ES+A192KW ECDH-ES+A256KW"));
            let error = name.parse::<ContentEncryption>().unwrap_err();
            assert!(error.to_string().ends_with("A128GCM A192GCM A256GCM"));
        }
    }
}
