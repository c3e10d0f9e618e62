//! The provider is not there, or not what it should be.

use http::StatusCode;
use latchgate::FindingCode as Code;
use latchgate_dev_provider::{Answer, DevProvider, Endpoint};
use latchgate_tests::TestClock;
use serde_json::json;

use super::Broken;
use crate::set_up::SetUp;

/// Each in one way.
pub(super) fn set_ups() -> Vec<Broken> {
    vec![
        SetUp::new("nobody listens at the issuer")
            .set("issuer", "http://127.0.0.1:9")
            .fails(
                Code::ProviderReachable,
                "Start the provider, or set `issuer`",
            ),
        SetUp::new("the provider hangs up")
            .running(|provider| {
                provider
                    .mischief()
                    .answer(Endpoint::Discovery, Answer::Drop)
            })
            .fails(Code::ProviderReachable, "See the cause"),
        SetUp::new("the certificate is of a private authority")
            .set("issuer", "{tls}")
            .fails(Code::Tls, "Set `ca_file` (LATCHGATE_CA_FILE)"),
        SetUp::new("the issuer has a slash too many")
            .set("issuer", "{issuer}/")
            .fails(
                Code::Issuer,
                "Set `issuer` to `{issuer}`, exactly like that",
            ),
        SetUp::new("the issuer lacks its slash")
            .set("issuer", "{issuer}")
            .running(metadata!("issuer": "http://127.0.0.1/tenant/"))
            .fails(
                Code::Issuer,
                "Set `issuer` to `http://127.0.0.1/tenant/`, exactly like that",
            ),
        SetUp::new("the issuer is the URL of a page")
            .set("issuer", "{issuer}/realms/tea")
            .fails(Code::Issuer, "Set `issuer` to `{issuer}`"),
        SetUp::new("the issuer has moved")
            .running(|provider| {
                let there = "https://login.example.com/.well-known/openid-configuration";
                let moved = Answer::Redirect(there.to_owned());
                provider.mischief().answer(Endpoint::Discovery, moved);
            })
            .fails(
                Code::Issuer,
                "Set `issuer` to the part before `/.well-known/` there",
            ),
        SetUp::new("a proxy answers in place of the metadata")
            .running(|provider| {
                let page = Answer::Status {
                    status: StatusCode::OK,
                    content_type: "text/html".to_owned(),
                    body: "<h1>Welcome to the gateway</h1>".to_owned(),
                };
                provider.mischief().answer(Endpoint::Discovery, page);
            })
            .fails(Code::Issuer, "as the provider spells it"),
        SetUp::new("it has no authorization endpoint")
            .running(|provider| {
                provider.mischief().on_metadata(|metadata| {
                    metadata
                        .as_object_mut()
                        .map(|all| all.remove("authorization_endpoint"));
                });
            })
            .fails(Code::Metadata, "an OpenID Provider"),
        SetUp::new("it believes itself at plain http, behind its proxy")
            .running(metadata!("token_endpoint": "http://login.example.com/token"))
            .fails(
                Code::Metadata,
                "it has to know that it is called over https",
            ),
        SetUp::new("this machine's clock is weeks off")
            .gate(|gate| gate.clock(TestClock::default()))
            .fails(Code::Clock, "Synchronize this machine's clock with NTP"),
        SetUp::new("it publishes no keys")
            .running(|provider| provider.mischief().on_jwks(|jwks| jwks["keys"] = json!([])))
            .fails(Code::Keys, "publish its public keys at its `jwks_uri`"),
        SetUp::new("it publishes keys for other algorithms only")
            .set("id_token_alg", "ES256")
            .running(|provider| {
                provider.mischief().on_jwks(|jwks| {
                    if let Some(keys) = jwks["keys"].as_array_mut() {
                        keys.retain(|key| key["kty"] == "RSA");
                    }
                });
            })
            .fails(Code::Keys, "Set `id_token_alg` (LATCHGATE_ID_TOKEN_ALG"),
        SetUp::new("its keys are not there")
            .running(|provider| {
                let gone = Answer::status(StatusCode::NOT_FOUND);
                provider.mischief().answer(Endpoint::Jwks, gone);
            })
            .fails(Code::Keys, "publish its public keys at its `jwks_uri`"),
        SetUp::new("it publishes a private key")
            .running(|provider| {
                provider
                    .mischief()
                    .on_jwks(|jwks| jwks["keys"][0]["d"] = json!("c2VjcmV0"));
            })
            .fails(Code::PrivateKeys, "Replace these keys at the provider now"),
        SetUp::new("the token endpoint is not there")
            .running(|provider| {
                let gone = Answer::status(StatusCode::NOT_FOUND);
                provider.mischief().answer(Endpoint::Token, gone);
            })
            .fails(Code::Metadata, "correct its metadata"),
        SetUp::new("the token endpoint is out of order")
            .running(|provider| {
                let broken = Answer::status(StatusCode::INTERNAL_SERVER_ERROR);
                provider.mischief().answer(Endpoint::Token, broken);
            })
            .limps(
                Code::ClientAuthentication,
                "Repeat the check when the provider is working again",
            ),
    ]
}
