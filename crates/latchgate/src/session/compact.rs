//! A token kept small: the parts of a JWT are base64url text of bytes, so the bytes are kept
//! ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)). That saves a quarter of a
//! session cookie, and an ID token's claims lie there ready to be read.

//!
//! A session that is opened keeps its tokens in the bytes that were opened, and nobody takes them apart before somebody
//! asks: most requests want to know who is there, and no token.

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A token in its shortest lossless form: [`Parts`], encoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CompactToken(Bytes);

/// What a token is made of.
#[derive(Serialize, Deserialize)]
enum Parts<'a> {
    /// Three base64url parts, decoded.
    Jws {
        #[serde(borrow)]
        header: Part<'a>,
        payload: Part<'a>,
        signature: Part<'a>,
    },
    /// Anything else, to the letter. Encoded like a text; whether it is one, nobody needs to know before it is asked for.
    Opaque(Part<'a>),
}

/// Bytes that are encoded with one length prefix and copied whole.
struct Part<'a>(&'a [u8]);

impl CompactToken {
    /// Packs a token. A JWT is taken apart only if putting it together yields the same text.
    pub(crate) fn pack(token: &str) -> Self {
        Self::take_apart(token)
            .filter(|packed| packed.text() == token)
            .unwrap_or_else(|| Self::of(&Parts::Opaque(Part(token.as_bytes()))))
    }

    fn take_apart(token: &str) -> Option<Self> {
        let mut parts = token
            .split('.')
            .map(|part| BASE64URL.decode_to_vec(part).ok());
        let (header, payload, signature) = (parts.next()??, parts.next()??, parts.next()??);
        let jws = Parts::Jws {
            header: Part(&header),
            payload: Part(&payload),
            signature: Part(&signature),
        };
        parts.next().is_none().then(|| Self::of(&jws))
    }

    fn of(parts: &Parts<'_>) -> Self {
        Self(postcard::to_allocvec(parts).unwrap_or_default().into())
    }

    /// The token at the beginning of `bytes`, which are some of `kept`, and the bytes behind it.
    pub(super) fn split_off<'b>(kept: &Bytes, bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let (_, rest) = postcard::take_from_bytes::<Parts<'_>>(bytes).ok()?;
        let token = &bytes[..bytes.len() - rest.len()];
        Some((Self(kept.slice_ref(token)), rest))
    }

    fn parts(&self) -> Parts<'_> {
        // What was not encoded here was decoded before it became a token.
        postcard::from_bytes(&self.0).unwrap_or(Parts::Opaque(Part(&[])))
    }

    /// The token as it was received.
    pub(crate) fn text(&self) -> String {
        match self.parts() {
            Parts::Jws {
                header,
                payload,
                signature,
            } => [header, payload, signature]
                .map(|part| BASE64URL.encode_to_string(part.0))
                .join("."),
            Parts::Opaque(text) => String::from_utf8_lossy(text.0).into_owned(),
        }
    }

    /// The decoded payload of a JWT.
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self.parts() {
            Parts::Jws { payload, .. } => Some(payload.0),
            Parts::Opaque(_) => None,
        }
    }
}

impl fmt::Debug for CompactToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompactToken(redacted)")
    }
}

impl Serialize for CompactToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts().serialize(serializer)
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self)
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
            let mut bytes = postcard::to_allocvec(&packed).unwrap();
            bytes.push(7);
            let bytes = Bytes::from(bytes);
            let (found, rest) = CompactToken::split_off(&bytes, &bytes).unwrap();
            prop_assert!(found == packed && rest == [7]);
        }
    }
}
