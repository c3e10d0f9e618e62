//! The secret that everything is sealed with: its text form, and the values that are publicly known.

use base64_simd::STANDARD_NO_PAD;

/// A secret of 32 random bytes from which the keys that seal cookies and stored sessions are
/// derived.
///
/// Its `Debug` output does not contain it.
#[derive(Clone)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Takes 32 bytes, which must come from a cryptographically secure random generator. Building a gate fails with a key
    /// that anybody can guess, such as 32 zeros or one from an example.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 32 bytes in base64, in the standard or the URL-safe alphabet, padded or not.
    ///
    /// Surrounding white space is ignored, because keys are often read from files that end with a newline.
    ///
    /// # Errors
    ///
    /// A [`KeyError`] if the text is not base64, or not of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let text = text.trim_ascii();
        let digits = match text.strip_suffix("==").or_else(|| text.strip_suffix('=')) {
            Some(_) if !text.len().is_multiple_of(4) => return Err(KeyError::NotBase64),
            Some(digits) => digits,
            None => text,
        };
        let digits = digits.replace('-', "+").replace('_', "/");
        let bytes = STANDARD_NO_PAD
            .decode_to_vec(digits)
            .map_err(|_| KeyError::NotBase64)?;
        let key: [u8; 32] = bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| KeyError::Length { found: bytes.len() })?;
        Ok(Self(key))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is evidently not random: equal bytes, bytes or digits in sequence, or a key that this project has
    /// published.
    pub(crate) fn is_guessable(&self) -> bool {
        let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
        let first = step(&self.0[..2]);
        let counts = self.0.windows(2).all(|pair| step(pair) == first);
        counts || PRINTED.contains(&&self.0)
    }
}

/// Keys that documentation has shown, and that people type when one is required.
const PRINTED: [&[u8; 32]; 2] = [
    b"01234567890123456789012345678901",
    b"0123456789abcdef0123456789abcdef",
];

debug_redacted!(SessionKey);

/// What every error recommends.
const CURE: &str = "make one with `openssl rand -base64 32`";

/// Why a text is not a [`SessionKey`]. Does not contain the text.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not base64.
    #[error("the session key is not base64; {CURE}")]
    NotBase64,
    /// The text does not have 32 bytes.
    #[error("the session key has {found} bytes where 32 are needed; {CURE}")]
    Length {
        /// The number of bytes it has.
        found: usize,
    },
    /// Anybody can guess it: it is a placeholder, or a key from an example.
    #[error("the session key is a placeholder or an example's, which anybody can know; {CURE}")]
    Guessable,
}

debug_with_causes!(KeyError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_both_alphabets_padded_or_not() {
        let expected: [u8; 32] = std::array::from_fn(|place| 0xff - place as u8);
        let padded = base64_simd::STANDARD.encode_to_string(expected);
        assert!(padded.contains(['+', '/']) && padded.ends_with('='));
        let url_safe = padded.replace('+', "-").replace('/', "_");
        for text in [
            &padded,
            padded.trim_end_matches('='),
            &url_safe,
            url_safe.trim_end_matches('='),
            &format!(" {padded}\n"),
        ] {
            assert_eq!(SessionKey::from_base64(text).unwrap().0, expected);
        }
    }

    #[test]
    fn other_keys_are_refused_with_the_cure_and_without_their_text() {
        let short = base64_simd::STANDARD.encode_to_string((0..31).collect::<Vec<u8>>());
        let long = base64_simd::STANDARD.encode_to_string((0..33).collect::<Vec<u8>>());
        for (text, expected) in [
            ("", KeyError::Length { found: 0 }),
            ("hunter2!", KeyError::NotBase64),
            ("AAA=A", KeyError::NotBase64),
            ("AAAAA=", KeyError::NotBase64),
            ("=", KeyError::NotBase64),
            (&short, KeyError::Length { found: 31 }),
            (&long, KeyError::Length { found: 33 }),
            (
                "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB",
                KeyError::NotBase64,
            ),
        ] {
            let error = SessionKey::from_base64(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            let shown = error.to_string();
            assert!(shown.contains("openssl rand -base64 32"));
            assert!(text.len() < 5 || !shown.contains(text));
        }
        assert!(
            KeyError::Length { found: 31 }
                .to_string()
                .contains("31 bytes")
        );
    }

    #[test]
    fn keys_that_anybody_knows_are_told_from_drawn_ones() {
        let counting = |step: u8| std::array::from_fn(|place| (place as u8).wrapping_mul(step));
        for known in [
            [0; 32],
            [0xff; 32],
            *b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            counting(1),
            counting(255),
            *b"01234567890123456789012345678901",
        ] {
            assert!(SessionKey::from_bytes(known).is_guessable(), "{known:?}");
        }
        let mut drawn = [0; 32];
        drawn[31] = 1;
        assert!(!SessionKey::from_bytes(drawn).is_guessable());
    }
}
