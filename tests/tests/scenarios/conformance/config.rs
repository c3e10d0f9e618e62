//! `oidcc-client-config-certification-test-plan`: OpenID Connect Discovery 1.0, and keys that rotate.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::json;

use super::basic;
use super::suite::{Suite, oidcc};

scenarios!(
    oidcc_client_test_discovery_openid_config,
    oidcc_client_test_discovery_jwks_uri_keys,
    oidcc_client_test_discovery_issuer_mismatch,
    oidcc_client_test_idtoken_sig_none,
    oidcc_client_test_signing_key_rotation_just_before_signing,
    oidcc_client_test_signing_key_rotation,
);

async fn oidcc_client_test_discovery_openid_config(setup: Setup) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    suite.passes().await?;
    let asked = suite.world.provider.last_request(Endpoint::Discovery);
    let asked = asked.ok_or("no metadata was fetched")?;
    assert_eq!(asked.path_and_query, "/.well-known/openid-configuration");
    Ok(())
}

/// Metadata first, then the keys from where it says, then userinfo.
async fn oidcc_client_test_discovery_jwks_uri_keys(setup: Setup) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    let order = Arc::<Mutex<Vec<Endpoint>>>::default();
    let called = |endpoint| {
        let order = Arc::clone(&order);
        move || {
            order
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(endpoint)
        }
    };
    let mischief = suite.world.mischief();
    let metadata_fetched = called(Endpoint::Discovery);
    mischief.on_metadata(move |metadata| {
        metadata_fetched();
        let uri = metadata["jwks_uri"].as_str().unwrap_or_default();
        metadata["jwks_uri"] = json!(format!("{uri}?drawn-for-this-run"));
    });
    let keys_fetched = called(Endpoint::Jwks);
    mischief.on_jwks(move |_| keys_fetched());
    let userinfo_called = called(Endpoint::Userinfo);
    mischief.on_userinfo(move |_| userinfo_called());
    suite.passes().await?;
    assert_eq!(
        *order.lock().unwrap_or_else(PoisonError::into_inner),
        [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Userinfo]
    );
    let asked = suite.world.provider.last_request(Endpoint::Jwks);
    let asked = asked.ok_or("no keys were fetched")?;
    assert_eq!(asked.path_and_query, "/jwks?drawn-for-this-run");
    Ok(())
}

async fn oidcc_client_test_discovery_issuer_mismatch(setup: Setup) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    suite.world.mischief().on_metadata(|metadata| {
        let issuer = metadata["issuer"].as_str().unwrap_or_default();
        metadata["issuer"] = json!(format!("{issuer}INVALID"));
    });
    let silence = [Endpoint::Authorize, Endpoint::Jwks, Endpoint::Token];
    suite.refuses("provider_metadata", &silence).await?;
    assert_eq!(suite.world.calls(Endpoint::Discovery), 1);
    Ok(())
}

async fn oidcc_client_test_idtoken_sig_none(setup: Setup) -> Result<(), Failure> {
    basic::oidcc_client_test_idtoken_sig_none(setup).await
}

/// The relying party knows the keys already when others take their place.
async fn oidcc_client_test_signing_key_rotation_just_before_signing(
    setup: Setup,
) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    suite.world.gate.warm_up().await?;
    assert_eq!(suite.world.calls(Endpoint::Jwks), 1);
    let browser = suite.world.browser()?;
    let callback = suite.world.callback(&browser, "/me").await?;
    suite.world.provider.rotate_keys();
    assert_eq!(browser.get(callback.as_str()).await?.status, 303);
    assert_eq!(suite.world.calls(Endpoint::Jwks), 2);
    assert_eq!(suite.world.calls(Endpoint::Userinfo), 1);
    Ok(())
}

/// Two logins in a row, with keys of their own.
async fn oidcc_client_test_signing_key_rotation(setup: Setup) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    suite.passes().await?;
    suite.world.provider.rotate_keys();
    suite.passes().await?;
    assert_eq!(suite.world.calls(Endpoint::Jwks), 2);
    Ok(())
}
