//! Access tokens are fresh, and a refresh token is spent once.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};
use serde_json::Value;
use tokio::task::JoinSet;

scenarios!(
    without_expires_in_nothing_is_ever_due,
    without_a_refresh_token_the_rest_of_its_life_is_all_there_is;
    in either keeping:
    a_token_near_its_end_is_refreshed_first,
    a_hundred_requests_at_once_make_one_token_request,
    a_late_request_with_the_old_cookie_spends_nothing,
    a_forced_refresh_is_a_refresh,
    tokens_of_two_people_never_mix,
    a_handler_that_fails_does_not_lose_the_new_tokens,
    a_browser_that_hangs_up_does_not_lose_the_new_tokens,
    pages_that_need_no_token_refresh_nothing,
);

/// Less than a minute before the access token's hour is over.
const NEAR_THE_END: u64 = 3_560;

fn text(answer: &Value) -> String {
    answer["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn a_token_near_its_end_is_refreshed_first(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let first = world.token(&browser).await?;
    assert_eq!(first["expires_in"], 3_600);
    assert!(
        first["scope"]
            .as_str()
            .is_some_and(|scope| scope.contains("profile")),
        "{first}"
    );
    world.clock.pass(3_500);
    let same = world.token(&browser).await?;
    assert_eq!(
        (text(&same), &same["expires_in"]),
        (text(&first), &Value::from(100))
    );
    assert_eq!(world.calls(Endpoint::Token), 0);

    world.clock.pass(60);
    let fresh = world.token(&browser).await?;
    assert_ne!(text(&fresh), text(&first));
    assert_eq!(fresh["expires_in"], 3_600);
    assert_eq!(fresh["scope"], first["scope"]);
    assert_eq!(text(&world.token(&browser).await?), text(&fresh));
    assert_eq!(world.calls(Endpoint::Token), 1);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

/// Every one of `count` copies of a browser asks for a token at once.
async fn at_once(browser: &Browser, count: usize) -> Result<Vec<(Browser, Value)>, Failure> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let copy = browser.clone();
        requests.spawn(async move {
            let answer = copy.fetch("GET", "/token").await?.json(200)?;
            Ok::<_, Failure>((copy, answer))
        });
    }
    requests.join_all().await.into_iter().collect()
}

async fn a_hundred_requests_at_once_make_one_token_request(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let old = text(&world.token(&browser).await?);
    for _ in 0..3 {
        world.provider.reset_calls();
        world.clock.pass(NEAR_THE_END);
        world.mischief().answer(Endpoint::Token, Answer::Hang);
        let asking = at_once(&browser, 100);
        let release = async {
            world
                .until("a token request", || world.calls(Endpoint::Token) > 0)
                .await?;
            world.mischief().clear();
            Ok::<_, Failure>(())
        };
        let (answers, released) = tokio::join!(asking, release);
        released?;
        let answers = answers?;
        assert_eq!(world.calls(Endpoint::Token), 1);
        let fresh = text(&answers[0].1);
        assert_ne!(fresh, old);
        for (copy, answer) in answers {
            assert_eq!(text(&answer), fresh);
            assert_eq!(
                text(&world.token(&copy).await?),
                fresh,
                "its cookie is not the newest"
            );
        }
        assert_eq!(world.calls(Endpoint::Token), 1);
        world.token(&browser).await?;
    }
    Ok(())
}

async fn a_late_request_with_the_old_cookie_spends_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let late = [browser.clone(), browser.clone(), browser.clone()];
    world.clock.pass(NEAR_THE_END);
    let fresh = text(&world.token(&browser).await?);
    world.provider.reset_calls();
    world.clock.pass(30);
    for (copy, path) in late.iter().zip(["/token", "/me", "/"]) {
        let page = copy.fetch("GET", path).await?;
        assert_eq!(page.status, 200, "{page}");
        if world.store().is_none() {
            assert_eq!(
                page.sets(world.session_cookie()).len(),
                1,
                "{path}: the old cookie stays"
            );
        }
        assert_eq!(text(&world.token(copy).await?), fresh);
    }
    assert_eq!(world.calls(Endpoint::Token), 0);
    assert_eq!(text(&world.token(&browser).await?), fresh);
    Ok(())
}

async fn a_forced_refresh_is_a_refresh(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let first = text(&world.token(&browser).await?);
    world.provider.reset_calls();
    world.clock.pass(1);
    let fresh = browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_ne!(text(&fresh), first);
    world.clock.pass(1);
    let fresher = browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_ne!(text(&fresher), text(&fresh));
    assert_eq!(world.calls(Endpoint::Token), 2);
    assert_eq!(text(&world.token(&browser).await?), text(&fresher));
    assert_eq!(
        world.browser()?.fetch("POST", "/refresh").await?.status,
        401
    );
    Ok(())
}

/// Whose access token it is, as it says itself.
fn subject(answer: &Value) -> Option<String> {
    let token = text(answer);
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token.split('.').nth(1)?);
    let claims: Value = serde_json::from_slice(&payload.ok()?).ok()?;
    Some(claims["sub"].as_str()?.to_owned())
}

async fn tokens_of_two_people_never_mix(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut people = Vec::new();
    for person in ["alice", "bob", "carol"] {
        world.provider.auto_sign_in(Some(person));
        people.push((person, world.signed_in().await?));
    }
    for _ in 0..3 {
        world.provider.reset_calls();
        world.clock.pass(NEAR_THE_END);
        let mut requests = JoinSet::new();
        for number in 0..30 {
            let (person, browser) = &people[number % people.len()];
            let (person, copy) = (*person, browser.clone());
            requests.spawn(async move {
                let answer = copy.fetch("GET", "/token").await?.json(200)?;
                Ok::<_, Failure>((person, copy, subject(&answer)))
            });
        }
        for request in requests.join_all().await {
            let (person, copy, subject) = request?;
            assert_eq!(subject.as_deref(), Some(person));
            assert_eq!(world.whoami(&copy).await?.as_deref(), Some(person));
        }
        assert_eq!(world.calls(Endpoint::Token), people.len());
        for (_, browser) in &people {
            world.token(browser).await?;
        }
    }
    Ok(())
}

async fn a_handler_that_fails_does_not_lose_the_new_tokens(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.clock.pass(NEAR_THE_END);
    let page = browser.get("/boom-token").await?;
    assert_eq!(
        (page.status, page.sets(world.session_cookie()).len()),
        (500, 1)
    );
    assert_eq!(page.header("cache-control"), "private, no-store");
    let token = world.token(&browser).await?;
    assert_eq!(token["expires_in"], 3_600);
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn a_browser_that_hangs_up_does_not_lose_the_new_tokens(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.clock.pass(NEAR_THE_END);
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let impatient = browser.clone();
    let request = tokio::spawn(async move { impatient.fetch("GET", "/token").await });
    world
        .until("a token request", || world.calls(Endpoint::Token) == 1)
        .await?;
    request.abort();
    let _ = request.await;
    world.mischief().clear();
    let token = world.token(&browser).await?;
    assert_eq!(token["expires_in"], 3_600);
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn pages_that_need_no_token_refresh_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.clock.pass(NEAR_THE_END + 1_000);
    for path in ["/", "/me", "/public", "/admin"] {
        assert_eq!(browser.get(path).await?.status, 200, "{path}");
    }
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn without_expires_in_nothing_is_ever_due(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .provider(|provider| provider.omit_expires_in())
        .start()
        .await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.clock.pass(10 * 3_600);
    let token = world.token(&browser).await?;
    assert_eq!(token["expires_in"], Value::Null);
    assert_eq!(world.calls(Endpoint::Token), 0);
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn signed_in_without_refresh_token(setup: Setup) -> Result<(World, Browser), Failure> {
    let setup = setup.registration(|registration| registration.scopes(["openid", "email"]));
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    Ok((world, browser))
}

async fn without_a_refresh_token_the_rest_of_its_life_is_all_there_is(
    setup: Setup,
) -> Result<(), Failure> {
    let (world, browser) = signed_in_without_refresh_token(setup).await?;
    world.provider.reset_calls();
    world.clock.pass(NEAR_THE_END);
    assert_eq!(world.token(&browser).await?["expires_in"], 40);
    world.clock.pass(40);
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "no_refresh_token")
    );
    assert_eq!(browser.get("/token").await?.status, 303);
    assert_eq!(
        world.whoami(&browser).await?.as_deref(),
        Some("alice"),
        "/me needs no token"
    );
    assert_eq!(world.calls(Endpoint::Token), 0);
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(page.status, 401, "{page}");
    Ok(())
}
