//! What verification keys are made of.

use super::algorithm::Algorithm;
use aws_lc_rs::{hmac, signature::ParsedPublicKey};

/// What a key is made of.
pub(super) struct Parsed {
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
