//! Refreshed tokens that lie. An ID token of somebody else ends the session, one that merely does not hold is left out; an
//! answer that cannot be read leaves the session as it was. What was not verified is never handed out and never kept.

use latchgate_dev_provider::{Endpoint, Forgery};
use latchgate_tests::{Browser, Failure, Setup, World, ensure, scenarios};
use serde_json::{Value, json};

use super::{Lie, answers, change, honest_again, is_opaque, lie, nobody_is_signed_in, redirect};

scenarios!(
    answers_that_cannot_be_read_leave_the_session_as_it_was,
    an_expired_token_is_never_handed_out_instead,
    a_silent_answer_costs_nothing,
    nothing_is_due_and_nothing_is_asked;
    in either keeping:
    id_tokens_that_cannot_be_believed_end_the_session,
    id_tokens_that_do_not_hold_now_are_left_out,
    id_tokens_that_say_the_same_are_kept,
);

/// Where the lie shows: the session ends, without a word to the visitor but to sign in again.
const ENDED: (u16, &str) = (401, "sign_in_required");

/// Another value for a claim of refreshed ID tokens; `null` removes it.
fn claim(name: &'static str, value: Value) -> Lie {
    lie(format!("{name}: {value}"), ENDED, move |world| {
        let value = value.clone();
        world
            .mischief()
            .on_refreshed_id_token(move |_, claims| match &value {
                Value::Null => drop(claims.remove(name)),
                value => drop(claims.insert(name.to_owned(), value.clone())),
            });
    })
}

fn header(name: &'static str, value: Value) -> Lie {
    lie(format!("header {name}: {value}"), ENDED, move |world| {
        let value = value.clone();
        world.mischief().on_refreshed_id_token(move |header, _| {
            header.insert(name.to_owned(), value.clone());
        });
    })
}

fn forged(forgery: Forgery) -> Lie {
    lie(format!("{forgery:?}"), ENDED, move |world| {
        world.mischief().sign_id_token_with(forgery);
    })
}

/// The access token that the session holds now.
async fn held(world: &World, browser: &Browser) -> Result<String, Failure> {
    let token = world.token(browser).await?;
    Ok(token["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

async fn id_tokens_that_cannot_be_believed_end_the_session(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.trusted_audience("api"))
        .start()
        .await?;
    let issuer = world.provider.issuer().to_owned();
    let client = world.provider.client_id().to_owned();
    let mut lies: Vec<Lie> = [
        ("iss", json!(null)),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!("https://evil.example")),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!("bob")),
        ("sub", json!(["alice"])),
        ("aud", json!(null)),
        ("aud", json!("api")),
        ("aud", json!([client, "somebody-else"])),
        ("azp", json!(null)),
        ("azp", json!("api")),
    ]
    .into_iter()
    .map(|(name, value)| claim(name, value))
    .collect();
    lies.extend([header("alg", json!("none")), header("crit", json!(["exp"]))]);
    lies.extend(
        [
            Forgery::None,
            Forgery::BrokenSignature,
            Forgery::Hs256WithClientSecret,
            Forgery::Hs256WithPublicKey,
            Forgery::OtherKey,
            Forgery::Es256,
        ]
        .map(forged),
    );
    for text in ["a.b.c", "a.b.c.d.e", "words-of-the-provider"] {
        lies.push(lie(text, ENDED, move |world| {
            world
                .mischief()
                .on_token_response(move |response| response["id_token"] = json!(text));
        }));
    }
    for lie in lies {
        let ended = ends_the_session(&world, &lie).await;
        ended.map_err(|failure| format!("{}: {failure}", lie.name))?;
    }
    Ok(())
}

/// The answer need not carry an ID token at all: whatever else is wrong with one costs nobody their tokens.
async fn id_tokens_that_do_not_hold_now_are_left_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let now = world.clock.now();
    let claims = [
        ("exp", json!(null)),
        ("exp", json!(now - 30)),
        ("iat", json!(null)),
        ("iat", json!(now + 31)),
        ("nbf", json!(now + 31)),
        ("auth_time", json!(now - 1)),
        ("auth_time", json!(now + 1)),
        ("nonce", json!("another")),
        ("nonce", json!(7)),
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
    ];
    let claims = claims.map(|(name, value)| claim(name, value));
    for lie in claims.into_iter().chain([header("typ", json!("at+jwt"))]) {
        let browser = world.signed_in().await?;
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        let before = held(&world, &browser).await?;
        (lie.tell)(&world);
        // Twice: the refresh token that was rotated is kept.
        for _ in 0..2 {
            let page = browser.fetch("POST", "/refresh").await?;
            ensure!(page.status == 200, "{}: {page}", lie.name);
        }
        assert_ne!(held(&world, &browser).await?, before, "{}", lie.name);
        let found = browser.fetch("GET", "/me").await?.json(200)?;
        assert_eq!(found, claims, "{}", lie.name);
        world.mischief().clear();
    }
    Ok(())
}

async fn ends_the_session(world: &World, lie: &Lie) -> Result<(), Failure> {
    let mut browser = world.signed_in().await?;
    let before = browser.clone();
    (lie.tell)(world);
    let page = browser.fetch("POST", "/refresh").await?;
    ensure!(
        (page.status, page.code().as_str()) == (lie.status, lie.code),
        "{page}"
    );
    is_opaque(&page)?;
    ensure!(
        page.clears(world.session_cookie()),
        "the cookie stays: {:?}",
        page.set_cookies()
    );
    nobody_is_signed_in(world, &browser, &page).await?;
    // Nor does the cookie from before bring it back.
    nobody_is_signed_in(world, &before, &page).await?;
    honest_again(world, &mut browser).await
}

async fn id_tokens_that_say_the_same_are_kept(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.trusted_audience("api"))
        .start()
        .await?;
    let client = world.provider.client_id().to_owned();
    for (name, value) in [
        ("name", json!(null)),
        ("at_hash", json!(null)),
        ("aud", json!([client, "api"])),
        ("email", json!("new@example.com")),
    ] {
        let browser = world.signed_in().await?;
        let before = held(&world, &browser).await?;
        (claim(name, value.clone()).tell)(&world);
        let token = browser.fetch("POST", "/refresh").await?.json(200)?;
        assert_ne!(token["access_token"], json!(before), "{name}: {value}");
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        assert_eq!(claims[name], value, "{name}");
        world.mischief().clear();
    }
    // A refresh need not bring an ID token at all.
    let browser = world.signed_in().await?;
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    world
        .mischief()
        .on_token_response(|response| change(response, "id_token", &Value::Null));
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(browser.fetch("GET", "/me").await?.json(200)?, claims);
    Ok(())
}

const UNAVAILABLE: (u16, &str) = (503, "refresh_unavailable");

/// Answers that say nothing about the grant: the refresh token is as good as before.
fn silent() -> Vec<Lie> {
    let mut lies = answers(Endpoint::Token, UNAVAILABLE);
    lies.push(redirect(Endpoint::Token));
    for lie in &mut lies {
        (lie.status, lie.code) = UNAVAILABLE;
    }
    lies
}

/// Answers that spend the refresh token and bring nothing usable for it.
fn spoilt() -> Vec<Lie> {
    [
        ("access_token", json!(null)),
        ("access_token", json!("")),
        ("access_token", json!("a b")),
        ("refresh_token", json!("")),
        ("token_type", json!("mac")),
        ("token_type", json!(null)),
        ("id_token", json!("")),
        ("scope", json!(7)),
    ]
    .into_iter()
    .map(|(name, value)| {
        lie(format!("{name}: {value}"), UNAVAILABLE, move |world| {
            let value = value.clone();
            world
                .mischief()
                .on_token_response(move |response| change(response, name, &value));
        })
    })
    .collect()
}

async fn answers_that_cannot_be_read_leave_the_session_as_it_was(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    for lie in silent().into_iter().chain(spoilt()) {
        let browser = world.signed_in().await?;
        let before = held(&world, &browser).await?;
        // Due, and not expired yet.
        world.clock.pass(3_590);
        world.provider.reset_calls();
        (lie.tell)(&world);
        assert_eq!(held(&world, &browser).await?, before, "{}", lie.name);
        assert_eq!(world.calls(Endpoint::Token), 1, "{}", lie.name);
        let found = world.whoami(&browser).await?;
        assert_eq!(found.as_deref(), Some("alice"), "{}", lie.name);
        world.mischief().clear();
    }
    Ok(())
}

async fn an_expired_token_is_never_handed_out_instead(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for lie in silent().into_iter().chain(spoilt()) {
        let mut browser = world.signed_in().await?;
        world.clock.pass(3_600);
        (lie.tell)(&world);
        let page = browser.fetch("GET", "/token").await?;
        super::was_refused(&page, lie.status, lie.code)
            .map_err(|failure| format!("{}: {failure}", lie.name))?;
        assert!(!page.header("retry-after").is_empty(), "{}", lie.name);
        // Who needs no token is not bothered.
        let found = world.whoami(&browser).await?;
        assert_eq!(found.as_deref(), Some("alice"), "{}", lie.name);
        honest_again(&world, &mut browser).await?;
    }
    Ok(())
}

/// A provider that had nothing to say answers the next time it is asked.
async fn a_silent_answer_costs_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for lie in silent() {
        let browser = world.signed_in().await?;
        let before = held(&world, &browser).await?;
        world.clock.pass(3_600);
        (lie.tell)(&world);
        for page in [
            browser.fetch("POST", "/refresh").await?,
            browser.get("/token").await?,
        ] {
            super::was_refused(&page, lie.status, lie.code)
                .map_err(|failure| format!("{}: {failure}", lie.name))?;
        }
        world.mischief().clear();
        world.clock.pass(5);
        assert_ne!(held(&world, &browser).await?, before, "{}", lie.name);
    }
    Ok(())
}

async fn nothing_is_due_and_nothing_is_asked(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let before = held(&world, &browser).await?;
    world.mischief().sign_id_token_with(Forgery::None);
    world.provider.reset_calls();
    assert_eq!(held(&world, &browser).await?, before);
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}
