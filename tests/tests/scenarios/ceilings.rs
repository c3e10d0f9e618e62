//! The provider limits sessions by `session_expiry`, and by the ID token's `exp` where that is wanted.

use std::time::Duration;

use latchgate::SessionCeiling;
use latchgate_dev_provider::JsonObject;
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    ;
    in either keeping:
    no_session_lasts_longer_than_session_expiry,
    a_session_expiry_that_is_no_number_limits_nothing,
    the_id_token_limits_the_session_where_that_is_wanted,
    a_refresh_moves_the_ceiling_up_and_down,
    a_refresh_never_moves_the_absolute_end,
    a_refresh_may_end_the_session,
    a_ceiling_that_is_past_lets_nobody_in,
);

/// Ten minutes idle, an hour in all.
async fn short(setup: Setup) -> Result<World, Failure> {
    let setup = setup
        .gate(|gate| gate.session_lifetimes(Duration::from_secs(600), Duration::from_secs(3_600)));
    setup.start().await
}

/// Puts a claim into ID tokens from now on.
fn claim(name: &'static str, value: Value) -> impl Fn(&mut JsonObject, &mut JsonObject) {
    move |_, claims| drop(claims.insert(name.to_owned(), value.clone()))
}

/// Signs in with `session_expiry` so many seconds from now; what the callback answered, too.
async fn limited(world: &World, seconds: u64) -> Result<(Browser, Page), Failure> {
    let expiry = json!(world.clock.now() + seconds);
    world
        .mischief()
        .on_id_token(claim("session_expiry", expiry));
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    Ok((browser, page))
}

/// Refreshes, and the new ID token says `session_expiry` so many seconds from now.
async fn refreshed(world: &World, browser: &Browser, seconds: u64) -> Result<Page, Failure> {
    let expiry = json!(world.clock.now() + seconds);
    world
        .mischief()
        .on_refreshed_id_token(claim("session_expiry", expiry));
    Ok(browser.fetch("POST", "/refresh").await?)
}

async fn lives(world: &World, browser: &Browser) -> Result<bool, Failure> {
    Ok(world.whoami(browser).await?.as_deref() == Some("alice"))
}

async fn no_session_lasts_longer_than_session_expiry(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let (browser, page) = limited(&world, 300).await?;
    let line = page.sets(world.session_cookie()).concat();
    assert!(line.contains("; Max-Age=300"), "{line}");
    world.clock.pass(200);
    let page = browser.get("/me").await?;
    let line = page.sets(world.session_cookie()).concat();
    assert!(line.contains("; Max-Age=100"), "{line}");
    world.clock.pass(99);
    assert!(lives(&world, &browser).await?);
    let stale = browser.clone();
    world.clock.pass(1);
    let page = browser.get("/").await?;
    assert_eq!(page.body, "anonymous");
    assert!(world.gives_up(&page));
    let page = stale.fetch("GET", "/token").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    Ok(())
}

async fn a_session_expiry_that_is_no_number_limits_nothing(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    for value in [json!("1"), json!(null), json!({ "at": 1 }), json!(true)] {
        let alter = claim("session_expiry", value.clone());
        world.mischief().on_id_token(alter);
        let browser = world.signed_in().await?;
        world.clock.pass(599);
        assert!(lives(&world, &browser).await?, "{value}");
    }
    Ok(())
}

async fn the_id_token_limits_the_session_where_that_is_wanted(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let strict = world
        .neighbour(|setup| setup.gate(|gate| gate.session_ceiling(SessionCeiling::IdToken)))
        .await?;
    let exp = json!(world.clock.now() + 400);
    world.mischief().on_id_token(claim("exp", exp));
    let unlimited = world.signed_in().await?;
    let limited = strict.lead(strict.signed_in().await?);
    world.clock.pass(399);
    assert!(lives(&world, &unlimited).await? && lives(&strict, &limited).await?);
    let moved = limited.clone();
    let exp = json!(world.clock.now() + 401);
    world.mischief().on_id_token(claim("exp", exp));
    moved.fetch("POST", "/refresh").await?.json(200)?;
    world.clock.pass(1);
    assert!(lives(&world, &unlimited).await?);
    assert!(lives(&strict, &moved).await?, "the refresh prolonged it");
    world.clock.pass(400);
    assert!(lives(&world, &unlimited).await?);
    assert!(!lives(&strict, &moved).await?);
    assert!(!lives(&strict, &limited).await?);
    Ok(())
}

async fn a_refresh_moves_the_ceiling_up_and_down(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let (browser, _) = limited(&world, 300).await?;
    world.clock.pass(250);
    refreshed(&world, &browser, 500).await?.json(200)?;
    world.clock.pass(499);
    assert!(lives(&world, &browser).await?, "moved up");
    let page = refreshed(&world, &browser, 30).await?;
    page.json(200)?;
    if world.store().is_none() {
        let line = page.sets(world.session_cookie()).concat();
        assert!(line.contains("; Max-Age=30"), "{line}");
    }
    world.clock.pass(29);
    assert!(lives(&world, &browser).await?);
    world.clock.pass(1);
    assert!(!lives(&world, &browser).await?, "moved down");
    Ok(())
}

async fn a_refresh_never_moves_the_absolute_end(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let (browser, _) = limited(&world, 7_200).await?;
    for _ in 0..7 {
        world.clock.pass(500);
        refreshed(&world, &browser, 7_200).await?.json(200)?;
    }
    world.clock.pass(99);
    assert!(lives(&world, &browser).await?);
    world.clock.pass(1);
    assert!(!lives(&world, &browser).await?);
    Ok(())
}

async fn a_refresh_may_end_the_session(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let (browser, _) = limited(&world, 300).await?;
    let (stale, elsewhere) = (browser.clone(), browser.clone());
    let page = refreshed(&world, &browser, 0).await?;
    assert_eq!(page.json(401)?["session"], "ceiling", "{page}");
    assert!(page.clears(world.session_cookie()));
    assert!(
        !lives(&world, &stale).await?,
        "its old cookie is worth nothing"
    );
    if world.store().is_some() {
        let node = world.neighbour(|setup| setup).await?;
        assert!(!lives(&node, &node.lead(elsewhere)).await?, "on no node");
    }
    Ok(())
}

async fn a_ceiling_that_is_past_lets_nobody_in(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let (browser, page) = limited(&world, 0).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "session_ceiling")
    );
    assert!(page.sets(world.session_cookie()).is_empty());
    assert!(!lives(&world, &browser).await?);
    // The clocks differ by less than the leeway: the ID token is accepted, but there is no time left.
    world.mischief().clear();
    let strict = world
        .neighbour(|setup| setup.gate(|gate| gate.session_ceiling(SessionCeiling::IdToken)))
        .await?;
    let exp = json!(world.clock.now() - 10);
    world.mischief().on_id_token(claim("exp", exp));
    assert!(lives(&world, &world.signed_in().await?).await?);
    let mut browser = strict.browser()?;
    let page = strict.visit(&mut browser, "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "session_ceiling")
    );
    Ok(())
}
