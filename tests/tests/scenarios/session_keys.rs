//! Keys come and go.

use latchgate_tests::{Failure, KEY, OLD_KEY, Setup, scenarios};

scenarios!(
    ;
    in either keeping:
    a_session_sealed_with_an_older_key_is_sealed_again_with_the_newest,
    a_login_survives_a_new_key_between_its_halves,
    a_retired_key_opens_nothing,
    nodes_with_the_same_keys_know_each_others_sessions,
);

async fn a_session_sealed_with_an_older_key_is_sealed_again_with_the_newest(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.keys(&[OLD_KEY]).start().await?;
    let rotated = world.neighbour(|setup| setup.keys(&[KEY, OLD_KEY])).await?;
    let retired = world.neighbour(|setup| setup.keys(&[KEY])).await?;
    let browser = rotated.lead(world.signed_in().await?);
    if world.store().is_some() {
        // A stored one is sealed again when it is next written: after a tenth of its idle time.
        world.clock.pass(3 * 3_600);
    }
    let page = browser.get("/").await?;
    assert_eq!(page.body, "alice");
    assert_eq!(
        page.sets(world.session_cookie()).len(),
        1,
        "not sealed again"
    );
    let browser = retired.lead(browser);
    assert_eq!(retired.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_login_survives_a_new_key_between_its_halves(setup: Setup) -> Result<(), Failure> {
    let world = setup.keys(&[OLD_KEY]).start().await?;
    let rotated = world.neighbour(|setup| setup.keys(&[KEY, OLD_KEY])).await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me?rotated").await?;
    let browser = rotated.lead(browser);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.location.as_deref(), Some("/me?rotated"), "{page}");
    assert_eq!(rotated.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_retired_key_opens_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.keys(&[OLD_KEY]).start().await?;
    let retired = world.neighbour(|setup| setup.keys(&[KEY])).await?;
    let browser = world.signed_in().await?;
    let callback = world.callback(&browser, "/login").await?;
    let mut browser = retired.lead(browser);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );
    let page = browser.get("/").await?;
    assert_eq!(page.body, "anonymous");
    assert!(world.gives_up(&page));
    assert_eq!(browser.open("/me").await?.status, 200, "one clean login");
    Ok(())
}

async fn nodes_with_the_same_keys_know_each_others_sessions(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = node.lead(world.signed_in().await?);
    assert_eq!(node.whoami(&browser).await?.as_deref(), Some("alice"));
    let callback = world.callback(&world.lead(node.browser()?), "/me").await?;
    assert!(callback.as_str().starts_with(&world.site), "{callback}");
    Ok(())
}
