//! Sessions in a tower-sessions store, which has neither leases nor an index, on both frameworks.

use std::time::Duration;

use latchgate_dev_provider::{Answer, Endpoint, LogoutTarget};
use latchgate_tests::{Failure, Setup, World, scenarios};
use latchgate_tower_sessions::TowerSessions;
use tokio::task::JoinSet;
use tower_sessions_memory_store::MemoryStore;

scenarios!(
    a_session_in_the_bridge_lives_from_login_to_logout,
    a_session_in_the_bridge_is_refreshed_once_for_all_who_ask,
    a_session_in_the_bridge_expires,
    the_node_that_is_told_ends_a_session_in_the_bridge,
    a_node_that_comes_too_late_with_a_refresh_token_finds_what_the_other_brought,
);

/// In 2096: the store drops what is over by the machine's clock, which no test moves.
const AFTERNOON: u64 = 4_000_000_000;

async fn bridged(setup: Setup) -> Result<World, Failure> {
    let store = TowerSessions::new(MemoryStore::default());
    let world = setup.keeping_in(store).start().await?;
    world.clock.set(AFTERNOON);
    Ok(world)
}

async fn a_session_in_the_bridge_lives_from_login_to_logout(setup: Setup) -> Result<(), Failure> {
    let world = bridged(setup).await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let copy = node.lead(browser.clone());
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(node.whoami(&copy).await?.as_deref(), Some("alice"));
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    assert_eq!(node.whoami(&copy).await?, None);
    Ok(())
}

async fn a_session_in_the_bridge_is_refreshed_once_for_all_who_ask(
    setup: Setup,
) -> Result<(), Failure> {
    let world = bridged(setup).await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let first = world.token(&browser).await?["access_token"].clone();
    world.provider.reset_calls();
    world.clock.pass(3_560);
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let copy = browser.clone();
        requests.spawn(async move { copy.fetch("GET", "/token").await?.json(200) });
    }
    let mut tokens = Vec::new();
    while let Some(answer) = requests.join_next().await {
        tokens.push(answer??["access_token"].clone());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_ne!(tokens[0], first);
    let there = node.lead(browser);
    assert_eq!(node.token(&there).await?["access_token"], tokens[0]);
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn a_session_in_the_bridge_expires(setup: Setup) -> Result<(), Failure> {
    let world = bridged(setup).await?;
    let browser = world.signed_in().await?;
    world.clock.pass(24 * 3_600 - 1);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    world.clock.pass(24 * 3_600);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn the_node_that_is_told_ends_a_session_in_the_bridge(setup: Setup) -> Result<(), Failure> {
    let world = bridged(setup).await?;
    let (one, other) = (world.signed_in().await?, world.signed_in().await?);
    let claims = one.fetch("GET", "/me").await?.json(200)?;
    let sid = claims["sid"].as_str().unwrap_or_default().to_owned();
    let token = world
        .provider
        .logout_token(LogoutTarget::Sid(sid), |_, _| {});
    let form = [("logout_token", token.as_str())];
    let told = world
        .browser()?
        .request("POST", "/backchannel-logout")
        .form(&form)
        .send()
        .await?;
    assert_eq!(told.status, 200, "{told}");
    assert_eq!(world.whoami(&one).await?, None);
    assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));
    Ok(())
}

/// Without leases two nodes may both spend a refresh token. The provider refuses the second with `invalid_grant`.
async fn a_node_that_comes_too_late_with_a_refresh_token_finds_what_the_other_brought(
    setup: Setup,
) -> Result<(), Failure> {
    let world = bridged(setup).await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let there = node.lead(browser.clone());
    world.provider.reset_calls();
    world.clock.pass(3_600);
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let overtakes = async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("the first token request", asked).await?;
        // The request that hangs stays where it is until all is clear.
        let at_once = Answer::Slow(Duration::ZERO);
        world.mischief().answer(Endpoint::Token, at_once);
        let fresh = world.token(&browser).await?;
        world.mischief().clear();
        Ok::<_, Failure>(fresh)
    };
    let (late, fresh) = tokio::join!(there.fetch("GET", "/token"), overtakes);
    let (late, fresh) = (late?.json(200)?, fresh?);
    assert_eq!(late["access_token"], fresh["access_token"]);
    assert_eq!(world.calls(Endpoint::Token), 2);
    for (world, browser) in [(&world, &browser), (&node, &there)] {
        assert_eq!(world.whoami(browser).await?.as_deref(), Some("alice"));
    }
    Ok(())
}
