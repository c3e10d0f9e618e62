//! `oidcc-client-back-channel-logout-rp-basic`: OpenID Connect Back-Channel Logout 1.0.

use latchgate_dev_provider::{JsonObject, LogoutTarget};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::suite::{Suite, append, oidcc, set};
use crate::lying::forger::{Forger, read};

scenarios!(
    oidcc_client_test_rp_backchannel_rpinitlogout,
    oidcc_client_test_rp_backchannel_rpinitlogout_alg_none,
    oidcc_client_test_rp_backchannel_rpinitlogout_no_event,
    oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce,
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg,
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud,
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event,
    oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss,
);

/// Signs in and out, and posts a logout token as the suite does: before it sends the browser back, to an application
/// whose own session has ended already.
async fn is_answered(
    suite: Suite,
    status: u16,
    change: impl FnOnce(&mut JsonObject),
    resign: impl FnOnce(String) -> String,
) -> Result<(), Failure> {
    let world = &suite.world;
    let browser = suite.passes().await?;
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    let target = LogoutTarget::SidAndSub {
        sid: claims["sid"].as_str().unwrap_or_default().to_owned(),
        sub: claims["sub"].as_str().unwrap_or_default().to_owned(),
    };
    // There is no `typ`, and a claim and a field of the form that nobody knows.
    let token = world.provider.logout_token(target, |header, claims| {
        header.remove("typ");
        set(claims, "ignored_claim", json!("ignored"));
        change(claims);
    });
    let token = resign(token);
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    let form = [
        ("logout_token", token.as_str()),
        ("ignored_field", "ignored"),
    ];
    let provider = world.browser()?;
    let request = provider.request("POST", "/backchannel-logout");
    let page = request.form(&form).send().await?;
    assert_eq!(page.status, status, "{page}");
    assert!(page.header("cache-control").contains("no-store"), "{page}");
    if status == 400 {
        assert_eq!(page.code(), "logout_token");
    }
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn suite(setup: Setup) -> Result<Suite, Failure> {
    Suite::start(oidcc(setup)).await
}

async fn refused(setup: Setup, change: impl FnOnce(&mut JsonObject)) -> Result<(), Failure> {
    is_answered(suite(setup).await?, 400, change, |token| token).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout(setup: Setup) -> Result<(), Failure> {
    is_answered(suite(setup).await?, 200, |_| {}, |token| token).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none(
    setup: Setup,
) -> Result<(), Failure> {
    let unsigned = |token: String| {
        let claims = token.split('.').nth(1).unwrap_or_default();
        let header = base64_simd::URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none"}"#);
        format!("{header}.{claims}.")
    };
    is_answered(suite(setup).await?, 400, |_| {}, unsigned).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event(
    setup: Setup,
) -> Result<(), Failure> {
    refused(setup, |claims| drop(claims.remove("events"))).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce(
    setup: Setup,
) -> Result<(), Failure> {
    refused(setup, |claims| set(claims, "nonce", json!("n"))).await
}

/// Properly signed, with a key of the set, and by another algorithm than the one of ID tokens.
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg(
    setup: Setup,
) -> Result<(), Failure> {
    let suite = suite(setup).await?;
    let other = Forger::new()?;
    let key = other.jwk("another-of-the-set");
    suite.world.mischief().on_jwks(move |set| {
        if let Some(keys) = set["keys"].as_array_mut() {
            keys.push(key.clone());
        }
    });
    let resign = |token: String| {
        let header = r#"{"alg":"ES256","kid":"another-of-the-set"}"#;
        other.token(header, &read(&token).1)
    };
    is_answered(suite, 400, |_| {}, resign).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud(
    setup: Setup,
) -> Result<(), Failure> {
    refused(setup, |claims| append(claims, "aud", "1")).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event(
    setup: Setup,
) -> Result<(), Failure> {
    let another = json!({ "http://schemas.openid.net/event/another": {} });
    refused(setup, |claims| set(claims, "events", another)).await
}

async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss(
    setup: Setup,
) -> Result<(), Failure> {
    refused(setup, |claims| append(claims, "iss", "1")).await
}
