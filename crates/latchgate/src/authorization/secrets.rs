//! The unpredictable parts of a login: `state` ([RFC 6749 §10.12](https://www.rfc-editor.org/rfc/rfc6749#section-10.12)),
//! `nonce` ([OpenID Connect Core 1.0 §15.5.2](https://openid.net/specs/openid-connect-core-1_0.html#NonceNotes)), the
//! code verifier, and the key that the tokens are bound to ([RFC 9449 §10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).

use serde::{Deserialize, Serialize};

use super::pkce::CodeVerifier;
use crate::io::{Random, RandomError};
use crate::jose::ProofKey;

/// The `state` parameter: 256 random bits that tie the answer to this browser's login cookie.
/// Created here, compared in the authorization response.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State([u8; 32]);

/// The `nonce` parameter: 256 random bits that tie the ID token to this login. Created here, compared
/// in the ID token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Nonce([u8; 32]);

impl State {
    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Compares in constant time.
    pub(crate) fn equals(&self, text: &str) -> bool {
        equal(&self.text(), text)
    }
}

impl Nonce {
    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Compares in constant time.
    pub(crate) fn equals(&self, text: &str) -> bool {
        equal(&self.text(), text)
    }
}

fn equal(expected: &str, found: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), found.as_bytes()).is_ok()
}

debug_redacted!(State);

debug_redacted!(Nonce);

/// The unpredictable parts of one login.
#[derive(Debug)]
pub(crate) struct LoginSecrets {
    pub(super) state: State,
    pub(super) nonce: Nonce,
    pub(super) verifier: CodeVerifier,
    pub(super) dpop_key: Option<ProofKey>,
}

impl LoginSecrets {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        // At once: most of a draw's cost does not depend on its length.
        let drawn: [u8; 96] = random.array()?;
        let secret = |place: usize| std::array::from_fn(|byte| drawn[place * 32 + byte]);
        Ok(Self {
            state: State(secret(0)),
            nonce: Nonce(secret(1)),
            verifier: CodeVerifier::new(secret(2)),
            dpop_key: None,
        })
    }

    /// Draws a key too, for the tokens to be bound to.
    pub(crate) fn with_key(self, random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self {
            dpop_key: Some(draw_proof_key(random)?),
            ..self
        })
    }
}

/// Draws a key for tokens to be bound to.
pub(crate) fn draw_proof_key(random: &dyn Random) -> Result<ProofKey, RandomError> {
    // Only one draw in four billion is not a key: a generator that makes several of them is broken.
    for _ in 0..4 {
        if let Some(key) = ProofKey::of(random.array()?) {
            return Ok(key);
        }
    }
    Err(RandomError)
}
