//! Security profiles of the OpenID Foundation: sets of the protocol's extensions that belong together
//! ([FAPI 2.0 Security Profile §5](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5)).

use crate::jose::Algorithm;

/// A security profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SecurityProfile {
    /// None: OpenID Connect with what this crate always demands.
    #[default]
    None,
    /// FAPI 2.0 Security Profile.
    Fapi2,
    /// FAPI 2.0 Message Signing, with signed requests and responses, on top of the Security Profile.
    Fapi2MessageSigning,
}

impl SecurityProfile {
    /// Whether signatures by this algorithm are strong enough (Security Profile §5.4.1).
    pub(crate) fn permits(self, algorithm: Algorithm) -> bool {
        let strong = [Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];
        self == Self::None || strong.contains(&algorithm)
    }
}
