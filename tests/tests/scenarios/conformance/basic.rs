//! `oidcc-client-basic-certification-test-plan`: OpenID Connect Core 1.0 with the code flow.

use base64_simd::STANDARD;
use latchgate_dev_provider::{Client, Endpoint, Forgery, TokenEndpointAuthMethod};
use latchgate_tests::{Failure, Setup, World, ensure, scenarios};
use serde_json::{Value, json};

use super::suite::{Suite, append, oidcc};

scenarios!(
    oidcc_client_test,
    oidcc_client_test_invalid_iss,
    oidcc_client_test_missing_sub,
    oidcc_client_test_invalid_aud,
    oidcc_client_test_missing_iat,
    oidcc_client_test_kid_absent_single_jwks,
    oidcc_client_test_kid_absent_multiple_jwks,
    oidcc_client_test_idtoken_sig_rs256,
    oidcc_client_test_idtoken_sig_none,
    oidcc_client_test_invalid_sig_rs256,
    oidcc_client_test_userinfo_invalid_sub,
    oidcc_client_test_nonce_invalid,
    oidcc_client_test_scope_userinfo_claims,
    oidcc_client_test_client_secret_basic,
);

async fn suite(setup: Setup) -> Result<Suite, Failure> {
    Suite::start(oidcc(setup)).await
}

/// What the suite demands of every authorization request and token request.
pub(super) async fn oidcc_client_test(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let browser = suite.passes().await?;
    let issuer = suite.world.provider.issuer();
    assert!(issuer.ends_with('/'), "{issuer}");
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["iss"], issuer);

    let asked = suite.world.provider.last_request(Endpoint::Authorize);
    let asked = asked.ok_or("nothing was asked")?;
    let parameter = |name: &str| asked.parameter(name).unwrap_or_default();
    assert_eq!(parameter("response_type"), "code");
    assert_eq!(parameter("code_challenge_method"), "S256");
    assert_eq!(parameter("code_challenge").len(), 43);
    let url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let nonce = parameter("nonce");
    assert!(!nonce.is_empty() && nonce.len() <= 43 && nonce.chars().all(url_safe));
    for absent in ["request", "request_uri"] {
        assert_eq!(asked.parameter(absent), None, "{absent}");
    }
    let redeemed = suite.world.provider.last_request(Endpoint::Token);
    let redeemed = redeemed.ok_or("no code was redeemed")?;
    assert_eq!(redeemed.path_and_query, "/token");
    assert_eq!(
        redeemed.parameter("redirect_uri"),
        Some(parameter("redirect_uri"))
    );
    let userinfo = suite.world.provider.last_request(Endpoint::Userinfo);
    let userinfo = userinfo.ok_or("userinfo was not called")?;
    let authorization = userinfo.header("authorization").unwrap_or_default();
    assert!(authorization.starts_with("Bearer ey"), "no bearer token");
    assert_eq!(userinfo.path_and_query, "/userinfo");
    Ok(())
}

pub(super) async fn oidcc_client_test_invalid_iss(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite
        .id_token("id_token_iss", |claims| append(claims, "iss", "1"))
        .await
}

pub(super) async fn oidcc_client_test_missing_sub(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite
        .id_token("id_token_sub", |claims| drop(claims.remove("sub")))
        .await
}

pub(super) async fn oidcc_client_test_invalid_aud(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite
        .id_token("id_token_aud", |claims| append(claims, "aud", "1"))
        .await
}

pub(super) async fn oidcc_client_test_missing_iat(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite
        .id_token("id_token_iat", |claims| drop(claims.remove("iat")))
        .await
}

/// The keys for signatures of the present set, one of each type, as the suite publishes them: without a name.
async fn nameless_keys(world: &World) -> Result<Vec<Value>, Failure> {
    let url = format!("{}jwks", world.provider.issuer());
    let set: Value = world.browser()?.fetch("GET", &url).await?.json(200)?;
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let mut keys: Vec<Value> = keys
        .into_iter()
        .filter(|key| {
            ["RS256", "ES256", "EdDSA"]
                .iter()
                .any(|alg| key["alg"] == *alg)
        })
        .collect();
    for members in keys.iter_mut().filter_map(Value::as_object_mut) {
        members.remove("kid");
        members.remove("alg");
    }
    ensure!(keys.len() == 3, "not three keys: {set}");
    Ok(keys)
}

/// Publishes these keys with the suite's decoys: one on a curve that nobody here knows, and two for encryption.
fn publish(world: &World, mut keys: Vec<Value>) {
    keys.insert(
        0,
        json!({
            "kty": "EC", "crv": "secp256k1", "use": "sig", "alg": "ES256K",
            "x": "eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g",
            "y": "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg",
        }),
    );
    let for_encryption: Vec<Value> = keys
        .iter()
        .filter(|key| key["kty"] == "RSA" || key["crv"] == "P-256")
        .map(|key| {
            let mut key = key.clone();
            key["use"] = json!("enc");
            key["kid"] = json!(format!("enc-{}", key["kty"]));
            key
        })
        .collect();
    keys.splice(0..0, for_encryption);
    world
        .mischief()
        .on_jwks(move |set| *set = json!({ "keys": keys.clone() }));
    world.mischief().sign_id_token_with(Forgery::NoKid);
}

pub(super) async fn oidcc_client_test_kid_absent_single_jwks(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    publish(&suite.world, nameless_keys(&suite.world).await?);
    suite.passes().await.map(drop)
}

/// The suite lets a relying party refuse. This one tries each key that fits.
pub(super) async fn oidcc_client_test_kid_absent_multiple_jwks(
    setup: Setup,
) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let mut keys = Vec::new();
    for _ in 0..3 {
        suite.world.provider.rotate_keys();
        keys.extend(nameless_keys(&suite.world).await?);
    }
    publish(&suite.world, keys);
    suite.passes().await.map(drop)
}

pub(super) async fn oidcc_client_test_idtoken_sig_rs256(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite.world.mischief().on_metadata(|metadata| {
        metadata["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    });
    suite.passes().await.map(drop)
}

/// The suite would let a relying party accept it, where it is registered for that. This one never is.
pub(super) async fn oidcc_client_test_idtoken_sig_none(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite.world.mischief().on_metadata(|metadata| {
        metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "none"]);
    });
    suite.world.mischief().sign_id_token_with(Forgery::None);
    suite
        .refuses("id_token_signature", &[Endpoint::Userinfo])
        .await
}

pub(super) async fn oidcc_client_test_invalid_sig_rs256(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let mischief = suite.world.mischief();
    mischief.sign_id_token_with(Forgery::BrokenSignature);
    suite
        .refuses("id_token_signature", &[Endpoint::Userinfo])
        .await
}

/// The module ends at the call of userinfo: the suite cannot see whether the relying party notices.
pub(super) async fn oidcc_client_test_userinfo_invalid_sub(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite.world.mischief().on_userinfo(|claims| {
        let sub = claims["sub"].as_str().unwrap_or_default().to_owned();
        claims["sub"] = json!(format!("{sub}invalid"));
    });
    suite.refuses("userinfo_sub", &[]).await?;
    assert_eq!(suite.world.calls(Endpoint::Userinfo), 1);
    Ok(())
}

pub(super) async fn oidcc_client_test_nonce_invalid(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite
        .id_token("id_token_nonce", |claims| append(claims, "nonce", "1"))
        .await
}

/// The claims come from userinfo only.
pub(super) async fn oidcc_client_test_scope_userinfo_claims(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    suite.world.mischief().on_id_token(|_, claims| {
        for claim in [
            "name",
            "given_name",
            "family_name",
            "email",
            "email_verified",
        ] {
            claims.remove(claim);
        }
    });
    let browser = suite.passes().await?;
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["email"], "alice@example.com", "{claims}");
    assert!(claims["name"].is_string(), "{claims}");
    Ok(())
}

/// RFC 6749 §2.3.1: id and secret are encoded before they are joined, so that a secret may have a colon.
pub(super) async fn oidcc_client_test_client_secret_basic(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| {
        let only = [TokenEndpointAuthMethod::ClientSecretBasic];
        provider.client(Client::development().token_endpoint_auth_methods(only))
    });
    let suite = suite(setup).await?;
    suite.world.mischief().on_metadata(|metadata| {
        metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic"]);
    });
    suite.passes().await?;
    let redeemed = suite.world.provider.last_request(Endpoint::Token);
    let redeemed = redeemed.ok_or("no code was redeemed")?;
    let field = redeemed.header("authorization").unwrap_or_default();
    let credentials = STANDARD.decode_to_vec(field.trim_start_matches("Basic "));
    let credentials = String::from_utf8(credentials.unwrap_or_default())?;
    assert_eq!(credentials.split(':').count(), 2, "{credentials}");
    assert_eq!(redeemed.parameter("client_secret"), None);
    Ok(())
}
