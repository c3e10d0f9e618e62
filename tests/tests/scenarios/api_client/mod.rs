//! Calls to APIs by `ApiClient`: whose token they carry, where it goes and where not, and what happens when it is rejected.

mod origins;
mod recording;

use std::collections::BTreeSet;

use latchgate::{ClientAuth, ProtectedResource, Usage};
use latchgate_dev_provider::{Client, DpopNonces, Endpoint};
use latchgate_tests::app::api::{AUDIENCE, ApiServer};
use latchgate_tests::{Browser, Failure, Page, Setup, Transcript, World, jwt_part, scenarios};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::form_urlencoded;

use recording::Recording;

scenarios!(
    the_application_calls_an_api_as_itself;
    in either keeping:
    an_api_is_called_as_the_person,
    an_api_with_tokens_of_its_own_gets_one,
    a_rejected_token_is_replaced_once,
    an_api_that_rejects_every_token_costs_two_refreshes_a_minute,
    a_body_that_cannot_be_sent_again_is_sent_once,
    without_a_refresh_token_the_answer_of_the_api_stands,
    a_storm_at_expiry_spends_one_refresh_token,
    a_bound_token_comes_with_its_proof_and_the_nonce,
    whose_session_has_ended_signs_in,
    a_page_whose_session_ends_in_its_handler_signs_in,
    a_page_whose_api_is_down_says_so,
);

fn for_the_api(setup: Setup) -> Setup {
    setup.registration(|provider| provider.resource(AUDIENCE))
}

/// A world with opaque access tokens for an API, which asks the provider about them: so it rejects a revoked one.
async fn with_api(setup: Setup) -> Result<(World, ApiServer), Failure> {
    let setup = for_the_api(setup).provider(|provider| provider.opaque_access_tokens());
    let world = setup.start().await?;
    let auth = ClientAuth::ClientSecretBasic(world.provider.client_secret().into());
    let resource = ProtectedResource::new(AUDIENCE).introspection(world.provider.client_id(), auth);
    let api = world.api(resource, |api| api).await?;
    Ok((world, api))
}

/// The application's route that makes a call.
fn route(name: &str, base: &str, path: &str, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("base", base).append_pair("path", path);
    for (name, value) in more {
        query.append_pair(name, value);
    }
    format!("/{name}?{}", query.finish())
}

async fn as_user(browser: &Browser, base: &str, path: &str) -> Result<Page, Failure> {
    let url = route("as-user", base, path, &[]);
    Ok(browser.fetch("GET", &url).await?)
}

async fn said(browser: &Browser, url: &str) -> Result<String, Failure> {
    let page = browser.fetch("GET", url).await?;
    assert_eq!(page.status, 200, "{page}");
    Ok(page.body)
}

/// Revokes all access tokens, and lets the API forget that they were good.
fn revoke(world: &World) {
    world.provider.revoke_access_tokens();
    world.clock.pass(31);
    world.provider.reset_calls();
}

async fn an_api_is_called_as_the_person(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = for_the_api(setup).start().await?;
    let api = world
        .api(ProtectedResource::new(AUDIENCE), |api| api)
        .await?;
    let browser = world.signed_in().await?;
    let page = as_user(&browser, &api.address, "/who").await?;
    let told = page.body.strip_prefix("200 ").ok_or("the API refused")?;
    let told: Value = serde_json::from_str(told)?;
    assert_eq!(
        (&told["sub"], &told["by_access_token"]),
        (&json!("alice"), &json!(true))
    );
    // The API's own refusals are results.
    let page = as_user(&browser, &api.address, "/token").await?;
    assert!(page.body.starts_with("403 "), "{page}");
    let token = world.token(&browser).await?["access_token"].to_string();
    assert!(!transcript.text().contains(token.trim_matches('"')));
    Ok(())
}

async fn the_application_calls_an_api_as_itself(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let api = world
        .api(ProtectedResource::new(AUDIENCE), |api| api)
        .await?;
    let browser = world.browser()?;
    let url = route(
        "as-application",
        &api.address,
        "/who",
        &[("resource", AUDIENCE)],
    );
    for _ in 0..2 {
        let told = said(&browser, &url).await?;
        assert!(
            told.starts_with("200 ") && told.contains("\"by_access_token\":true"),
            "{told}"
        );
    }
    assert_eq!(world.calls(Endpoint::Token), 1);
    // Without a name for it, the API's base URL is the resource.
    said(
        &browser,
        &route("as-application", &api.address, "/who", &[]),
    )
    .await?;
    let request = world.provider.last_request(Endpoint::Token);
    let request = request.ok_or("no token was asked for")?;
    let resource = format!("{}/", api.address);
    assert_eq!(request.parameter("resource"), Some(resource));
    Ok(())
}

async fn an_api_with_tokens_of_its_own_gets_one(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| {
        provider
            .resource("https://app.example.com")
            .resource(AUDIENCE)
    });
    let world = setup.start().await?;
    let api = world
        .api(ProtectedResource::new(AUDIENCE), |api| api)
        .await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let url = route("as-user", &api.address, "/who", &[("resource", AUDIENCE)]);
    for _ in 0..3 {
        let told = said(&browser, &url).await?;
        assert!(told.starts_with("200 ") && told.contains("alice"), "{told}");
    }
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn a_rejected_token_is_replaced_once(setup: Setup) -> Result<(), Failure> {
    let (world, api) = with_api(setup).await?;
    let browser = world.signed_in().await?;
    for (method, path, more) in [
        ("GET", "/who", None),
        (
            "POST",
            "/me",
            Some(("body", "a body that can be sent again")),
        ),
        ("GET", "/who", Some(("resource", AUDIENCE))),
    ] {
        let mut query = vec![("method", method)];
        query.extend(more);
        let url = route("as-user", &api.address, path, &query);
        assert!(said(&browser, &url).await?.starts_with("200 "));
        revoke(&world);
        let told = said(&browser, &url).await?;
        assert!(told.starts_with("200 ") && told.contains("alice"), "{told}");
        assert_eq!(world.calls(Endpoint::Token), 1, "{path}");
        // The new token is the session's.
        assert!(said(&browser, &url).await?.starts_with("200 "));
        assert_eq!(world.calls(Endpoint::Token), 1, "{path}");
    }
    let url = route(
        "as-application",
        &api.address,
        "/who",
        &[("resource", AUDIENCE)],
    );
    assert!(said(&browser, &url).await?.starts_with("200 "));
    revoke(&world);
    assert!(said(&browser, &url).await?.starts_with("200 "));
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn an_api_that_rejects_every_token_costs_two_refreshes_a_minute(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    // The login's token is for another audience.
    let api = world
        .api(ProtectedResource::new(AUDIENCE), |api| api)
        .await?;
    world.provider.reset_calls();
    let own = route(
        "as-application",
        &api.address,
        "/who",
        &[("resource", "https://another.example.com")],
    );
    for seconds in 0..120 {
        // The login's token is a second old, and so on.
        world.clock.pass(1);
        let page = as_user(&browser, &api.address, "/who").await?;
        assert!(page.body.starts_with("401 "), "{page}");
        assert_eq!(world.calls(Endpoint::Token), (seconds + 1) / 30);
    }
    // What is no matter of the token costs none.
    world.clock.pass(40);
    let anonymous = as_user(&browser, world.provider.issuer(), "/nothing-here").await?;
    assert!(anonymous.body.starts_with("404 "), "{anonymous}");
    assert_eq!(world.calls(Endpoint::Token), 4);
    // The same for the application itself: one token, and another one after half a minute.
    for (seconds, calls) in [(0, 5), (29, 5), (1, 6), (29, 6)] {
        world.clock.pass(seconds);
        assert!(said(&browser, &own).await?.starts_with("401 "));
        assert_eq!(world.calls(Endpoint::Token), calls, "{seconds}");
    }
    Ok(())
}

async fn a_body_that_cannot_be_sent_again_is_sent_once(setup: Setup) -> Result<(), Failure> {
    let (world, api) = with_api(setup).await?;
    let browser = world.signed_in().await?;
    let stream = [("method", "POST"), ("stream", "a body that flows")];
    let url = route("as-user", &api.address, "/me", &stream);
    world.clock.pass(31);
    world.provider.reset_calls();
    assert!(said(&browser, &url).await?.starts_with("200 "));
    assert_eq!(world.calls(Endpoint::Token), 0);
    revoke(&world);
    assert!(said(&browser, &url).await?.starts_with("401 "));
    // The next one has another token.
    assert_eq!(world.calls(Endpoint::Token), 1);
    assert!(said(&browser, &url).await?.starts_with("200 "));
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn without_a_refresh_token_the_answer_of_the_api_stands(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| provider.scopes(["openid"]));
    let (world, api) = with_api(setup).await?;
    let browser = world.signed_in().await?;
    revoke(&world);
    let page = as_user(&browser, &api.address, "/who").await?;
    assert!(page.body.starts_with("401 "), "{page}");
    assert_eq!(world.calls(Endpoint::Token), 0);
    Ok(())
}

async fn a_storm_at_expiry_spends_one_refresh_token(setup: Setup) -> Result<(), Failure> {
    let (world, api) = with_api(setup).await?;
    let browser = world.signed_in().await?;
    let url = route("as-user", &api.address, "/who", &[]);
    // Once because the token is due, once because the API rejects it.
    for rejected in [false, true] {
        let browser = match rejected {
            true => world.signed_in().await?,
            false => browser.clone(),
        };
        match rejected {
            true => revoke(&world),
            false => world.clock.pass(3_600),
        }
        world.provider.reset_calls();
        let mut calls = JoinSet::new();
        for _ in 0..40 {
            let (browser, url) = (world.lead(browser.clone()), url.clone());
            calls.spawn(async move { said(&browser, &url).await });
        }
        let told: BTreeSet<String> = calls
            .join_all()
            .await
            .into_iter()
            .collect::<Result<_, _>>()?;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told.iter().all(|told| told.starts_with("200 ")), "{told:?}");
        assert_eq!(world.calls(Endpoint::Token), 1, "{rejected}");
    }
    Ok(())
}

async fn a_bound_token_comes_with_its_proof_and_the_nonce(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|provider| provider.dpop(Usage::Always))
        .provider(|provider| {
            let client = Client::development().dpop_bound_access_tokens();
            provider.client(client).dpop_nonces(DpopNonces::Once)
        })
        .start()
        .await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let issuer = world.provider.issuer().to_owned();
    for _ in 0..3 {
        let page = as_user(&browser, &issuer, "/userinfo").await?;
        assert!(
            page.body.starts_with("200 ") && page.body.contains("alice"),
            "{page}"
        );
    }
    // The first was refused for want of a nonce, and none after it.
    assert_eq!(world.calls(Endpoint::Userinfo), 4);
    let request = world.provider.last_request(Endpoint::Userinfo);
    let request = request.ok_or("userinfo was not called")?;
    let claims = jwt_part(request.header("dpop").ok_or("there is no proof")?, 1)?;
    assert_eq!(claims["htu"], format!("{issuer}/userinfo"));
    assert!(
        claims["ath"].is_string() && claims["nonce"].is_string(),
        "{claims}"
    );
    let scheme = request.header("authorization").unwrap_or_default();
    assert!(scheme.starts_with("DPoP "), "{scheme}");
    // A redirect within the API gets a proof of its own.
    let api = Recording::start("/").await?;
    as_user(&browser, &format!("{}/v1", api.address), "/slash").await?;
    assert_eq!(
        api.take(),
        [
            "GET /v1/slash DPoP with a proof",
            "GET /v1/slash/ DPoP with a proof"
        ]
    );
    Ok(())
}

async fn whose_session_has_ended_signs_in(setup: Setup) -> Result<(), Failure> {
    let (world, api) = with_api(setup).await?;
    let browser = world.signed_in().await?;
    let url = route("as-user", &api.address, "/who", &[]);
    // The provider has revoked everything, and nobody knows it yet.
    world.provider.revoke_all();
    revoke(&world);
    let page = browser.fetch("GET", &url).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required"),
        "{page}"
    );
    let stranger = world.browser()?.fetch("GET", &url).await?;
    assert_eq!(stranger.code(), "sign_in_required");
    Ok(())
}

/// The handler finds out when it no longer has the request: a page leads to a login all the same.
async fn a_page_whose_session_ends_in_its_handler_signs_in(setup: Setup) -> Result<(), Failure> {
    let (world, api) = with_api(setup).await?;
    let mut browser = world.signed_in().await?;
    world.provider.revoke_all();
    revoke(&world);
    let page = browser
        .open(&route("as-user", &api.address, "/who", &[("x", "1")]))
        .await?;
    assert_eq!(page.status, 200, "{page}");
    assert!(page.url.as_str().contains("/as-user?"), "{}", page.url);
    assert_eq!(world.provider.calls(Endpoint::Authorize), 1);
    Ok(())
}

async fn a_page_whose_api_is_down_says_so(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let url = route("as-user", "http://127.0.0.1:1", "/who", &[]);
    let page = browser.open(&url).await?;
    assert_eq!(page.status, 502, "{page}");
    assert!(
        page.body.contains("Another service is not responding"),
        "{page}"
    );
    let log = transcript.text();
    assert!(log.contains(r#"path="/as-user""#), "{log}");
    let answer = browser.fetch("GET", &url).await?;
    assert_eq!((answer.status, answer.code().as_str()), (502, "api_call"));
    Ok(())
}
