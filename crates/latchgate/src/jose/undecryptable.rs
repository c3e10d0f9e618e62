//! The one error of decryption: [RFC 7516 §11.5](https://www.rfc-editor.org/rfc/rfc7516#section-11.5).

use aws_lc_rs::error::Unspecified;

/// Something could not be decrypted. Where it went wrong, in the key, the tag or the padding, is not told: each would
/// help whoever tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecryptable;

impl From<Unspecified> for Undecryptable {
    fn from(_: Unspecified) -> Self {
        Self
    }
}
