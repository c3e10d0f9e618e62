//! What a security profile decides, and which settings contradict it.

use crate::client::{
    AssertionAudience, ClientAuth, ResponseMode, SecurityProfile, SenderConstraint, Usage,
};
use crate::config::{Mistakes, Problem};
use crate::jose::Algorithm;

/// The settings that a profile decides, as far as they are set.
#[derive(Clone, Debug, Default)]
pub(super) struct SecurityChoices {
    pub(super) profile: SecurityProfile,
    pub(super) par: Usage,
    pub(super) dpop: Usage,
    pub(super) certificate_bound: bool,
    pub(super) signed_requests: Usage,
    pub(super) response_mode: Option<ResponseMode>,
    pub(super) id_token_alg: Option<Algorithm>,
    pub(super) assertion_audience: AssertionAudience,
}

/// The same settings, decided.
pub(super) struct Decided {
    pub(super) par: Usage,
    pub(super) binding: SenderConstraint,
    pub(super) signed_requests: Usage,
    pub(super) response_mode: ResponseMode,
    pub(super) id_token_alg: Algorithm,
}

impl SecurityChoices {
    /// Decides what was left open. Contradictions are added to `mistakes`.
    pub(super) fn decide(&self, auth: Option<&ClientAuth>, mistakes: &mut Mistakes) -> Decided {
        let profile = self.profile;
        let mut decided = Decided {
            par: self.par,
            binding: self.binding(mistakes),
            signed_requests: self.signed_requests,
            response_mode: self.response_mode.unwrap_or_default(),
            id_token_alg: self.id_token_alg.unwrap_or(Algorithm::Rs256),
        };
        if profile == SecurityProfile::None {
            if let (Usage::Always, Some(auth)) = (self.signed_requests, auth)
                && !matches!(auth, ClientAuth::PrivateKeyJwt(_))
            {
                mistakes.add("signed_requests", Problem::NoSigningKey);
            }
            return decided;
        }
        let mut contradicts = |setting, cure| {
            mistakes.add(setting, Problem::Profile { cure });
        };
        let mut always = |setting, usage: &mut Usage| {
            if *usage == Usage::Never {
                contradicts(setting, "leave it at `auto`");
            }
            *usage = Usage::Always;
        };
        always("par", &mut decided.par);
        if profile == SecurityProfile::Fapi2MessageSigning {
            always("signed_requests", &mut decided.signed_requests);
            let mode = self.response_mode.unwrap_or(ResponseMode::Jwt);
            if !mode.is_jwt() {
                contradicts("response_mode", "set `jwt`, `query.jwt` or `form_post.jwt`");
            }
            decided.response_mode = mode;
        }
        if decided.binding == SenderConstraint::None {
            if self.dpop == Usage::Never {
                contradicts(
                    "dpop",
                    "leave it at `auto`, or set `certificate_bound_tokens`",
                );
            }
            decided.binding = SenderConstraint::Dpop;
        }
        decided.id_token_alg = self.id_token_alg.unwrap_or(Algorithm::Ps256);
        if !profile.permits(decided.id_token_alg) {
            contradicts("id_token_alg", "set `PS256`, `ES256` or `EdDSA`");
        }
        match auth {
            Some(ClientAuth::PrivateKeyJwt(key)) if !profile.permits(key.signature_algorithm()) => {
                contradicts(
                    "client_auth_alg",
                    "set `PS256` for an RSA key, or use a key on P-256 or Ed25519",
                );
            }
            Some(ClientAuth::PrivateKeyJwt(_)) | None => {}
            Some(auth) if auth.is_by_certificate() && profile == SecurityProfile::Fapi2 => {}
            Some(auth) if auth.is_by_certificate() => contradicts(
                "client_auth",
                "authenticate with `private_key_jwt`: its key signs the requests too",
            ),
            Some(_) => contradicts(
                "client_auth",
                "authenticate with `private_key_jwt`, `tls_client_auth` or `self_signed_tls_client_auth`",
            ),
        }
        if self.assertion_audience != AssertionAudience::Issuer {
            contradicts("assertion_audience", "leave it at the issuer");
        }
        decided
    }

    /// What tokens are bound to, as far as it is set.
    fn binding(&self, mistakes: &mut Mistakes) -> SenderConstraint {
        match (self.dpop, self.certificate_bound) {
            (Usage::Always, true) => {
                mistakes.add("certificate_bound_tokens", Problem::BoundTwice);
                SenderConstraint::Certificate
            }
            (_, true) => SenderConstraint::Certificate,
            (Usage::Always, false) => SenderConstraint::Dpop,
            (Usage::WhenRequired | Usage::Never, false) => SenderConstraint::None,
        }
    }
}
