//! Tokens of a session that several nodes share: whichever of them are asked at the same moment, the
//! refresh token is spent once.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};
use serde_json::Value;
use tokio::task::JoinSet;

scenarios!(
    four_nodes_at_once_make_one_token_request,
    a_node_that_waits_gets_what_the_other_brought,
    a_provider_in_trouble_is_no_trouble_for_the_session,
    a_revoked_grant_ends_the_session_on_every_node,
);

/// An hour, which is how long an access token lives.
const THE_END: u64 = 3_600;

/// As many applications as it says, with one store.
async fn nodes(setup: Setup, count: usize) -> Result<Vec<World>, Failure> {
    let mut nodes = vec![setup.stored().start().await?];
    while nodes.len() < count {
        nodes.push(nodes[0].neighbour(|setup| setup).await?);
    }
    Ok(nodes)
}

/// So many copies of a browser ask each of the nodes for a token, all at once. Answers with every
/// answer's status and access token.
async fn storm(nodes: &[World], browser: &Browser, each: usize) -> Result<Vec<Value>, Failure> {
    let mut requests = JoinSet::new();
    for node in nodes {
        for _ in 0..each {
            let copy = node.lead(browser.clone());
            requests.spawn(async move { copy.fetch("GET", "/token").await?.json(200) });
        }
    }
    let answers: Result<_, _> = requests.join_all().await.into_iter().collect();
    Ok(answers?)
}

async fn four_nodes_at_once_make_one_token_request(setup: Setup) -> Result<(), Failure> {
    let nodes = nodes(setup, 4).await?;
    let (world, browser) = (&nodes[0], nodes[0].signed_in().await?);
    let mut before = world.token(&browser).await?["access_token"].clone();
    for _ in 0..3 {
        world.clock.pass(THE_END);
        world.provider.reset_calls();
        let answers = storm(&nodes, &browser, 25).await?;
        assert_eq!(world.calls(Endpoint::Token), 1);
        let fresh = &answers[0]["access_token"];
        assert_ne!(fresh, &before);
        assert!(
            answers
                .iter()
                .all(|answer| answer["access_token"] == *fresh)
        );
        before = fresh.clone();
    }
    Ok(())
}

async fn a_node_that_waits_gets_what_the_other_brought(setup: Setup) -> Result<(), Failure> {
    let nodes = nodes(setup, 2).await?;
    let (world, browser) = (&nodes[0], nodes[0].signed_in().await?);
    world.clock.pass(THE_END);
    world.provider.reset_calls();
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let (here, there) = (browser.clone(), nodes[1].lead(browser));
    let asks = || async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("the first token request", asked).await?;
        let waits = there.fetch("GET", "/token");
        let answers = async {
            // The second node has asked the store for its turn in vain by now, or will.
            nodes[1]
                .until("a lease that is held", || store_refused(world))
                .await?;
            world.mischief().clear();
            Ok::<(), Failure>(())
        };
        let (waited, answered) = tokio::join!(waits, answers);
        answered?;
        Ok::<_, Failure>(waited?)
    };
    let (first, second) = tokio::join!(here.fetch("GET", "/token"), asks());
    let (first, second) = (first?.json(200)?, second?.json(200)?);
    assert_eq!(first["access_token"], second["access_token"]);
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

fn store_refused(world: &World) -> bool {
    world
        .store()
        .is_some_and(|store| store.leases_refused() > 0)
}

async fn a_provider_in_trouble_is_no_trouble_for_the_session(setup: Setup) -> Result<(), Failure> {
    let nodes = nodes(setup, 2).await?;
    let (world, browser) = (&nodes[0], nodes[0].signed_in().await?);
    world.clock.pass(THE_END);
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    // For a minute.
    for _ in 0..12 {
        world.provider.reset_calls();
        for node in &nodes {
            let page = node.lead(browser.clone()).fetch("GET", "/token").await?;
            assert_eq!(
                (page.status, page.code().as_str()),
                (503, "refresh_unavailable")
            );
            assert!(!page.header("retry-after").is_empty());
        }
        assert_eq!(world.calls(Endpoint::Token), nodes.len());
        world.clock.pass(5);
    }
    world.mischief().clear();
    world.clock.pass(5);
    world.provider.reset_calls();
    for node in &nodes {
        node.token(&node.lead(browser.clone())).await?;
    }
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn a_revoked_grant_ends_the_session_on_every_node(setup: Setup) -> Result<(), Failure> {
    let nodes = nodes(setup, 2).await?;
    let (world, browser) = (&nodes[0], nodes[0].signed_in().await?);
    world.clock.pass(THE_END);
    world.provider.revoke_all();
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(page.status, 401, "{page}");
    for node in &nodes {
        let copy = node.lead(browser.clone());
        assert_eq!(node.whoami(&copy).await?, None);
    }
    Ok(())
}
