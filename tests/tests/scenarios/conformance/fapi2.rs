//! What the modules of the two FAPI 2.0 plans do, whichever profile the relying party keeps to.

use latchgate::{ClientKey, Provider, Usage};
use latchgate_dev_provider::{Client, DpopNonces, Endpoint, Forgery, JsonObject, SigningAlg};
use latchgate_tests::{Failure, Setup, ensure, jwt_part};
use serde_json::{Value, json};

use super::suite::{Suite, append, set};

const KEY: &str =
    include_str!("../../../../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem");

/// The name that every key of the suite's set has, whatever its algorithm.
const DECOY: &str = "the name of all keys";

/// FAPI 2.0 Security Profile.
pub(super) fn security_profile(setup: Setup) -> Result<[Setup; 1], Failure> {
    Ok([client(setup, Provider::fapi2)?])
}

/// FAPI 2.0 Message Signing, with plain answers and with signed ones.
pub(super) fn message_signing(setup: Setup) -> Result<[Setup; 2], Failure> {
    let [plain] = plain_response(setup.clone())?;
    let [signed] = jarm(setup)?;
    Ok([plain, signed])
}

/// Signed requests and plain answers.
pub(super) fn plain_response(setup: Setup) -> Result<[Setup; 1], Failure> {
    let profile = |provider: Provider| provider.fapi2().signed_requests(Usage::Always);
    Ok([client(setup, profile)?])
}

/// Signed requests and signed answers.
pub(super) fn jarm(setup: Setup) -> Result<[Setup; 1], Failure> {
    Ok([client(setup, Provider::fapi2_message_signing)?])
}

/// A client with a key, at a provider that demands what FAPI 2.0 does, with a nonce for each proof.
fn client(setup: Setup, profile: fn(Provider) -> Provider) -> Result<Setup, Failure> {
    let key = ClientKey::from_pem(KEY)?;
    let jwks = ClientKey::public_jwks([&key]);
    Ok(setup
        .registration(move |registration| {
            profile(registration.client_key(key.clone())).scopes(["openid"])
        })
        .provider(move |provider| {
            let id = Client::development().client_id().to_owned();
            let client = Client::with_keys(id, jwks.clone()).dpop_bound_access_tokens();
            provider
                .client(client)
                .issuer_with_slash()
                .id_token_alg(SigningAlg::Ps256)
                .dpop_nonces(DpopNonces::Once)
                .require_pushed_requests()
        }))
}

/// Starts the suite. All its keys have one name.
async fn start(setup: Setup) -> Result<Suite, Failure> {
    let suite = Suite::start(setup).await?;
    suite.world.mischief().on_jwks(|set| {
        for key in set["keys"].as_array_mut().into_iter().flatten() {
            key["kid"] = json!(DECOY);
        }
    });
    on_id_token(&suite, |_| {});
    on_response_jwt(&suite, |_| {});
    Ok(suite)
}

fn on_id_token(suite: &Suite, alter: impl Fn(&mut JsonObject) + Send + Sync + 'static) {
    suite.world.mischief().on_id_token(move |header, claims| {
        set(header, "kid", json!(DECOY));
        alter(claims);
    });
}

fn on_response_jwt(suite: &Suite, alter: impl Fn(&mut JsonObject) + Send + Sync + 'static) {
    suite
        .world
        .mischief()
        .on_response_jwt(move |header, claims| {
            set(header, "kid", json!(DECOY));
            alter(claims);
        });
}

/// A module that ends with the call of the accounts endpoint, which here is the one for userinfo.
async fn passes(suite: &Suite) -> Result<(), Failure> {
    let world = &suite.world;
    let browser = world.signed_in().await?;
    let asked = world.provider.last_request(Endpoint::Authorize);
    let asked = asked.ok_or("nobody was sent to log in")?.path_and_query;
    let (_, query) = asked.split_once('?').ok_or("there are no parameters")?;
    let names: Vec<&str> = query
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect();
    ensure!(names == ["client_id", "request_uri"], "{names:?}");
    let url = format!("/call?{}userinfo", world.provider.issuer());
    let page = browser.fetch("GET", &url).await?;
    ensure!(
        page.status == 200 && page.body.starts_with("200 ") && page.body.contains("alice"),
        "the accounts endpoint: {page}"
    );
    Ok(())
}

/// The ID token is wrong: no account is asked for.
async fn id_token(
    setup: Setup,
    code: &str,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = start(setup).await?;
    on_id_token(&suite, alter);
    suite.refuses(code, &[Endpoint::Userinfo]).await
}

/// The answer is wrong: no code is redeemed.
async fn response(
    setup: Setup,
    code: &str,
    alter: impl Fn(&mut Vec<(String, String)>) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = start(setup).await?;
    suite.world.mischief().on_authorization_response(alter);
    suite.refuses(code, &[Endpoint::Token]).await
}

/// The JWT that is the answer is wrong: no code is redeemed.
async fn response_jwt(
    setup: Setup,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = start(setup).await?;
    on_response_jwt(&suite, alter);
    suite
        .refuses("authorization_response_jwt", &[Endpoint::Token])
        .await
}

/// Seconds since the epoch at which the suite's expired tokens expired: six minutes ago.
fn expired(claims: &mut JsonObject) {
    let of = claims
        .get("exp")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    // No token of the development provider is valid for longer than an hour.
    set(claims, "exp", json!(of.saturating_sub(3600 + 360)));
}

/// Everything that the suite checks of every request.
pub(super) async fn happy_path(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    passes(&suite).await?;
    let world = &suite.world;
    let issuer = world.provider.issuer();
    let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
    let redeemed = world.provider.last_request(Endpoint::Token);
    let mut assertions = Vec::new();
    for (name, request) in [("PAR", &pushed), ("token", &redeemed)] {
        let request = request.as_ref().ok_or("it was not called")?;
        let assertion = request.parameter("client_assertion").unwrap_or_default();
        let claims = jwt_part(&assertion, 1)?;
        assert_eq!(claims["aud"], issuer, "{name}");
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!("dev-client"), &json!("dev-client"))
        );
        assert_eq!(jwt_part(&assertion, 0)?["alg"], "ES256");
        assertions.push(claims["jti"].clone());
    }
    assert_ne!(
        assertions[0], assertions[1],
        "one assertion for two requests"
    );
    let pushed = pushed.ok_or("nothing was pushed")?;
    let asked = match pushed.parameter("request") {
        Some(object) => jwt_part(&object, 1)?,
        None => json!({
            "code_challenge_method": pushed.parameter("code_challenge_method"),
            "scope": pushed.parameter("scope"),
        }),
    };
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["scope"], "openid");
    let redeemed = redeemed.ok_or("no code was redeemed")?;
    let proof = redeemed.header("dpop").ok_or("there is no proof")?;
    let (header, claims) = (jwt_part(proof, 0)?, jwt_part(proof, 1)?);
    assert_eq!(header["typ"], "dpop+jwt");
    assert_eq!(claims["htu"], format!("{issuer}token"));
    assert!(claims.get("ath").is_none(), "{claims}");
    let called = world.provider.last_request(Endpoint::Userinfo);
    let called = called.ok_or("no account was asked for")?;
    let authorization = called.header("authorization").unwrap_or_default();
    assert!(authorization.starts_with("DPoP "), "{authorization}");
    let proof = called.header("dpop").ok_or("there is no proof")?;
    assert!(jwt_part(proof, 1)?["ath"].is_string());
    Ok(())
}

pub(super) async fn no_dpop_nonce(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.dpop_nonces(DpopNonces::Absent));
    passes(&start(setup).await?).await
}

pub(super) async fn discovery_issuer_mismatch(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    suite.world.mischief().on_metadata(|metadata| {
        let issuer = metadata["issuer"].as_str().unwrap_or_default();
        metadata["issuer"] = json!(format!("{issuer}INVALID"));
    });
    let silence = [
        Endpoint::PushedAuthorization,
        Endpoint::Authorize,
        Endpoint::Token,
    ];
    suite.refuses("provider_metadata", &silence).await
}

pub(super) async fn invalid_iss(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_iss", |claims| append(claims, "iss", "1")).await
}

pub(super) async fn missing_iss(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_iss", |claims| drop(claims.remove("iss"))).await
}

pub(super) async fn invalid_aud(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_aud", |claims| append(claims, "aud", "1")).await
}

pub(super) async fn missing_aud(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_aud", |claims| drop(claims.remove("aud"))).await
}

pub(super) async fn invalid_secondary_aud(setup: Setup) -> Result<(), Failure> {
    let two = json!(["dev-client", "dev-client1"]);
    id_token(setup, "id_token_aud", move |claims| {
        set(claims, "aud", two.clone());
    })
    .await
}

pub(super) async fn aud_as_array(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    on_id_token(&suite, |claims| set(claims, "aud", json!(["dev-client"])));
    passes(&suite).await
}

pub(super) async fn expired_exp(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_exp", expired).await
}

pub(super) async fn missing_exp(setup: Setup) -> Result<(), Failure> {
    id_token(setup, "id_token_exp", |claims| drop(claims.remove("exp"))).await
}

pub(super) async fn invalid_nonce(setup: Setup) -> Result<(), Failure> {
    let alter = |claims: &mut JsonObject| append(claims, "nonce", "1");
    id_token(setup, "id_token_nonce", alter).await
}

pub(super) async fn missing_nonce(setup: Setup) -> Result<(), Failure> {
    let alter = |claims: &mut JsonObject| drop(claims.remove("nonce"));
    id_token(setup, "id_token_nonce", alter).await
}

pub(super) async fn null_alg(setup: Setup) -> Result<(), Failure> {
    forged(setup, Forgery::None).await
}

/// Properly signed by RS256, with a key of the set.
pub(super) async fn alternate_alg(setup: Setup) -> Result<(), Failure> {
    forged(setup, Forgery::Rs256).await
}

async fn forged(setup: Setup, forgery: Forgery) -> Result<(), Failure> {
    let suite = start(setup).await?;
    suite.world.mischief().sign_id_token_with(forgery);
    suite
        .refuses("id_token_signature", &[Endpoint::Userinfo])
        .await
}

pub(super) async fn invalid_response_iss(setup: Setup) -> Result<(), Failure> {
    response(setup, "iss_mismatch", |pairs| {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "iss") {
            value.push('1');
        }
    })
    .await
}

pub(super) async fn no_response_iss(setup: Setup) -> Result<(), Failure> {
    response(setup, "iss_missing", |pairs| {
        pairs.retain(|(name, _)| name != "iss")
    })
    .await
}

pub(super) async fn invalid_state(setup: Setup) -> Result<(), Failure> {
    response(setup, "no_login_under_way", |pairs| {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "state") {
            value.push('1');
        }
    })
    .await
}

pub(super) async fn missing_state(setup: Setup) -> Result<(), Failure> {
    response(setup, "state_missing", |pairs| {
        pairs.retain(|(name, _)| name != "state")
    })
    .await
}

pub(super) async fn no_expires_in(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.omit_expires_in());
    passes(&start(setup).await?).await
}

pub(super) async fn token_type_in_other_case(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    suite.world.mischief().on_token_response(|answer| {
        let inverted = |c: char| match c.is_uppercase() {
            true => c.to_ascii_lowercase(),
            false => c.to_ascii_uppercase(),
        };
        let token_type = answer["token_type"].as_str().unwrap_or_default();
        let token_type: String = token_type.chars().map(inverted).collect();
        answer["token_type"] = json!(token_type);
    });
    passes(&suite).await
}

/// The challenge that asks for a nonce names the scheme in another case.
pub(super) async fn scheme_in_other_case(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    let mischief = suite.world.mischief();
    mischief.on_challenge(|challenge| *challenge = challenge.replace("DPoP", "dPoP"));
    passes(&suite).await?;
    assert_eq!(
        suite.world.calls(Endpoint::Userinfo),
        2,
        "a nonce was asked for"
    );
    Ok(())
}

pub(super) async fn jwt_without_iss(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, |claims| drop(claims.remove("iss"))).await
}

pub(super) async fn jwt_with_invalid_iss(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, |claims| append(claims, "iss", "1")).await
}

pub(super) async fn jwt_without_aud(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, |claims| drop(claims.remove("aud"))).await
}

pub(super) async fn jwt_with_invalid_aud(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, |claims| append(claims, "aud", "1")).await
}

pub(super) async fn jwt_without_exp(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, |claims| drop(claims.remove("exp"))).await
}

pub(super) async fn jwt_with_expired_exp(setup: Setup) -> Result<(), Failure> {
    response_jwt(setup, expired).await
}

pub(super) async fn jwt_with_invalid_sig(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    let mischief = suite.world.mischief();
    mischief.sign_response_jwt_with(Forgery::BrokenSignature);
    suite
        .refuses("authorization_response_jwt", &[Endpoint::Token])
        .await
}

/// One without a signature does not even name a login.
pub(super) async fn jwt_with_alg_none(setup: Setup) -> Result<(), Failure> {
    let suite = start(setup).await?;
    let mischief = suite.world.mischief();
    mischief.sign_response_jwt_with(Forgery::None);
    suite.refuses("state_missing", &[Endpoint::Token]).await
}
