//! A short memory in front of a store that nodes share.

use std::sync::Arc;
use std::time::Duration;

use latchgate::{CachedStore, MemoryStore, SessionStore};
use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, World, scenarios};

scenarios!(
    a_logout_is_seen_at_once_here_and_within_the_time_elsewhere,
    a_refresh_elsewhere_is_not_spent_again,
);

const REMEMBER: u64 = 5;

fn cached(store: &Arc<dyn SessionStore>) -> CachedStore<Arc<dyn SessionStore>> {
    CachedStore::new(Arc::clone(store), Duration::from_secs(REMEMBER))
}

/// Two nodes that share a store, each with a memory of its own.
async fn nodes(setup: Setup) -> Result<[World; 2], Failure> {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::default());
    let here = setup.keeping_in(cached(&store)).start().await?;
    let elsewhere = here.neighbour(|setup| setup.keeping_in(cached(&store)));
    let elsewhere = elsewhere.await?;
    Ok([here, elsewhere])
}

async fn a_logout_is_seen_at_once_here_and_within_the_time_elsewhere(
    setup: Setup,
) -> Result<(), Failure> {
    let [here, elsewhere] = nodes(setup).await?;
    let browser = here.signed_in().await?;
    let copy = elsewhere.lead(browser.clone());
    assert_eq!(elsewhere.whoami(&copy).await?.as_deref(), Some("alice"));
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    assert_eq!(here.whoami(&browser).await?, None);
    here.clock.pass(REMEMBER - 1);
    let remembered = elsewhere.whoami(&copy).await?;
    assert_eq!(remembered.as_deref(), Some("alice"), "nothing was cached");
    here.clock.pass(1);
    assert_eq!(elsewhere.whoami(&copy).await?, None);
    Ok(())
}

async fn a_refresh_elsewhere_is_not_spent_again(setup: Setup) -> Result<(), Failure> {
    let [here, elsewhere] = nodes(setup).await?;
    let browser = here.signed_in().await?;
    let copy = elsewhere.lead(browser.clone());
    here.provider.reset_calls();
    here.clock.pass(3_560);
    // Both nodes remember the session as it was before.
    for (node, browser) in [(&here, &browser), (&elsewhere, &copy)] {
        assert_eq!(node.whoami(browser).await?.as_deref(), Some("alice"));
    }
    let fresh = here.token(&browser).await?;
    assert_eq!(elsewhere.token(&copy).await?, fresh);
    assert_eq!(here.calls(Endpoint::Token), 1);
    Ok(())
}
