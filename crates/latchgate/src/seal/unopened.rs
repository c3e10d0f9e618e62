//! Sealed texts that do not open: what can be told of them from outside. For our log: whoever sent
//! one learns nothing.

use super::{KEY_ID_LEN, KeyRing, peek_key_id};

/// What a text is that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WhySealed {
    /// Nothing that we have ever sealed.
    Junk,
    /// It names a key of ours, but it was altered, sealed for another place, or by another release.
    OurKey,
    /// It names a key that is not here.
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
