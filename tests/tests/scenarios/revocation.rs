//! Signing out revokes the refresh token at the provider (RFC 7009), as well as it goes.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use latchgate::{ClientAuth, UserinfoPolicy};
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};

scenarios!(
    a_client_that_posts_its_secret_does_so_here_too,
    a_provider_without_revocation_is_no_obstacle;
    in either keeping:
    the_refresh_token_dies_with_the_session,
    so_does_one_that_comes_too_late,
    a_login_that_fails_gives_its_tokens_back,
    a_login_of_somebody_else_revokes_the_token_before_it,
    a_provider_that_does_not_answer_holds_nobody_up,
);

async fn sign_out(browser: &Browser) -> Result<Page, Failure> {
    let request = browser.request("POST", "/logout").navigation("same-origin");
    Ok(request.send().await?)
}

/// Waits for the revocation request, and returns what it says of the token and its kind.
async fn revoked(world: &World) -> Result<(Option<String>, Option<String>), Failure> {
    let asked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", asked).await?;
    let request = world.provider.last_request(Endpoint::Revocation);
    let parameter = |name| request.as_ref().and_then(|request| request.parameter(name));
    Ok((parameter("token"), parameter("token_type_hint")))
}

async fn the_refresh_token_dies_with_the_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    browser.fetch("POST", "/refresh").await?.json(200)?;
    let spent = world.provider.last_request(Endpoint::Token);
    let spent = spent.and_then(|request| request.parameter("refresh_token"));
    let thief = browser.clone();
    assert_eq!(sign_out(&browser).await?.status, 303);
    let (token, hint) = revoked(&world).await?;
    assert_eq!(hint.as_deref(), Some("refresh_token"));
    assert!(
        token.is_some() && token != spent,
        "the newest one, not the spent one"
    );
    assert_eq!(world.whoami(&thief).await?, None);
    Ok(())
}

/// Somebody signs out while the provider issues another refresh token.
async fn so_does_one_that_comes_too_late(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.mischief().answer(Endpoint::Token, Answer::Withhold);
    let signs_out = async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("a token request", asked).await?;
        assert_eq!(sign_out(&browser).await?.status, 303);
        let (old, _) = revoked(&world).await?;
        world.mischief().clear();
        let again = || world.calls(Endpoint::Revocation) == 2;
        world.until("the second revocation", again).await?;
        Ok::<_, Failure>(old)
    };
    let (refreshed, old) = tokio::join!(browser.fetch("POST", "/refresh"), signs_out);
    assert_eq!(refreshed?.status, 401);
    let new = world.provider.last_request(Endpoint::Revocation);
    let new = new.and_then(|request| request.parameter("token"));
    assert!(new.is_some() && new != old?, "the old one again");
    Ok(())
}

/// Each after the provider has issued tokens.
async fn a_login_that_fails_gives_its_tokens_back(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always));
    let world = setup.start().await?;
    let fails = async |code: &str| {
        world.provider.reset_calls();
        let browser = world.browser()?;
        let callback = world.callback(&browser, "/me").await?;
        let page = browser.get(callback.as_str()).await?;
        assert_eq!(page.code(), code, "{page}");
        let (token, _) = revoked(&world).await?;
        assert!(token.is_some_and(|token| !token.is_empty()), "{code}");
        world.mischief().clear();
        Ok::<_, Failure>(())
    };
    let down = Answer::status(StatusCode::INTERNAL_SERVER_ERROR);
    world.mischief().answer(Endpoint::Userinfo, down);
    fails("userinfo").await?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("nonce".to_owned(), "another login's".into());
    });
    fails("id_token_nonce").await?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("session_expiry".to_owned(), 1.into());
    });
    fails("session_ceiling").await
}

/// For the same person it stays: providers that end with one token all that we have of a person would end the new
/// session too.
async fn a_login_of_somebody_else_revokes_the_token_before_it(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issued = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&issued);
    world.mischief().on_token_response(move |response| {
        let token = response["refresh_token"].as_str().map(str::to_owned);
        notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(token);
    });
    let mut browser = world.signed_in().await?;
    world.visit(&mut browser, "/login?return_to=/me").await?;
    world.gate.drain().await;
    assert_eq!(world.calls(Endpoint::Revocation), 0);
    world.provider.auto_sign_in(Some("bob"));
    world.visit(&mut browser, "/login?return_to=/me").await?;
    let (token, _) = revoked(&world).await?;
    let issued = issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert_eq!(issued.len(), 3);
    assert!(token.is_some() && token == issued[1], "hers, the newest");
    Ok(())
}

async fn a_client_that_posts_its_secret_does_so_here_too(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| {
        provider.client_auth(ClientAuth::ClientSecretPost(
            "dev-secret:100%+ loopback".into(),
        ))
    });
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    sign_out(&browser).await?;
    revoked(&world).await?;
    let request = world.provider.last_request(Endpoint::Revocation);
    let request = request.ok_or("no request")?;
    assert_eq!(
        request.parameter("client_secret").as_deref(),
        Some(world.provider.client_secret())
    );
    assert_eq!(request.header("authorization"), None);
    Ok(())
}

async fn a_provider_that_does_not_answer_holds_nobody_up(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.mischief().answer(Endpoint::Revocation, Answer::Hang);
    assert_eq!(sign_out(&browser).await?.status, 303);
    assert_eq!(world.whoami(&browser).await?, None);
    world.mischief().clear();
    Ok(())
}

async fn a_provider_without_revocation_is_no_obstacle(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_metadata(|metadata| {
        metadata
            .as_object_mut()
            .map(|members| members.remove("revocation_endpoint"));
    });
    let browser = world.signed_in().await?;
    assert_eq!(sign_out(&browser).await?.status, 303);
    assert_eq!(world.whoami(&browser).await?, None);
    assert_eq!(world.calls(Endpoint::Revocation), 0);
    Ok(())
}
