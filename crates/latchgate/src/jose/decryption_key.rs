//! Private keys that decrypt what the provider has encrypted for us:
//! [RFC 7516 §5.2](https://www.rfc-editor.org/rfc/rfc7516#section-5.2), steps 6 to 10, by the algorithms of
//! [RFC 7518 §4](https://www.rfc-editor.org/rfc/rfc7518#section-4).

use super::{
    curve::Curve,
    encryption_algorithm::{ContentEncryption, KeyManagement},
    json::strict_object,
    key_agreement::agree,
    key_wrap::unwrap,
    pair::Pair,
    private_key::PrivateKey,
    private_key_error::PrivateKeyError,
    undecryptable::Undecryptable,
};
use aws_lc_rs::{
    agreement,
    encoding::{AsBigEndian, AsDer},
    error::Unspecified,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A private key of the client that ID tokens and userinfo are encrypted for: RSA with 2048 to 8192 bits, or on P-256,
/// P-384 or P-521.
///
/// Let it be another one than the key that signs: [`ClientKey`](crate::ClientKey). Register the public half at the
/// provider. `Debug` shows the name only. A clone shares the key.
#[derive(Clone)]
pub struct DecryptionKey {
    half: Arc<PrivateHalf>,
    public: Map<String, Value>,
    kid: Option<String>,
}

enum PrivateHalf {
    Rsa(OaepPrivateDecryptingKey),
    Ec(Curve, agreement::PrivateKey),
}

impl DecryptionKey {
    /// Reads a key in PEM, not encrypted: PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if there is no such key, or not one of the accepted kinds.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        Self::new(PrivateKey::from_pem(pem.as_ref())?)
    }

    /// Reads a private JSON Web Key ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), as JSON. Its `kid` is taken
    /// over.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if it is not one, not of the accepted kinds, or not for encryption.
    pub fn from_jwk(json: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        let jwk = strict_object(json.as_ref()).map_err(PrivateKeyError::NotJwk)?;
        let key = Self::new(PrivateKey::from_jwk(&jwk)?)?;
        if jwk.get("use").is_some_and(|value| value != "enc") {
            return Err(PrivateKeyError::Use);
        }
        match jwk.get("kid") {
            None => Ok(key),
            Some(Value::String(kid)) => Ok(key.kid(kid)),
            Some(_) => Err(PrivateKeyError::Malformed("kid")),
        }
    }

    /// Reads a key in PKCS#8 ([RFC 5958](https://www.rfc-editor.org/rfc/rfc5958)), in DER, not encrypted.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if it is not one, or not of the accepted kinds.
    pub fn from_pkcs8_der(der: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        Self::new(PrivateKey::from_pkcs8_der(der.as_ref())?)
    }

    /// Reads a PEM text or a JSON Web Key, whichever it is.
    pub(crate) fn read(text: &[u8]) -> Result<Self, PrivateKeyError> {
        match text.trim_ascii_start().first() {
            Some(b'{') => Self::from_jwk(text),
            _ => Self::from_pem(text),
        }
    }

    fn new(key: PrivateKey) -> Result<Self, PrivateKeyError> {
        let half = match &key.pair {
            Pair::Rsa(pair) => {
                let key = pair.as_der().map_err(unusable)?;
                let key = PrivateDecryptingKey::from_pkcs8(key.as_ref());
                let key = key.map_err(|_| PrivateKeyError::Unusable)?;
                PrivateHalf::Rsa(OaepPrivateDecryptingKey::new(key).map_err(unusable)?)
            }
            Pair::Ec(curve, pair) => {
                let d = pair.private_key().as_be_bytes().map_err(unusable)?;
                let key = agreement::PrivateKey::from_private_key(curve.agreement(), d.as_ref());
                PrivateHalf::Ec(*curve, key.map_err(|_| PrivateKeyError::Unusable)?)
            }
            Pair::Ed25519(_) => return Err(PrivateKeyError::SignsOnly),
        };
        Ok(Self {
            half: Arc::new(half),
            public: key.public_jwk().clone(),
            kid: None,
        })
    }

    /// The name of the key at the provider. A token that names another key is not decrypted with this one.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The public half as a JSON Web Key with `use`, and `kid` if it has one: what a provider may see.
    #[must_use]
    pub fn public_jwk(&self) -> String {
        let mut jwk = self.public.clone();
        jwk.insert("use".to_owned(), json!("enc"));
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), json!(kid));
        }
        Value::Object(jwk).to_string()
    }

    /// Whether keys of this algorithm's kind are like this one.
    pub(crate) fn fits(&self, algorithm: KeyManagement) -> bool {
        matches!(self.half.as_ref(), PrivateHalf::Rsa(_)) == algorithm.is_rsa()
    }

    /// Whether a token with this `kid` may be for the key.
    pub(super) fn may_be(&self, kid: Option<&str>) -> bool {
        match (self.kid.as_deref(), kid) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        }
    }

    /// The key of the content.
    pub(super) fn content_key(
        &self,
        algorithm: KeyManagement,
        encryption: ContentEncryption,
        header: &Map<String, Value>,
        encrypted_key: &[u8],
    ) -> Result<Vec<u8>, Undecryptable> {
        match (self.half.as_ref(), algorithm) {
            (PrivateHalf::Rsa(key), KeyManagement::RsaOaep | KeyManagement::RsaOaep256) => {
                let hash = match algorithm {
                    KeyManagement::RsaOaep256 => &OAEP_SHA256_MGF1SHA256,
                    _ => &OAEP_SHA1_MGF1SHA1,
                };
                let mut output = vec![0; key.min_output_size()];
                let content_key = key.decrypt(hash, encrypted_key, &mut output, None)?;
                Ok(content_key.to_vec())
            }
            (PrivateHalf::Ec(curve, key), KeyManagement::EcdhEs) => {
                if !encrypted_key.is_empty() {
                    return Err(Undecryptable);
                }
                let length = encryption.key_length();
                agree(*curve, key, header, encryption.as_str(), length)
            }
            (PrivateHalf::Ec(curve, key), _) => {
                let length = match algorithm {
                    KeyManagement::EcdhEsA128Kw => 16,
                    KeyManagement::EcdhEsA192Kw => 24,
                    KeyManagement::EcdhEsA256Kw => 32,
                    _ => return Err(Undecryptable),
                };
                let kek = agree(*curve, key, header, algorithm.as_str(), length)?;
                unwrap(&kek, encrypted_key)
            }
            (PrivateHalf::Rsa(_), _) => Err(Undecryptable),
        }
    }
}

fn unusable(_: Unspecified) -> PrivateKeyError {
    PrivateKeyError::Unusable
}

debug_fields!(DecryptionKey { kid });
