//! A token kept small: the parts of a JWT are base64url text of bytes, so the bytes are kept
//! ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)). That saves a quarter of a
//! session cookie, and an ID token's claims lie there ready to be read.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

/// A token in its shortest lossless form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CompactToken {
    /// Three base64url parts, decoded.
    Jws {
        header: Bytes,
        payload: Bytes,
        signature: Bytes,
    },
    /// Anything else, to the letter.
    Opaque(String),
}

/// Bytes that are encoded with one length prefix and copied whole.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(Vec<u8>);

impl CompactToken {
    /// Packs a token. A JWT is taken apart only if putting it together yields the same text.
    pub(crate) fn pack(token: &str) -> Self {
        Self::take_apart(token)
            .filter(|packed| packed.text() == token)
            .unwrap_or_else(|| Self::Opaque(token.to_owned()))
    }

    fn take_apart(token: &str) -> Option<Self> {
        let mut parts = token
            .split('.')
            .map(|part| BASE64URL.decode_to_vec(part).ok().map(Bytes));
        let jws = Self::Jws {
            header: parts.next()??,
            payload: parts.next()??,
            signature: parts.next()??,
        };
        parts.next().is_none().then_some(jws)
    }

    /// The token as it was received.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Jws {
                header,
                payload,
                signature,
            } => [header, payload, signature]
                .map(|part| BASE64URL.encode_to_string(&part.0))
                .join("."),
            Self::Opaque(text) => text.clone(),
        }
    }

    /// The decoded payload of a JWT.
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Jws { payload, .. } => Some(&payload.0),
            Self::Opaque(_) => None,
        }
    }
}

impl fmt::Debug for CompactToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactToken(redacted)")
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Self(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_jwt_is_kept_in_three_quarters_of_its_length() {
        let token = format!(
            "{}.{}.{}",
            "eyJhbGciOiJSUzI1NiJ9",
            "eyJzdWIiOiIxIn0",
            "A".repeat(344)
        );
        let packed = CompactToken::pack(&token);
        assert_eq!(packed.payload(), Some(br#"{"sub":"1"}"#.as_slice()));
        assert!(postcard::to_allocvec(&packed).unwrap().len() < token.len() * 77 / 100);
        assert_eq!(packed.text(), token);
    }

    proptest! {
        #[test]
        fn every_token_comes_back_to_the_letter(token in "[A-Za-z0-9_=.-]{0,64}|[ -~]{0,40}") {
            let packed = CompactToken::pack(&token);
            prop_assert_eq!(packed.text(), token);
            let bytes = postcard::to_allocvec(&packed).unwrap();
            prop_assert!(postcard::from_bytes::<CompactToken>(&bytes).unwrap() == packed);
        }
    }
}
