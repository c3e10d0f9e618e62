//! `oidcc-client-refreshtoken-test-plan`: OpenID Connect Core 1.0 §12.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate_dev_provider::{Endpoint, JsonObject};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::suite::{Suite, append, oidcc};

scenarios!(
    oidcc_client_test_refresh_token,
    oidcc_client_test_refresh_token_invalid_issuer,
    oidcc_client_test_refresh_token_invalid_sub,
);

/// Here there is a refresh token, and the ID token of a refresh repeats the nonce.
async fn suite(setup: Setup) -> Result<Suite, Failure> {
    let setup = oidcc(setup).registration(|registration| {
        registration.scopes(["openid", "profile", "email", "offline_access"])
    });
    let suite = Suite::start(setup).await?;
    let nonce = Arc::<Mutex<Option<Value>>>::default();
    suite.world.mischief().on_id_token(move |_, claims| {
        let mut nonce = nonce.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.get("nonce") {
            Some(new) => *nonce = Some(new.clone()),
            None => {
                let of_login = nonce.clone().unwrap_or(json!(null));
                claims.insert("nonce".to_owned(), of_login);
            }
        }
    });
    Ok(suite)
}

async fn oidcc_client_test_refresh_token(setup: Setup) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let browser = suite.passes().await?;
    let mut used = Vec::new();
    for refresh in 1..=2 {
        let token = browser.fetch("POST", "/refresh").await?.json(200)?;
        let asked = suite.world.provider.last_request(Endpoint::Token);
        let asked = asked.ok_or("nothing was asked")?;
        assert_eq!(
            asked.parameter("grant_type").as_deref(),
            Some("refresh_token")
        );
        assert_eq!(asked.parameter("scope"), None, "wider than the grant's?");
        let refresh_token = asked.parameter("refresh_token").unwrap_or_default();
        assert!(!used.contains(&refresh_token), "it has been rotated");
        used.push(refresh_token);
        // Userinfo is called with the new access token.
        assert_eq!(suite.world.calls(Endpoint::Userinfo), 1 + refresh);
        let called = suite.world.provider.last_request(Endpoint::Userinfo);
        let called = called.ok_or("userinfo was not called")?;
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or("-"));
        assert_eq!(called.header("authorization"), Some(bearer.as_str()));
    }
    Ok(())
}

/// After a refresh with this ID token, userinfo is not called, and the session is over.
async fn refused(
    setup: Setup,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let browser = suite.passes().await?;
    let mischief = suite.world.mischief();
    mischief.on_refreshed_id_token(move |_, claims| alter(claims));
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required"),
        "{page}"
    );
    assert_eq!(suite.world.calls(Endpoint::Userinfo), 1);
    assert_eq!(suite.world.whoami(&browser).await?, None);
    Ok(())
}

async fn oidcc_client_test_refresh_token_invalid_issuer(setup: Setup) -> Result<(), Failure> {
    refused(setup, |claims| append(claims, "iss", "1")).await
}

async fn oidcc_client_test_refresh_token_invalid_sub(setup: Setup) -> Result<(), Failure> {
    refused(setup, |claims| append(claims, "sub", "1")).await
}
