//! Several nodes of one application, with the same keys, and the same store where there is one.

use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(
    a_logout_at_one_node_holds_at_every_node_that_shares_a_store;
    in either keeping:
    a_login_may_begin_at_one_node_and_end_at_another,
    nodes_share_what_a_refresh_brought,
);

async fn a_login_may_begin_at_one_node_and_end_at_another(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let browser = node.lead(browser);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    let browser = world.lead(browser);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn nodes_share_what_a_refresh_brought(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let mut browser = world.signed_in().await?;
    let mut tokens = vec![world.token(&browser).await?["access_token"].to_string()];
    for turn in 0..4 {
        world.clock.pass(3_560);
        world.provider.reset_calls();
        let (here, there) = if turn % 2 == 0 {
            (&world, &node)
        } else {
            (&node, &world)
        };
        browser = here.lead(browser);
        let fresh = here.token(&browser).await?["access_token"].to_string();
        assert!(!tokens.contains(&fresh), "an older token came back");
        browser = there.lead(browser);
        let same = there.token(&browser).await?["access_token"].to_string();
        assert_eq!(same, fresh);
        assert_eq!(world.calls(Endpoint::Token), 1);
        tokens.push(fresh);
    }
    Ok(())
}

async fn a_logout_at_one_node_holds_at_every_node_that_shares_a_store(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let thief = node.lead(browser.clone());
    assert_eq!(node.whoami(&thief).await?.as_deref(), Some("alice"));
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    let page = thief.get("/").await?;
    assert_eq!(page.body, "anonymous");
    assert_eq!(
        page.set_cookies(),
        [""; 0],
        "the browser may have a newer one by now"
    );
    Ok(())
}
