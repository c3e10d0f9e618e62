//! Four processes that share a store: a refresh token is spent once whichever of them are asked, and no session is lost
//! that could have been kept when one of them, the store or the provider goes away in the middle.

mod nodes;
mod store;

use std::time::Duration;

use latchgate_dev_provider::{Answer, Endpoint, LogoutTarget};
use latchgate_tests::browser::Page;
use serde_json::Value;

use crate::case::{Case, Failure};
use crate::child::pause;
use nodes::Cluster;
use store::Kind;

/// So many processes.
const NODES: usize = 4;

/// So many requests come to each of them at once.
const EACH: usize = 25;

/// Longer than a lease, shorter than a provider may take.
const SLOW: Duration = Duration::from_secs(8);

/// Thirty-two bytes, for tests only.
const KEY: &str = "bGF0Y2hnYXRlLXRlc3RzLW9ubHktMzItYnl0ZXMtISE=";

/// Every case, on both stores.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::Redis, Kind::Postgres] {
        cases.extend([
            case(kind, "a_storm_makes_one_token_request", storm),
            case(kind, "so_does_one_that_outlasts_the_lease", slow_storm),
            case(
                kind,
                "a_node_killed_before_the_provider_acts",
                killed_before,
            ),
            case(kind, "a_node_killed_before_it_hears", killed_after),
            case(kind, "the_store_restarts_during_a_refresh", store_restarts),
            case(kind, "the_store_is_away", store_is_away),
            case(kind, "the_provider_is_down", provider_is_down),
            case(kind, "a_logout_at_one_node_holds_at_all", logout),
            case(kind, "the_provider_ends_it_at_all", back_channel_logout),
            case(kind, "restart_and_key_rotation", restart_and_rotation),
        ]);
    }
    cases
}

fn case<F>(kind: Kind, name: &str, body: F) -> Case
where
    F: AsyncFnOnce(&mut Cluster) -> Result<(), Failure> + Send + 'static,
{
    let name = format!("cluster::{}::{name}", kind.need().name());
    Case::new(name, kind.needs(), move || async move {
        let mut cluster = Cluster::start(kind).await?;
        let outcome = body(&mut cluster).await;
        outcome.map_err(|failure| format!("{failure}\n{}", cluster.said()).into())
    })
}

/// The one token that all these answers carry.
fn one_token(pages: &[Page]) -> Result<Value, Failure> {
    let mut tokens = Vec::new();
    for page in pages {
        tokens.push(page.json(200)?["access_token"].clone());
    }
    tokens.dedup();
    ensure!(tokens.len() == 1, "{} different tokens", tokens.len());
    Ok(tokens.remove(0))
}

async fn storm(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let pages = cluster.storm(0..NODES, EACH, &browser).await?;
    let token = one_token(&pages)?;
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls == 1, "{calls} token requests");
    cluster.all_have(&token, &browser).await
}

async fn slow_storm(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let mischief = cluster.provider.mischief();
    mischief.answer(Endpoint::Token, Answer::Slow(SLOW));
    let pages = cluster.storm(0..NODES, EACH, &browser).await?;
    let token = one_token(&pages)?;
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls == 1, "{calls} token requests");
    mischief.clear();
    cluster.all_have(&token, &browser).await
}

/// The refresh token was not spent: another node takes over once the lease has run out.
async fn killed_before(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let mischief = cluster.provider.mischief();
    mischief.answer(Endpoint::Token, Answer::Slow(Duration::from_secs(60)));
    let victim = tokio::spawn({
        let copy = cluster.at(0, &browser);
        async move { copy.fetch("GET", "/token").await }
    });
    cluster.until_asked(1).await?;
    cluster.kill(0);
    ensure!(victim.await?.is_err(), "a dead node has answered");
    mischief.clear();
    let pages = cluster.storm(1..NODES, EACH, &browser).await?;
    let token = one_token(&pages)?;
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls == 2, "{calls} token requests");
    cluster.all_have(&token, &browser).await
}

/// The refresh token was spent and what it brought is lost with the node. A provider that takes that for theft ends the
/// session: everybody is told to sign in, nobody waits in vain, and signing in works.
async fn killed_after(cluster: &mut Cluster) -> Result<(), Failure> {
    let mut browser = cluster.signed_in_at_expiry().await?;
    let mischief = cluster.provider.mischief();
    mischief.answer(Endpoint::Token, Answer::Withhold);
    let victim = tokio::spawn({
        let copy = cluster.at(0, &browser);
        async move { copy.fetch("GET", "/token").await }
    });
    cluster.until_asked(1).await?;
    // It acts at once, and only keeps the answer to itself.
    pause(Duration::from_millis(200)).await;
    cluster.kill(0);
    ensure!(victim.await?.is_err(), "a dead node has answered");
    mischief.clear();
    for page in cluster.storm(1..NODES, 2, &browser).await? {
        ensure!(page.status == 401, "{page}");
    }
    browser = cluster.at(1, &browser);
    let page = browser.open("/token").await?;
    ensure!(page.status == 200, "{page}");
    Ok(())
}

async fn store_restarts(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let mischief = cluster.provider.mischief();
    mischief.answer(Endpoint::Token, Answer::Withhold);
    let asking = tokio::spawn({
        let copy = cluster.at(0, &browser);
        async move { copy.fetch("GET", "/token").await }
    });
    cluster.until_asked(1).await?;
    cluster.store.stop()?;
    mischief.clear();
    cluster.store.run().await?;
    let token = one_token(&[asking.await??])?;
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls == 1, "{calls} token requests");
    cluster.all_have(&token, &browser).await
}

/// Without the store nobody can be told who they are: 503, soon. When it is back, everybody is signed in as before.
async fn store_is_away(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let token = one_token(&cluster.storm(0..1, 1, &browser).await?)?;
    cluster.store.stop()?;
    for page in cluster.storm(0..NODES, 2, &browser).await? {
        ensure!(page.status == 503, "{page}");
        ensure!(!page.header("retry-after").is_empty(), "{page}");
    }
    for node in 0..NODES {
        let page = cluster.at(node, &browser).get("/healthz").await?;
        ensure!(page.status == 200, "{page}");
    }
    cluster.store.run().await?;
    cluster.all_have(&token, &browser).await
}

async fn provider_is_down(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let mischief = cluster.provider.mischief();
    mischief.answer(Endpoint::Token, Answer::Drop);
    for page in cluster.storm(0..NODES, EACH, &browser).await? {
        ensure!(page.status == 503, "{page}");
        ensure!(!page.header("retry-after").is_empty(), "{page}");
    }
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls <= NODES, "{calls} requests to a provider in trouble");
    for node in 0..NODES {
        let page = cluster.at(node, &browser).fetch("GET", "/me").await?;
        ensure!(page.status == 200, "who needs no token: {page}");
    }
    mischief.clear();
    // As long as a provider that failed is left alone.
    pause(Duration::from_secs(6)).await;
    cluster.provider.reset_calls();
    let token = one_token(&cluster.storm(0..NODES, EACH, &browser).await?)?;
    let calls = cluster.provider.calls(Endpoint::Token);
    ensure!(calls == 1, "{calls} token requests");
    cluster.all_have(&token, &browser).await
}

async fn logout(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let leaving = cluster.at(1, &browser);
    let logout = leaving.request("POST", "/logout").navigation("same-origin");
    let rolling = cluster.storm(0..NODES, EACH, &browser);
    let (page, _) = tokio::join!(logout.send(), rolling);
    let page = page?;
    ensure!(page.status == 303, "{page}");
    for page in cluster.storm(0..NODES, 1, &browser).await? {
        ensure!(page.status == 401, "{page}");
    }
    Ok(())
}

async fn back_channel_logout(cluster: &mut Cluster) -> Result<(), Failure> {
    let (mine, other) = (
        cluster.signed_in_at_expiry().await?,
        cluster.signed_in_at_expiry().await?,
    );
    let sessions = cluster.provider.sessions();
    let sid = sessions.first().ok_or("nobody is signed in")?.sid.clone();
    let to = format!("{}/backchannel-logout", cluster.own(3));
    let told = cluster
        .provider
        .send_backchannel_logout(&to, LogoutTarget::Sid(sid));
    let status = told.await?;
    ensure!(status == 200, "the logout token: {status}");
    let mut left = 0;
    for browser in [&mine, &other] {
        let mut statuses = Vec::new();
        for node in 0..NODES {
            let page = cluster.at(node, browser).fetch("GET", "/me").await?;
            statuses.push(page.status);
        }
        statuses.dedup();
        ensure!(statuses.len() == 1, "nodes differ: {statuses:?}");
        left += usize::from(statuses == [200]);
    }
    ensure!(left == 1, "{left} of two sessions are left");
    Ok(())
}

/// Nodes go and come back one after the other, with a new key in front of the old one.
async fn restart_and_rotation(cluster: &mut Cluster) -> Result<(), Failure> {
    let browser = cluster.signed_in_at_expiry().await?;
    let token = one_token(&cluster.storm(0..1, 1, &browser).await?)?;
    let newer = "YSBuZXdlciBrZXksIGZvciB0ZXN0cyBvbmx5LCAzMiE=";
    for keys in [format!("{KEY},{newer}"), format!("{newer},{KEY}")] {
        for node in 0..NODES {
            cluster.kill(node);
            cluster.run(node, &keys).await?;
            cluster.all_have(&token, &browser).await?;
        }
    }
    Ok(())
}
