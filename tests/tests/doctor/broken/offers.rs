//! The settings want what the provider does not have.

use latchgate::FindingCode as Code;
use latchgate_dev_provider::DevProvider;
use serde_json::{Value, json};

use super::Broken;
use crate::healthy::{CLIENT_KEY, with_key};
use crate::set_up::SetUp;

/// Each in one way.
pub(super) fn set_ups() -> Vec<Broken> {
    vec![
        SetUp::new("it signs with another algorithm")
            .set("id_token_alg", "ES256")
            .running(metadata!("id_token_signing_alg_values_supported": ["RS256"]))
            .fails(
                Code::IdTokenAlg,
                "Set `id_token_alg` (LATCHGATE_ID_TOKEN_ALG)",
            ),
        SetUp::new("it encrypts with another algorithm")
            .set("id_token_encryption_alg", "ECDH-ES")
            .set("decryption_key_file", CLIENT_KEY)
            .running(metadata!("id_token_encryption_alg_values_supported": ["RSA-OAEP"]))
            .fails(Code::Encryption, "(LATCHGATE_ID_TOKEN_ENCRYPTION_ALG"),
        SetUp::new("the code flow is turned off")
            .running(metadata!("response_types_supported": ["id_token"]))
            .fails(Code::ResponseType, "Turn on the authorization code flow"),
        SetUp::new("the client authenticates in a way that it lacks")
            .set("client_auth", "client_secret_jwt")
            .set("client_secret", "hunter2, but of at least 32 bytes")
            .running(metadata!("token_endpoint_auth_methods_supported": ["client_secret_basic"]))
            .limps(Code::ClientAuthMethod, "Set `client_auth`")
            .besides(&[Code::ClientAuthentication]),
        SetUp::new("it has no PKCE but `plain`")
            .running(metadata!("code_challenge_methods_supported": ["plain"]))
            .limps(Code::Pkce, "Turn on PKCE with S256"),
        SetUp::new("it has no form_post")
            .set("response_mode", "form_post")
            .running(metadata!("response_modes_supported": ["query", "fragment"]))
            .fails(Code::ResponseMode, "Set `response_mode`"),
        SetUp::new("it grants no refresh tokens")
            .set("scopes", "openid offline_access")
            .running(metadata!("scopes_supported": ["openid", "profile"]))
            .limps(Code::RefreshTokens, "`access_type=offline`"),
        SetUp::new("it does not let the client have a scope")
            .set("scopes", "openid invoices")
            .running(|provider| {
                provider.auto_sign_in(Some("alice"));
                provider.mischief().on_authorization_response(|answer| {
                    answer.retain(|(name, _)| name != "code");
                    answer.push(("error".to_owned(), "invalid_scope".to_owned()));
                });
            })
            .fails(
                Code::Scopes,
                "to those that the provider allows this client",
            ),
        SetUp::new("it accepts pushed requests only")
            .set("par", "false")
            .provider(|provider| provider.require_pushed_requests())
            .fails(Code::PushedRequests, "Set `par` (LATCHGATE_PAR) to `auto`")
            .besides(&[Code::RedirectUri, Code::ResponseType]),
        SetUp::new("it accepts signed requests only")
            .provider(|provider| provider.require_signed_requests())
            .fails(
                Code::SignedRequests,
                "Set `client_auth` to `private_key_jwt`",
            )
            .besides(&[Code::PushedRequests, Code::RedirectUri]),
        SetUp::new("it does not bind tokens to keys")
            .set("dpop", "true")
            .running(|provider| {
                provider.mischief().on_metadata(|metadata| {
                    let all = metadata.as_object_mut();
                    all.map(|all| all.remove("dpop_signing_alg_values_supported"));
                });
            })
            .limps(Code::Dpop, "Turn on DPoP with ES256 at the provider"),
        SetUp::new("it does not keep to the security profile")
            .set("profile", "fapi2")
            .set("id_token_alg", "ES256")
            .set("client_secret", "")
            .set("client_key_file", CLIENT_KEY)
            .provider(|provider| provider.client(with_key()))
            .running(metadata!("authorization_response_iss_parameter_supported": false))
            .fails(
                Code::SecurityProfile,
                "`authorization_response_iss_parameter_supported`",
            )
            .besides(&[Code::PushedRequests, Code::RedirectUri]),
        SetUp::new("it has no userinfo")
            .set("userinfo", "true")
            .running(|provider| {
                provider.mischief().on_metadata(|metadata: &mut Value| {
                    metadata
                        .as_object_mut()
                        .map(|all| all.remove("userinfo_endpoint"));
                });
            })
            .fails(
                Code::Userinfo,
                "Set `userinfo` (LATCHGATE_USERINFO) to `false`",
            ),
        SetUp::new("it signs userinfo otherwise")
            .set("userinfo", "true")
            .set("userinfo_alg", "ES256")
            .running(metadata!("userinfo_signing_alg_values_supported": ["RS256"]))
            .fails(Code::Userinfo, "Set `userinfo_alg`"),
    ]
}
