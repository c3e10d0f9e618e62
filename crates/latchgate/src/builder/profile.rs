//! What a security profile decides, and which settings contradict it.

use super::provider::Provider;
use crate::client::{AssertionAudience, ClientAuth, ResponseMode, SecurityProfile, Usage};
use crate::config::{Mistake, Mistakes, Problem};
use crate::jose::Algorithm;

/// The settings that a profile decides, where it does.
pub(super) struct Decided {
    pub(super) par: Usage,
    pub(super) dpop: Usage,
    pub(super) signed_requests: Usage,
    pub(super) response_mode: ResponseMode,
    pub(super) id_token_alg: Algorithm,
}

impl Decided {
    /// Decides what was left open. Contradictions are added to `mistakes`.
    pub(super) fn by_profile(
        provider: &Provider,
        auth: Option<&ClientAuth>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let profile = provider.profile;
        let mut decided = Self {
            par: provider.par,
            dpop: provider.dpop,
            signed_requests: provider.signed_requests,
            response_mode: provider.response_mode.unwrap_or_default(),
            id_token_alg: provider.id_token_alg.unwrap_or(Algorithm::Rs256),
        };
        if profile == SecurityProfile::None {
            if let (Usage::Always, Some(auth)) = (provider.signed_requests, auth)
                && !matches!(auth, ClientAuth::PrivateKeyJwt(_))
            {
                mistakes.add(Mistake::new("signed_requests", Problem::NoSigningKey));
            }
            return decided;
        }
        let mut contradicts = |setting, cure| {
            mistakes.add(Mistake::new(setting, Problem::Profile { cure }));
        };
        let mut always = |setting, usage: &mut Usage| {
            if *usage == Usage::Never {
                contradicts(setting, "leave it at `auto`");
            }
            *usage = Usage::Always;
        };
        always("par", &mut decided.par);
        always("dpop", &mut decided.dpop);
        if profile == SecurityProfile::Fapi2MessageSigning {
            always("signed_requests", &mut decided.signed_requests);
            let mode = provider.response_mode.unwrap_or(ResponseMode::Jwt);
            if !mode.is_jwt() {
                contradicts("response_mode", "set `jwt`, `query.jwt` or `form_post.jwt`");
            }
            decided.response_mode = mode;
        }
        decided.id_token_alg = provider.id_token_alg.unwrap_or(Algorithm::Ps256);
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
            Some(_) => contradicts("client_auth", "authenticate with `private_key_jwt`"),
        }
        if provider.assertion_audience != AssertionAudience::Issuer {
            contradicts("client_auth_audience", "leave it at the issuer");
        }
        decided
    }
}
