//! What verification keys are made of: each with the algorithms that it may be used with
//! ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).

use super::algorithm::Algorithm;
use aws_lc_rs::{hmac, signature::ParsedPublicKey};

/// What a key is made of.
pub(super) struct KeyParts {
    pub(super) kid: Option<String>,
    pub(super) verifiers: Vec<(Algorithm, Verifier)>,
}

/// A key and how to use it.
pub(super) enum Verifier {
    /// A public key.
    Public(ParsedPublicKey),
    /// A shared secret, boxed because it is so much larger.
    Secret(Box<hmac::Key>),
}
