//! What happens when a refresh does not work out.

use http::StatusCode;
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::json;

scenarios!(
    a_late_answer_to_an_ended_session_leaves_the_next_one_alone;
    in either keeping:
    a_revoked_grant_ends_the_session,
    a_token_endpoint_in_trouble_keeps_the_session,
    a_forced_refresh_that_cannot_be_made_is_told,
    other_pages_stay_up_while_the_provider_is_down,
    a_refreshed_id_token_of_somebody_else_ends_the_session,
    a_renewed_session_keeps_what_the_refresh_leaves_out,
    keys_that_are_not_published_yet_cost_no_session,
    keys_that_cannot_be_had_cost_no_session,
    a_node_that_has_no_keys_spends_no_refresh_token,
);

const NEAR_THE_END: u64 = 3_560;

async fn a_revoked_grant_ends_the_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let stale = browser.clone();
    let navigating = browser.clone();
    world.provider.revoke_all();
    world.provider.reset_calls();
    world.clock.pass(NEAR_THE_END);
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required"),
        "{page}"
    );
    assert!(
        page.clears(world.session_cookie()),
        "{:?}",
        page.set_cookies()
    );
    assert_eq!(world.calls(Endpoint::Token), 1);
    assert_eq!(world.whoami(&browser).await?, None);
    // The old cookie brings nothing back and asks nobody.
    assert_eq!(world.whoami(&stale).await?, None);
    assert_eq!(stale.fetch("GET", "/token").await?.status, 401);
    assert_eq!(world.calls(Endpoint::Token), 1);
    let page = navigating.get("/token").await?;
    assert_eq!(page.status, 303);
    assert!(world.gives_up(&page));
    let mut browser = browser;
    assert_eq!(
        browser.open("/token").await?.status,
        200,
        "and a new login works"
    );
    Ok(())
}

async fn a_token_endpoint_in_trouble_keeps_the_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let troubles = [
        Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::status(StatusCode::TOO_MANY_REQUESTS),
        Answer::json(StatusCode::OK, &json!({"unexpected": true})),
        Answer::json(
            StatusCode::BAD_REQUEST,
            &json!({"error": "temporarily_unavailable"}),
        ),
        Answer::json(
            StatusCode::UNAUTHORIZED,
            &json!({"error": "invalid_client"}),
        ),
        Answer::Redirect(format!("{}/userinfo", world.provider.issuer())),
        Answer::Huge(10_000_000),
        Answer::Drop,
    ];
    for trouble in troubles {
        let browser = world.signed_in().await?;
        let old = world.token(&browser).await?;
        world.provider.reset_calls();
        world.clock.pass(NEAR_THE_END);
        world.mischief().answer(Endpoint::Token, trouble.clone());
        let token = world.token(&browser).await?;
        assert_eq!(token["access_token"], old["access_token"], "{trouble:?}");
        assert_eq!(token["expires_in"], 40);

        world.clock.pass(40);
        let page = browser.fetch("GET", "/token").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "refresh_unavailable"),
            "{trouble:?}"
        );
        assert!(!page.header("retry-after").is_empty());
        assert_eq!(
            world.whoami(&browser).await?.as_deref(),
            Some("alice"),
            "{trouble:?}"
        );
        assert_eq!(
            world.calls(Endpoint::Userinfo),
            0,
            "a redirect was followed"
        );

        let asked = world.calls(Endpoint::Token);
        browser.fetch("GET", "/token").await?;
        assert_eq!(
            world.calls(Endpoint::Token),
            asked,
            "it is left alone for a while"
        );
        world.clock.pass(5);
        world.mischief().clear();
        assert_eq!(
            world.token(&browser).await?["expires_in"],
            3_600,
            "{trouble:?}"
        );
    }
    Ok(())
}

/// Whoever asks for a token that was refreshed for this very request never gets an older one.
async fn a_forced_refresh_that_cannot_be_made_is_told(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let old = world.token(&browser).await?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    for _ in 0..2 {
        let page = browser.fetch("POST", "/refresh").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "refresh_unavailable"),
            "{page}"
        );
        assert_eq!(page.header("retry-after"), "5");
    }
    assert_eq!(world.token(&browser).await?, old, "which is still good");
    world.clock.pass(5);
    world.mischief().clear();
    let refreshed = browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_ne!(refreshed["access_token"], old["access_token"]);
    assert_eq!(refreshed["expires_in"], 3_600);

    world.provider.revoke_all();
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required"),
        "{page}"
    );
    Ok(())
}

async fn other_pages_stay_up_while_the_provider_is_down(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider_down();
    world.clock.pass(5 * 3_600);
    for path in ["/public", "/", "/me", "/admin", "/read", "/stream"] {
        assert_eq!(browser.get(path).await?.status, 200, "{path}");
    }
    assert_eq!(browser.fetch("GET", "/token").await?.status, 503);
    assert_eq!(browser.get("/me").await?.status, 200);
    Ok(())
}

async fn a_refreshed_id_token_of_somebody_else_ends_the_session(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.mischief().on_refreshed_id_token(|_, claims| {
        claims.insert("sub".to_owned(), "bob".into());
    });
    world.clock.pass(NEAR_THE_END);
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(page.status, 401, "{page}");
    assert!(page.clears(world.session_cookie()));
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_renewed_session_keeps_what_the_refresh_leaves_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let before = browser.fetch("GET", "/me").await?.json(200)?;
    world.mischief().on_token_response(|answer| {
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("id_token");
            answer.remove("scope");
            answer.remove("refresh_token");
        }
    });
    world.clock.pass(NEAR_THE_END);
    let token = world.token(&browser).await?;
    assert!(
        token["scope"]
            .as_str()
            .is_some_and(|scope| scope.contains("email")),
        "{token}"
    );
    assert_eq!(browser.fetch("GET", "/me").await?.json(200)?, before);
    assert_eq!(browser.get("/admin").await?.body, "admitted");
    // The refresh token of before is used on. This provider rotates, so it refuses a spent one.
    let spent = || {
        let request = world.provider.last_request(Endpoint::Token);
        request.and_then(|request| request.parameter("refresh_token"))
    };
    let first = spent().ok_or("no refresh token was sent")?;
    browser.fetch("POST", "/refresh").await?;
    assert_eq!(spent(), Some(first));
    assert_eq!(world.calls(Endpoint::Token), 3);
    Ok(())
}

/// The provider rotates its keys and refresh tokens at once, and its keys cannot be had.
async fn keys_that_cannot_be_had_cost_no_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.rotate_keys();
    world.mischief().answer(
        Endpoint::Jwks,
        Answer::status(http::StatusCode::SERVICE_UNAVAILABLE),
    );
    for _ in 0..8 {
        world.clock.pass(NEAR_THE_END);
        let answer = browser.fetch("GET", "/token").await?;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.json(200)?["expires_in"], 3_600);
    }
    world.mischief().clear();
    world.clock.pass(NEAR_THE_END);
    assert_eq!(world.token(&browser).await?["expires_in"], 3_600);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

/// The provider signs with a key that the server of its key set does not have yet.
async fn keys_that_are_not_published_yet_cost_no_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.rotate_keys();
    world.mischief().on_jwks(|set| {
        for key in set["keys"].as_array_mut().into_iter().flatten() {
            key["kid"] = "an older one".into();
        }
    });
    world.clock.pass(NEAR_THE_END);
    assert_eq!(world.token(&browser).await?["expires_in"], 3_600);
    world.mischief().clear();
    world.clock.pass(NEAR_THE_END);
    assert_eq!(world.token(&browser).await?["expires_in"], 3_600);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

/// A request is still on its way with the cookie of a session that a new login has ended since.
async fn a_late_answer_to_an_ended_session_leaves_the_next_one_alone(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let late = browser.clone();
    world.visit(&mut browser, "/login?return_to=/me").await?;
    let answer = late.get("/").await?;
    assert_eq!(answer.body, "anonymous");
    assert_eq!(
        answer.set_cookies(),
        [""; 0],
        "it would remove the new session"
    );
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

/// It could not tell whether the answer speaks of the same person.
async fn a_node_that_has_no_keys_spends_no_refresh_token(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = node.lead(world.signed_in().await?);
    world.provider.reset_calls();
    world.mischief().answer(Endpoint::Jwks, Answer::Drop);
    world.clock.pass(3_600);
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "refresh_unavailable")
    );
    assert_eq!(world.calls(Endpoint::Token), 0);
    world.mischief().clear();
    world.clock.pass(10);
    node.token(&browser).await?;
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}
