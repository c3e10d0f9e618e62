//! A token in compact form: the parts of a JWT are base64url, so the decoded bytes are stored
//! ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)). That makes a
//! session cookie a quarter smaller, and the claims of an ID token can be read in place.
//!
//! The tokens of an opened session are slices of the opened bytes, and are parsed on first use: most requests need to
//! know who is signed in, and need no token.

use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A token in its shortest lossless form: [`Parts`], encoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CompactToken(Bytes);

/// The parts of a token.
#[derive(Serialize, Deserialize)]
enum Parts<'a> {
    /// Three base64url parts, decoded.
    Jws {
        #[serde(borrow)]
        header: Part<'a>,
        payload: Part<'a>,
        signature: Part<'a>,
    },
    /// Anything else, unchanged. Encoded like a string, but not checked to be UTF-8 until it is used.
    Opaque(Part<'a>),
}

/// Bytes, encoded after their length, and read where they are. A text is encoded alike.
pub(super) struct Part<'a>(pub(super) &'a [u8]);

impl CompactToken {
    /// What the kind of a token and the lengths of its parts take: a byte, and three lengths of at most three bytes.
    const LENGTHS: usize = 10;

    /// Packs a token. What decodes as a JWT has no other text: base64url is decoded strictly.
    pub(crate) fn pack(token: &str) -> Self {
        Self::decode(token)
            .unwrap_or_else(|| Self::of(&Parts::Opaque(Part(token.as_bytes())), token.len()))
    }

    fn decode(token: &str) -> Option<Self> {
        let (header, rest) = token.split_once('.')?;
        let (payload, signature) = rest.split_once('.')?;
        let mut decoded = Vec::with_capacity(token.len());
        let mut ends = [0; 3];
        for (part, end) in [header, payload, signature].into_iter().zip(&mut ends) {
            BASE64URL.decode_append(part, &mut decoded).ok()?;
            *end = decoded.len();
        }
        let [header, payload, signature] = ends;
        let jws = Parts::Jws {
            header: Part(&decoded[..header]),
            payload: Part(&decoded[header..payload]),
            signature: Part(&decoded[payload..signature]),
        };
        Some(Self::of(&jws, decoded.len()))
    }

    /// The parts, which have so many bytes, encoded.
    fn of(parts: &Parts<'_>, len: usize) -> Self {
        let room = Vec::with_capacity(len + Self::LENGTHS);
        Self(postcard::to_extend(parts, room).unwrap_or_default().into())
    }

    pub(super) fn encoded(&self) -> Part<'_> {
        Part(&self.0)
    }

    /// What [`CompactToken::encoded`] returned.
    pub(super) fn encoded_as(bytes: Bytes) -> Self {
        Self(bytes)
    }

    fn parts(&self) -> Parts<'_> {
        // These bytes were encoded here, or by whoever has sealed them.
        postcard::from_bytes(&self.0).unwrap_or(Parts::Opaque(Part(&[])))
    }

    /// The token as it was received.
    pub(crate) fn text(&self) -> String {
        match self.parts() {
            Parts::Jws {
                header,
                payload,
                signature,
            } => {
                let mut text = String::with_capacity(self.0.len() * 4 / 3 + 4);
                for (separator, part) in [("", header), (".", payload), (".", signature)] {
                    text.push_str(separator);
                    BASE64URL.encode_append(part.0, &mut text);
                }
                text
            }
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

debug_redacted!(CompactToken);

impl Serialize for CompactToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encoded().serialize(serializer)
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

    /// The last characters of a part, of which some bits count for nothing.
    #[test]
    fn a_part_that_could_be_written_in_another_way_is_kept_as_it_is() {
        const ALPHABET: &str =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
        for first in ALPHABET.chars() {
            for second in ALPHABET.chars() {
                for part in [
                    format!("{first}"),
                    format!("{first}{second}"),
                    format!("AA{first}{second}"),
                    format!("A{first}{second}"),
                ] {
                    let token = format!("{part}.{part}.{part}");
                    assert_eq!(CompactToken::pack(&token).text(), token);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_token_comes_back_to_the_letter(token in "[A-Za-z0-9_=.-]{0,64}|[ -~]{0,40}") {
            let packed = CompactToken::pack(&token);
            prop_assert_eq!(packed.text(), token);
            let again = CompactToken::encoded_as(Bytes::copy_from_slice(packed.encoded().0));
            prop_assert!(again == packed);
        }
    }
}
