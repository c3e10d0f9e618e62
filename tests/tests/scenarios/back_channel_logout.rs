//! The provider ends sessions without a browser (OpenID Connect Back-Channel Logout 1.0).

use latchgate_dev_provider::{JsonObject, LogoutTarget};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    only_a_form_by_post_is_read,
    keys_that_rotated_are_looked_up;
    in either keeping:
    a_session_id_ends_that_session_alone,
    a_subject_ends_every_session_of_that_person,
    a_logout_token_that_is_none_ends_nothing,
    a_token_is_processed_once,
    a_session_begun_afterwards_lives,
    nobody_there_is_success_too,
    a_session_that_has_no_id_ends_by_its_person,
);

const ROUTE: &str = "/backchannel-logout";

/// Posts a logout token as a provider does: without cookies, from nowhere.
async fn post(world: &World, token: &str) -> Result<Page, Failure> {
    let form = [("logout_token", token), ("unknown", "field")];
    Ok(world
        .browser()?
        .request("POST", ROUTE)
        .form(&form)
        .send()
        .await?)
}

async fn sid(browser: &Browser) -> Result<String, Failure> {
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    Ok(claims["sid"].as_str().unwrap_or_default().to_owned())
}

fn honest(_: &mut JsonObject, _: &mut JsonObject) {}

async fn a_session_id_ends_that_session_alone(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (one, other) = (world.signed_in().await?, world.signed_in().await?);
    let sid = sid(&one).await?;
    let token = world.provider.logout_token(LogoutTarget::Sid(sid), honest);
    let page = post(&world, &token).await?;
    assert_eq!((page.status, page.body.as_str()), (200, ""));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(world.whoami(&one).await?, None);
    assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_subject_ends_every_session_of_that_person(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let hers = [
        world.signed_in().await?,
        world.signed_in().await?,
        world.signed_in().await?,
    ];
    world.provider.auto_sign_in(Some("bob"));
    let mut his = world.browser()?;
    world.visit(&mut his, "/me").await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    for browser in &hers {
        assert_eq!(world.whoami(browser).await?, None);
    }
    assert_eq!(world.whoami(&his).await?.as_deref(), Some("bob"));
    Ok(())
}

/// Everything that is no logout token of this provider for this client, by what was done to one.
async fn a_logout_token_that_is_none_ends_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let now = world.clock.now();
    let remove = |name: &'static str| move |claims: &mut JsonObject| drop(claims.remove(name));
    let set = |name: &'static str, value: Value| {
        move |claims: &mut JsonObject| drop(claims.insert(name.to_owned(), value.clone()))
    };
    type Change = Box<dyn Fn(&mut JsonObject)>;
    let claims: Vec<(&str, Change)> = vec![
        ("no iss", Box::new(remove("iss"))),
        (
            "other iss",
            Box::new(set("iss", json!("https://other.example"))),
        ),
        ("no aud", Box::new(remove("aud"))),
        ("other aud", Box::new(set("aud", json!("other")))),
        ("no iat", Box::new(remove("iat"))),
        ("later iat", Box::new(set("iat", json!(now + 3_600)))),
        ("old iat", Box::new(set("iat", json!(now - 7_200)))),
        ("an exp that is none", Box::new(set("exp", json!(null)))),
        ("past exp", Box::new(set("exp", json!(now - 3_600)))),
        ("no jti", Box::new(remove("jti"))),
        ("empty jti", Box::new(set("jti", json!("")))),
        ("no events", Box::new(remove("events"))),
        (
            "other event",
            Box::new(set("events", json!({ "https://other.example": {} }))),
        ),
        (
            "event of another type",
            Box::new(set(
                "events",
                json!({ "http://schemas.openid.net/event/backchannel-logout": true }),
            )),
        ),
        ("nonce", Box::new(set("nonce", json!("n")))),
        ("nobody", Box::new(remove("sub"))),
    ];
    for (what, change) in claims {
        let target = LogoutTarget::Sub("alice".to_owned());
        let token = world
            .provider
            .logout_token(target, |_, claims| change(claims));
        let page = post(&world, &token).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "logout_token"),
            "{what}: {page}"
        );
        assert!(page.header("cache-control").contains("no-store"), "{what}");
        assert_eq!(
            world.whoami(&browser).await?.as_deref(),
            Some("alice"),
            "{what}"
        );
    }

    let good = |change: &dyn Fn(&mut JsonObject)| {
        let target = LogoutTarget::Sub("alice".to_owned());
        world
            .provider
            .logout_token(target, |header, _| change(header))
    };
    let header = |name: &'static str, value: &'static str| {
        good(&move |header| drop(header.insert(name.to_owned(), json!(value))))
    };
    let signed = good(&|_| {});
    let body = signed
        .rsplit_once('.')
        .map_or("", |(body, _)| body)
        .to_owned();
    for (what, token) in [
        ("alg none", header("alg", "none")),
        ("alg of another key", header("alg", "ES256")),
        ("typ of an access token", header("typ", "at+jwt")),
        ("no signature", format!("{body}.")),
        ("broken signature", format!("{body}.AAAA")),
        ("not a token", "x".to_owned()),
        ("nothing", String::new()),
    ] {
        let page = post(&world, &token).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "logout_token"),
            "{what}: {page}"
        );
        assert_eq!(
            world.whoami(&browser).await?.as_deref(),
            Some("alice"),
            "{what}"
        );
    }
    assert_eq!(post(&world, &signed).await?.status, 200);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_token_is_processed_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    world.clock.pass(1);
    let browser = world.signed_in().await?;
    assert_eq!(post(&world, &token).await?.status, 400);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_session_begun_afterwards_lives(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let before = world.signed_in().await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    world.clock.pass(1);
    let after = world.signed_in().await?;
    assert_eq!(world.whoami(&before).await?, None);
    assert_eq!(world.whoami(&after).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn nobody_there_is_success_too(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let target = LogoutTarget::Sid("a \"session\" nobody has".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    Ok(())
}

async fn only_a_form_by_post_is_read(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    let query = format!("{ROUTE}?logout_token={token}");
    let page = world.browser()?.request("GET", &query).send().await?;
    assert_eq!((page.status, page.header("allow")), (405, "POST"), "{page}");
    let json = json!({ "logout_token": token }).to_string();
    let provider = world.browser()?;
    let request = provider.request("POST", ROUTE);
    let request = request
        .header("content-type", "application/json")
        .body(json);
    assert_eq!(request.send().await?.status, 400);
    let twice = [
        ("logout_token", token.as_str()),
        ("logout_token", token.as_str()),
    ];
    let page = world
        .browser()?
        .request("POST", ROUTE)
        .form(&twice)
        .send()
        .await?;
    assert_eq!(page.status, 400);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn keys_that_rotated_are_looked_up(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.rotate_keys();
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

/// It may have been the one that is meant. Whose session has an id, it was not.
async fn a_session_that_has_no_id_ends_by_its_person(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let with_id = world.signed_in().await?;
    world
        .mischief()
        .on_id_token(|_, claims| drop(claims.remove("sid")));
    let without = world.signed_in().await?;
    assert_eq!(sid(&without).await?, "");
    let target = |sub: &str| LogoutTarget::SidAndSub {
        sid: "of another browser".to_owned(),
        sub: sub.to_owned(),
    };
    for (sub, ended) in [("bob", false), ("alice", true)] {
        let token = world.provider.logout_token(target(sub), honest);
        assert_eq!(post(&world, &token).await?.status, 200);
        assert_eq!(world.whoami(&without).await?.is_none(), ended, "{sub}");
    }
    assert_eq!(world.whoami(&with_id).await?.as_deref(), Some("alice"));
    Ok(())
}
