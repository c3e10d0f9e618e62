//! What tokens that are bound to a certificate ([RFC 8705 §3.3](https://www.rfc-editor.org/rfc/rfc8705#section-3.3)) and the
//! security profiles of the OpenID Foundation demand of the provider's metadata: [FAPI 2.0 Security Profile §5.3](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3),
//! [FAPI 2.0 Message Signing §5](https://openid.net/specs/fapi-message-signing-2_0.html#section-5).

use std::fmt;

use super::authentication::ClientAuth;
use super::registration::{Registration, SenderConstraint};
use super::security_profile::SecurityProfile;
use crate::provider::Metadata;

/// What the provider's metadata says, or does not say, against the security profile and what else is configured.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileError(SecurityProfile, Vec<Contradiction>);

#[derive(Clone, PartialEq, Eq)]
struct Contradiction {
    member: &'static str,
    /// The value that it has to have.
    wanted: String,
    cure: &'static str,
}

impl ProfileError {
    /// The members of the metadata that contradict the profile; at least one.
    pub fn members(&self) -> impl Iterator<Item = &'static str> {
        self.1.iter().map(|contradiction| contradiction.member)
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            SecurityProfile::None => "the provider's metadata does not meet the configuration:",
            _ => "the provider's metadata does not meet the security profile:",
        })?;
        for Contradiction {
            member,
            wanted,
            cure,
        } in &self.1
        {
            write!(f, " `{member}` should {wanted}: {cure};")?;
        }
        f.write_str(match self.0 {
            SecurityProfile::None => " or set `certificate_bound_tokens` to `false`",
            _ => " or turn the profile off, if this provider has none",
        })
    }
}

impl std::error::Error for ProfileError {}

debug_with_causes!(ProfileError);

impl Registration {
    /// Checks the provider's metadata against the security profile, and against what tokens are to be bound to.
    ///
    /// # Errors
    ///
    /// Every contradiction, each with its cure.
    pub(crate) fn check_profile(&self, metadata: &Metadata) -> Result<(), ProfileError> {
        let certificate_bound = self.binding == SenderConstraint::Certificate;
        if self.profile == SecurityProfile::None && !certificate_bound {
            return Ok(());
        }
        let mut found = Vec::new();
        let mut demand = |met: bool, member, wanted: String, cure| {
            if !met {
                found.push(Contradiction {
                    member,
                    wanted,
                    cure,
                });
            }
        };
        demand(
            !certificate_bound || metadata.binds_to_certificates(),
            "tls_client_certificate_bound_access_tokens",
            "be true".to_owned(),
            "let the provider bind tokens to the certificates of clients",
        );
        if self.profile != SecurityProfile::None {
            self.demand_profile(metadata, &mut demand);
        }
        match found.is_empty() {
            true => Ok(()),
            false => Err(ProfileError(self.profile, found)),
        }
    }

    /// What the profile demands.
    fn demand_profile(
        &self,
        metadata: &Metadata,
        demand: &mut impl FnMut(bool, &'static str, String, &'static str),
    ) {
        demand(
            metadata.pushed_authorization_request_endpoint().is_some(),
            "pushed_authorization_request_endpoint",
            "be there".to_owned(),
            "turn on pushed authorization requests at the provider",
        );
        demand(
            metadata.iss_parameter_supported() || self.response_mode.is_jwt(),
            "authorization_response_iss_parameter_supported",
            "be true".to_owned(),
            "let the provider send `iss` in authorization responses",
        );
        if self.binding == SenderConstraint::Dpop {
            demand(
                metadata.lists("dpop_signing_alg_values_supported", "ES256") == Some(true),
                "dpop_signing_alg_values_supported",
                "contain `ES256`".to_owned(),
                "turn on DPoP at the provider",
            );
        }
        let signing = match &self.auth {
            ClientAuth::PrivateKeyJwt(key) => Some(key.signature_algorithm().as_str()),
            _ => None,
        };
        let signed = self.profile == SecurityProfile::Fapi2MessageSigning;
        let id_token_alg = Some(self.id_token_alg.as_str());
        // What is not listed is unknown, and the provider refuses it if need be.
        for (member, value, cure) in [
            (
                "token_endpoint_auth_methods_supported",
                Some(self.auth.method()),
                "set `client_auth` to a method that the provider has",
            ),
            (
                "token_endpoint_auth_signing_alg_values_supported",
                signing,
                "set `client_auth_alg` to one of them",
            ),
            (
                "code_challenge_methods_supported",
                Some("S256"),
                "turn on PKCE with S256 at the provider",
            ),
            (
                "id_token_signing_alg_values_supported",
                id_token_alg,
                "set `id_token_alg` to one of them, for which the client is registered",
            ),
            (
                "request_object_signing_alg_values_supported",
                signing.filter(|_| signed),
                "set `client_auth_alg` to one of them",
            ),
            (
                "response_modes_supported",
                self.response_mode.parameter().filter(|_| signed),
                "set `response_mode` to one of them that ends with `jwt`",
            ),
            (
                "authorization_signing_alg_values_supported",
                id_token_alg.filter(|_| signed),
                "set `id_token_alg` to one of them",
            ),
        ] {
            let Some(value) = value else { continue };
            let met = metadata.lists(member, value) != Some(false);
            demand(met, member, format!("contain `{value}`"), cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientKey, ResponseMode};
    use crate::jose::Algorithm;
    use serde_json::{Value, json};

    fn registration(profile: SecurityProfile) -> Registration {
        let pem = include_str!("../jose/private_key/tests/p256.pkcs8.pem");
        Registration {
            auth: ClientAuth::PrivateKeyJwt(ClientKey::from_pem(pem).unwrap()),
            binding: SenderConstraint::Dpop,
            id_token_alg: Algorithm::Ps256,
            response_mode: match profile {
                SecurityProfile::Fapi2MessageSigning => ResponseMode::Jwt,
                _ => ResponseMode::Query,
            },
            profile,
            ..Registration::example()
        }
    }

    fn good() -> Value {
        json!({
            "pushed_authorization_request_endpoint": "https://op.example/par",
            "authorization_response_iss_parameter_supported": true,
            "dpop_signing_alg_values_supported": ["ES256", "PS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "tls_client_auth"],
            "token_endpoint_auth_signing_alg_values_supported": ["PS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["PS256"],
            "request_object_signing_alg_values_supported": ["ES256"],
            "response_modes_supported": ["query", "jwt"],
            "authorization_signing_alg_values_supported": ["PS256"],
        })
    }

    fn found(profile: SecurityProfile, metadata: &Value) -> Vec<&'static str> {
        let checked = registration(profile).check_profile(&Metadata::example(metadata.clone()));
        match checked {
            Ok(()) => Vec::new(),
            Err(error) => {
                let said = error.to_string();
                assert!(
                    error.members().all(|member| said.contains(member)),
                    "{said}"
                );
                error.members().collect()
            }
        }
    }

    #[test]
    fn a_provider_that_has_everything_is_accepted() {
        for profile in [SecurityProfile::Fapi2, SecurityProfile::Fapi2MessageSigning] {
            assert_eq!(found(profile, &good()), [""; 0]);
        }
        assert_eq!(found(SecurityProfile::None, &json!({})), [""; 0]);
    }

    /// RFC 8705 §3.3, with a profile and without.
    #[test]
    fn tokens_can_be_bound_to_a_certificate_where_the_provider_says_so() {
        for profile in [SecurityProfile::None, SecurityProfile::Fapi2] {
            let registration = Registration {
                auth: ClientAuth::TlsClientAuth,
                binding: SenderConstraint::Certificate,
                ..registration(profile)
            };
            let mut metadata = good();
            metadata["dpop_signing_alg_values_supported"] = json!(null);
            let found = |metadata: &Value| {
                let checked = registration.check_profile(&Metadata::example(metadata.clone()));
                checked.map_err(|error| error.members().collect::<Vec<_>>())
            };
            let member = "tls_client_certificate_bound_access_tokens";
            assert_eq!(found(&metadata), Err(vec![member]));
            metadata[member] = json!(true);
            assert_eq!(found(&metadata), Ok(()));
        }
    }

    #[test]
    fn each_contradiction_is_named() {
        let both = [SecurityProfile::Fapi2, SecurityProfile::Fapi2MessageSigning];
        for (member, value, profiles) in [
            (
                "pushed_authorization_request_endpoint",
                json!(null),
                &both[..],
            ),
            (
                "authorization_response_iss_parameter_supported",
                json!(false),
                &both[..1],
            ),
            ("dpop_signing_alg_values_supported", json!(null), &both),
            ("dpop_signing_alg_values_supported", json!(["PS256"]), &both),
            (
                "token_endpoint_auth_methods_supported",
                json!(["client_secret_basic"]),
                &both,
            ),
            (
                "token_endpoint_auth_signing_alg_values_supported",
                json!(["PS256"]),
                &both,
            ),
            ("code_challenge_methods_supported", json!(["plain"]), &both),
            (
                "id_token_signing_alg_values_supported",
                json!(["RS256"]),
                &both,
            ),
            (
                "request_object_signing_alg_values_supported",
                json!(["none"]),
                &both[1..],
            ),
            ("response_modes_supported", json!(["query"]), &both[1..]),
            (
                "authorization_signing_alg_values_supported",
                json!(["RS256"]),
                &both[1..],
            ),
        ] {
            let mut metadata = good();
            metadata[member] = value;
            for profile in both {
                let expected: &[&str] = match profiles.contains(&profile) {
                    true => &[member],
                    false => &[],
                };
                assert_eq!(found(profile, &metadata), expected, "{member} {profile:?}");
            }
        }
    }
}
