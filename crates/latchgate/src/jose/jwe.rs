//! Encrypted tokens: the compact serialisation of
//! [RFC 7516 §7.1](https://www.rfc-editor.org/rfc/rfc7516#section-7.1), decrypted as its §5.2 tells, by the rules of
//! [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725):
//!
//! * Both algorithms are those agreed upon; a token that names others is refused before any key is used (§3.1).
//! * `zip` is refused: what a token says of its length must be true (§3.6). So is `crit`.
//! * What went wrong while decrypting is one error, whatever it was.
//! * What is inside is a token again, and its signature is checked like any other's: encryption says nothing of the
//!   sender, for anybody may encrypt with a public key.

use super::{
    content::Sealed,
    decryption_key::DecryptionKey,
    encryption_algorithm::{ContentEncryption, KeyManagement},
    json::{JsonError, strict_object},
    undecryptable::Undecryptable,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The longest token that is decrypted, in bytes.
const MAX_LEN: usize = 96 * 1024;

/// What was agreed upon with the provider for encrypted tokens.
#[derive(Clone, Debug)]
pub(crate) struct Encryption {
    pub(crate) alg: KeyManagement,
    pub(crate) enc: ContentEncryption,
    /// Our keys, newest first.
    pub(crate) keys: Vec<DecryptionKey>,
}

impl Encryption {
    /// Decrypts a token. What it contains is a text that still has to be verified.
    pub(crate) fn decrypt(&self, token: &str) -> Result<String, JweError> {
        if token.len() > MAX_LEN {
            return Err(JweError::TooLong { bytes: token.len() });
        }
        let [header, key, iv, ciphertext, tag] = parts(token)?;
        let members = strict_object(&decode(header, "header")?).map_err(JweError::Header)?;
        self.check_header(&members)?;
        let kid = members.get("kid").and_then(Value::as_str);
        let encrypted_key = decode(key, "encrypted key")?;
        let sealed = || {
            Ok(Sealed {
                header,
                iv: decode(iv, "initialization vector")?,
                ciphertext: decode(ciphertext, "ciphertext")?,
                tag: decode(tag, "authentication tag")?,
            })
        };
        for ours in self.keys.iter().filter(|key| key.may_be(kid)) {
            let sealed = sealed()?;
            let content = ours
                .content_key(self.alg, self.enc, &members, &encrypted_key)
                .and_then(|key| self.enc.decrypt(&key, sealed))
                .and_then(|content| String::from_utf8(content).map_err(|_| Undecryptable));
            if let Ok(content) = content {
                return Ok(content);
            }
        }
        Err(JweError::Undecryptable)
    }

    /// RFC 7516 §4.1, as far as it matters before a key is used.
    fn check_header(&self, header: &Map<String, Value>) -> Result<(), JweError> {
        for name in ["alg", "enc", "kid"] {
            if header.get(name).is_some_and(|value| !value.is_string()) {
                return Err(JweError::HeaderMember { name });
            }
        }
        if header.contains_key("crit") {
            return Err(JweError::Critical);
        }
        if header.contains_key("zip") {
            return Err(JweError::Compressed);
        }
        if header.get("alg").and_then(Value::as_str) != Some(self.alg.as_str()) {
            return Err(JweError::KeyManagement { expected: self.alg });
        }
        if header.get("enc").and_then(Value::as_str) != Some(self.enc.as_str()) {
            return Err(JweError::ContentEncryption { expected: self.enc });
        }
        Ok(())
    }
}

/// Why an encrypted token was refused; of the token it shows nothing.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JweError {
    /// The token is not encrypted, although that was agreed upon.
    #[error(
        "the token is not encrypted, but encryption is configured; register the client for encrypted tokens, or remove the setting"
    )]
    NotEncrypted,
    /// The token is longer than 96 KiB.
    #[error("the token has {bytes} bytes; at most {MAX_LEN} are accepted")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The token does not have five parts.
    #[error("the token has {parts} parts; an encrypted token has 5")]
    Structure {
        /// How many parts it has.
        parts: usize,
    },
    /// A part is not canonical base64url.
    #[error("the token's {part} is not base64url without padding")]
    Encoding {
        /// Which part.
        part: &'static str,
    },
    /// The header is not a JSON object with unique names.
    #[error("the token's header cannot be read: {0}")]
    Header(JsonError),
    /// A header member has the wrong type.
    #[error("`{name}` in the token's header has the wrong type")]
    HeaderMember {
        /// Its name.
        name: &'static str,
    },
    /// `crit` requires extensions, and none are supported.
    #[error("the token's `crit` requires extensions, and none are supported")]
    Critical,
    /// `zip` says that the content is compressed.
    #[error("the token is compressed, which is never accepted")]
    Compressed,
    /// `alg` is not the agreed algorithm.
    #[error("the token's `alg` is not {expected}, which is configured")]
    KeyManagement {
        /// The agreed algorithm.
        expected: KeyManagement,
    },
    /// `enc` is not the agreed algorithm.
    #[error("the token's `enc` is not {expected}, which is configured")]
    ContentEncryption {
        /// The agreed algorithm.
        expected: ContentEncryption,
    },
    /// It cannot be decrypted: it is for another key, damaged or forged. Which one is not told.
    #[error(
        "the token cannot be decrypted with the client's decryption keys; does the provider have their public keys?"
    )]
    Undecryptable,
}

debug_with_causes!(JweError);

/// Whether a token has the five parts of an encrypted one.
pub(crate) fn is_encrypted(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 4
}

/// Splits a token at its dots.
fn parts(token: &str) -> Result<[&str; 5], JweError> {
    // One more than there may be, whatever the token is made of.
    let parts: Vec<_> = token.splitn(6, '.').collect();
    parts
        .try_into()
        .map_err(|parts: Vec<&str>| match parts.len() {
            3 => JweError::NotEncrypted,
            parts => JweError::Structure { parts },
        })
}

fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, JweError> {
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| JweError::Encoding { part })
}

#[cfg(test)]
mod tests;
