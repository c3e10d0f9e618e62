//! `oidcc-client-rp-initiated-logout-rp-basic`: OpenID Connect RP-Initiated Logout 1.0.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate_dev_provider::Client;
use latchgate_tests::{Browser, Failure, Setup, scenarios};
use url::Url;

use super::suite::{Suite, oidcc, parameter};

scenarios!(
    oidcc_client_test_rp_init_logout,
    oidcc_client_test_rp_init_logout_other_state,
    oidcc_client_test_rp_init_logout_no_state,
);

/// Signs in and out. The suite sends a logout token while it ends its own session, before it answers.
///
/// Returns where the suite sends the browser.
async fn signed_out(setup: Setup) -> Result<(Suite, Browser, Url), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    let world = &suite.world;
    let uri = world.gate.back_channel_logout_uri();
    let client = Client::development().backchannel_logout_uri(uri);
    world.provider.register_client(client);
    let issued = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&issued);
    world.mischief().on_token_response(move |answer| {
        let token = answer["id_token"].as_str().unwrap_or_default();
        token.clone_into(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
    });
    let browser = suite.passes().await?;
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let there = request.send().await?.leads_to()?;
    assert!(
        there.as_str().starts_with(world.provider.issuer()),
        "{there}"
    );
    let issued = issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert_eq!(parameter(&there, "id_token_hint"), Some(issued));
    assert_eq!(
        parameter(&there, "post_logout_redirect_uri"),
        Some(format!("{}/", world.site))
    );
    assert!(parameter(&there, "state").is_some(), "{there}");
    let back = browser.get(there.as_str()).await?.leads_to()?;
    assert_eq!(parameter(&back, "state"), parameter(&there, "state"));
    assert_eq!(world.provider.sessions(), []);
    Ok((suite, browser, back))
}

/// Whatever the address says, somebody who has signed out sees the page and is nobody.
async fn comes_back(suite: &Suite, mut browser: Browser, url: &Url) -> Result<(), Failure> {
    let page = browser.open(url.as_str()).await?;
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "anonymous"),
        "{page}"
    );
    assert_eq!(suite.world.whoami(&browser).await?, None);
    Ok(())
}

async fn oidcc_client_test_rp_init_logout(setup: Setup) -> Result<(), Failure> {
    let (suite, browser, back) = signed_out(setup).await?;
    comes_back(&suite, browser, &back).await
}

async fn oidcc_client_test_rp_init_logout_other_state(setup: Setup) -> Result<(), Failure> {
    let (suite, browser, mut back) = signed_out(setup).await?;
    let state = parameter(&back, "state").unwrap_or_default();
    back.query_pairs_mut()
        .clear()
        .append_pair("state", &format!("{state}_INVALID"));
    comes_back(&suite, browser, &back).await
}

async fn oidcc_client_test_rp_init_logout_no_state(setup: Setup) -> Result<(), Failure> {
    let (suite, browser, mut back) = signed_out(setup).await?;
    back.set_query(None);
    comes_back(&suite, browser, &back).await
}
