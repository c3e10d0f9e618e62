//! Proof Key for Code Exchange: [RFC 7636 §4](https://www.rfc-editor.org/rfc/rfc7636#section-4).
//! Always S256, whatever the metadata says.

use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};

/// The code verifier: 32 random bytes, 43 characters as text. Created here, used in the token request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodeVerifier([u8; 32]);

impl CodeVerifier {
    pub(crate) fn new(chance: [u8; 32]) -> Self {
        Self(chance)
    }

    /// The challenge for the authorization request.
    pub(crate) fn challenge(&self) -> PkceCodeChallenge {
        PkceCodeChallenge::from_code_verifier_sha256(&self.text())
    }

    /// Moves the verifier into the token request.
    pub(crate) fn reveal(self) -> PkceCodeVerifier {
        self.text()
    }

    fn text(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}

debug_redacted!(CodeVerifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_sha256_of_a_verifier_of_43_characters() {
        // RFC 7636 Appendix B.
        let bytes = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212,
            37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = CodeVerifier::new(bytes);
        let challenge = verifier.challenge();
        assert_eq!(
            challenge.as_str(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert_eq!(challenge.method().as_str(), "S256");
        assert_eq!(
            verifier.reveal().secret(),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }
}
