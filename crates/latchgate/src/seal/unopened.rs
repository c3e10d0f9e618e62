//! Sealed texts that do not open, and what can be said about them from outside. For the log only: whoever sent one learns
//! nothing.

use super::{KEY_ID_LEN, KeyRing, peek_key_id};

/// What kind of text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WhySealed {
    /// It was never sealed here.
    Junk,
    /// It names one of the keys in use, but was altered, sealed for another place, or sealed by another release.
    OurKey,
    /// It names a key that is not in use.
    UnknownKey,
}

impl KeyRing {
    /// Why a text does not open.
    pub(crate) fn why_sealed(&self, text: &[u8]) -> WhySealed {
        match peek_key_id(text) {
            Some(id) => self.why_sealed_by(&id),
            None => WhySealed::Junk,
        }
    }

    fn why_sealed_by(&self, id: &[u8; KEY_ID_LEN]) -> WhySealed {
        if self.keys().any(|(key, _)| key.id == *id) {
            WhySealed::OurKey
        } else {
            WhySealed::UnknownKey
        }
    }
}
