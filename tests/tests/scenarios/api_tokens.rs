//! Access tokens for other APIs: with the refresh token, by exchange, and of the application itself.

use std::collections::BTreeSet;

use latchgate::{ClientAuth, Usage};
use latchgate_dev_provider::{Answer, Client, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, jwt_part, scenarios};
use serde_json::{Value, json};
use tokio::task::JoinSet;

scenarios!(
    the_application_has_tokens_of_its_own,
    a_public_client_has_none,
    without_a_session_or_a_refresh_token_there_is_no_token;
    in either keeping:
    each_api_gets_a_token_of_its_own,
    a_storm_for_two_apis_spends_each_refresh_token_once,
    a_token_is_exchanged_without_the_refresh_token,
    a_refusal_is_told_and_costs_the_session_nothing,
    a_provider_that_is_down_leaves_the_session_as_it_was,
    a_rejected_token_is_replaced,
    tokens_are_bound_to_the_key_of_the_session,
);

const A: &str = "/other?resource=https://a.example";
const B: &str = "/other?resource=https://b.example";

/// An application that may call two APIs.
fn with_apis(setup: Setup) -> Setup {
    setup.registration(|registration| {
        registration
            .resource("https://a.example")
            .resource("https://b.example")
    })
}

async fn told(browser: &Browser, url: &str) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", url).await?.json(200)?)
}

/// What a token that is a JWT says.
fn claims(told: &Value) -> Result<Value, Failure> {
    let token = told["access_token"].as_str().ok_or("there is no token")?;
    jwt_part(token, 1)
}

fn is_problem(page: &Page, status: u16, code: &str) -> Result<(), Failure> {
    assert_eq!(page.json(status)?["code"], code, "{page}");
    Ok(())
}

async fn each_api_gets_a_token_of_its_own(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup).start().await?;
    let browser = world.signed_in().await?;
    let own = world.token(&browser).await?;
    world.provider.reset_calls();
    let a = told(&browser, A).await?;
    let b = told(&browser, &format!("{B}&scope=email")).await?;
    assert_eq!(claims(&a)?["aud"], "https://a.example");
    assert_eq!(claims(&b)?["aud"], "https://b.example");
    assert_eq!(
        (&b["scope"], &b["token_type"]),
        (&json!("email"), &json!("Bearer"))
    );
    assert_eq!(claims(&a)?["sub"], "alice");
    // They are kept, each for itself, and the session's own token is what it was.
    assert_eq!(told(&browser, A).await?["access_token"], a["access_token"]);
    assert_eq!(world.calls(Endpoint::Token), 2);
    assert_eq!(
        world.token(&browser).await?["access_token"],
        own["access_token"]
    );
    // The refresh token that was rotated twice is the one that is spent next.
    browser.fetch("POST", "/refresh").await?.json(200)?;
    world.clock.pass(3_600);
    let later = told(&browser, A).await?;
    assert_ne!(later["access_token"], a["access_token"]);
    Ok(())
}

async fn a_storm_for_two_apis_spends_each_refresh_token_once(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup).start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let mut requests = JoinSet::new();
    for number in 0..60 {
        let copy = world.lead(browser.clone());
        let url = if number % 2 == 0 { A } else { B };
        requests.spawn(async move { told(&copy, url).await });
    }
    let answers: Vec<Value> = requests
        .join_all()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    let tokens: BTreeSet<String> = answers
        .iter()
        .map(|answer| answer["access_token"].to_string())
        .collect();
    assert_eq!((tokens.len(), world.calls(Endpoint::Token)), (2, 2));
    // A second use of any of them would have ended the session.
    browser.fetch("GET", A).await?.json(200)?;
    browser.fetch("POST", "/refresh").await?.json(200)?;
    Ok(())
}

async fn a_token_is_exchanged_without_the_refresh_token(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let url = "/other?audience=stock&scope=email&by=exchange";
    let stock = told(&browser, url).await?;
    assert_eq!(claims(&stock)?["aud"], "stock");
    assert_eq!(stock["scope"], "email");
    let page = browser.fetch("GET", url).await?;
    assert_eq!(page.json(200)?["access_token"], stock["access_token"]);
    assert_eq!(page.set_cookies(), [""; 0], "the session is what it was");
    assert_eq!(world.calls(Endpoint::Token), 1);
    // The session's own token is refreshed first when it has expired.
    world.clock.pass(3_600);
    told(&browser, url).await?;
    assert_eq!(world.calls(Endpoint::Token), 3);
    Ok(())
}

async fn a_refusal_is_told_and_costs_the_session_nothing(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup).start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    let other = "/other?resource=https://c.example";
    for url in [other, "/other?audience=stock&scope=root&by=exchange"] {
        let refused = browser.fetch("GET", url).await?;
        is_problem(&refused, 500, "token_request_refused")?;
        // Nobody asks again for a while.
        is_problem(
            &browser.fetch("GET", url).await?,
            503,
            "provider_unreachable",
        )?;
    }
    assert_eq!(world.calls(Endpoint::Token), 2);
    // Nothing else has to wait.
    told(&browser, A).await?;
    browser.fetch("POST", "/refresh").await?.json(200)?;
    world.clock.pass(5);
    is_problem(
        &browser.fetch("GET", other).await?,
        500,
        "token_request_refused",
    )?;
    let relative = browser.fetch("GET", "/other?resource=orders").await?;
    is_problem(&relative, 500, "token_resource")
}

async fn a_provider_that_is_down_leaves_the_session_as_it_was(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup).start().await?;
    let browser = world.signed_in().await?;
    for url in [A, "/other?audience=stock&by=exchange"] {
        world.mischief().answer(Endpoint::Token, Answer::Drop);
        assert_eq!(browser.fetch("GET", url).await?.status, 503, "{url}");
        world.mischief().clear();
        world.clock.pass(5);
        told(&browser, url).await?;
    }
    // A grant that was revoked has ended the session.
    world.provider.revoke_all();
    is_problem(&browser.fetch("GET", B).await?, 401, "sign_in_required")?;
    assert_eq!(browser.fetch("GET", "/me").await?.status, 401);
    Ok(())
}

async fn a_rejected_token_is_replaced(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup).start().await?;
    let browser = world.signed_in().await?;
    for query in ["resource=https://a.example", "audience=stock&by=exchange"] {
        let first = told(&browser, &format!("/other?{query}")).await?;
        // It was issued just now, so the provider is not asked for another one.
        let same = told(&browser, &format!("/another?{query}")).await?;
        assert_eq!(first["access_token"], same["access_token"]);
        world.clock.pass(30);
        let second = told(&browser, &format!("/another?{query}")).await?;
        assert_ne!(first["access_token"], second["access_token"]);
        let third = told(&browser, &format!("/other?{query}")).await?;
        assert_eq!(third["access_token"], second["access_token"]);
    }
    Ok(())
}

async fn tokens_are_bound_to_the_key_of_the_session(setup: Setup) -> Result<(), Failure> {
    let world = with_apis(setup)
        .registration(|registration| registration.dpop(Usage::Always))
        .provider(|provider| provider.client(Client::development().dpop_bound_access_tokens()))
        .start()
        .await?;
    let browser = world.signed_in().await?;
    let own = claims(&world.token(&browser).await?)?;
    for url in [A, "/other?audience=stock&by=exchange"] {
        let other = told(&browser, url).await?;
        assert_eq!(other["token_type"], "DPoP");
        assert_eq!(claims(&other)?["cnf"], own["cnf"]);
    }
    let application = told(&browser, "/own?audience=stock").await?;
    assert_eq!(application["token_type"], "DPoP");
    assert_ne!(claims(&application)?["cnf"], own["cnf"]);
    Ok(())
}

async fn the_application_has_tokens_of_its_own(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let stock = told(&browser, "/own?audience=stock&scope=read").await?;
    assert_eq!(
        (&claims(&stock)?["aud"], &stock["scope"]),
        (&json!("stock"), &json!("read"))
    );
    let again = told(&browser, "/own?audience=stock&scope=read").await?;
    assert_eq!(again["access_token"], stock["access_token"]);
    assert_eq!(world.calls(Endpoint::Token), 1);
    world.clock.pass(3_600);
    let later = told(&browser, "/own?audience=stock&scope=read").await?;
    assert_ne!(later["access_token"], stock["access_token"]);
    Ok(())
}

async fn a_public_client_has_none(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.client_auth(ClientAuth::None))
        .provider(|provider| provider.client(Client::public(Client::development().client_id())))
        .start()
        .await?;
    let refused = world.browser()?.fetch("GET", "/own?audience=stock").await?;
    is_problem(&refused, 500, "token_request_refused")
}

async fn without_a_session_or_a_refresh_token_there_is_no_token(
    setup: Setup,
) -> Result<(), Failure> {
    let world = with_apis(setup)
        .registration(|registration| registration.scopes(["openid"]))
        .start()
        .await?;
    let stranger = world.browser()?.fetch("GET", A).await?;
    is_problem(&stranger, 401, "sign_in_required")?;
    let browser = world.signed_in().await?;
    is_problem(&browser.fetch("GET", A).await?, 401, "no_refresh_token")?;
    told(&browser, "/other?audience=stock&by=exchange").await?;
    Ok(())
}
