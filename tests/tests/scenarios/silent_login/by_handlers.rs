//! Silent logins that handlers and forms start.

use super::*;

scenarios!(
    a_form_of_the_application_may_ask_for_one,
    a_handler_that_asks_again_at_once_does_not_loop,
    what_every_login_asks_for_is_not_silent,
    whoever_is_signed_in_stays_so_when_it_fails,
    the_applications_own_page_is_not_in_the_way,
);

async fn silently(browser: &Browser, from: &str, return_to: &str) -> Result<Page, Failure> {
    let request = browser.request("POST", "/login").navigation(from);
    let fields = [("prompt", "none"), ("return_to", return_to)];
    Ok(request.form(&fields).send().await?)
}

/// Follows the redirects of a page to the end.
async fn follow(browser: &mut Browser, page: &Page) -> Result<Page, Failure> {
    let next = page.leads_to()?;
    Ok(browser.open(next.as_str()).await?)
}

async fn a_form_of_the_application_may_ask_for_one(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = known_to_the_provider(&world).await?;
    let page = silently(&browser, "same-origin", "/me").await?;
    assert_eq!(value(&page.leads_to()?, "prompt").as_deref(), Some("none"));
    let page = follow(&mut browser, &page).await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    let mut stranger = world.browser()?;
    let page = silently(&stranger, "same-origin", "/?a=b").await?;
    let page = follow(&mut stranger, &page).await?;
    assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    assert_eq!(page.url.as_str(), format!("{}/?a=b", world.site));
    let page = silently(&stranger, "cross-site", "/").await?;
    assert_eq!(page.code(), "cross_site_request", "{page}");
    Ok(())
}

async fn a_handler_that_asks_again_at_once_does_not_loop(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    // Somebody who is known comes in, and leaves the loop by that.
    let mut known = known_to_the_provider(&world).await?;
    let page = known.open("/silent").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "alice"), "{page}");

    let mut stranger = world.browser()?;
    world.provider.reset_calls();
    let page = stranger.open("/silent").await?;
    let found = (page.status, page.code());
    assert_eq!(found, (401, "sign_in_required".to_owned()), "{page}");
    assert!(
        page.body.contains("href=\"/login?return_to=%2Fsilent\""),
        "{page}"
    );
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    // A handler that says where to go without a session gets there, asked or not.
    let mut stranger = world.browser()?;
    for asked in [1, 0] {
        world.provider.reset_calls();
        let page = stranger.open("/silent?then=/public").await?;
        assert_eq!((page.status, page.body.as_str()), (200, "public"), "{page}");
        assert_eq!(world.calls(Endpoint::Authorize), asked);
    }
    world.clock.pass(60);
    world.provider.reset_calls();
    stranger.open("/silent?then=/public").await?;
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    Ok(())
}

async fn what_every_login_asks_for_is_not_silent(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| {
        let options = latchgate::LoginOptions::new();
        provider.login_options(options.prompt(latchgate::Prompt::None))
    });
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let page = browser.open("/me").await?;
    let expected = (403, "login_refused_by_provider".to_owned());
    assert_eq!((page.status, page.code()), expected, "{page}");
    Ok(())
}

async fn whoever_is_signed_in_stays_so_when_it_fails(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    world.mischief().on_authorization_response(|parameters| {
        parameters.retain(|(name, _)| name != "code");
        parameters.push(("error".to_owned(), "consent_required".to_owned()));
    });
    let page = silently(&browser, "same-origin", "/me").await?;
    let page = follow(&mut browser, &page).await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn the_applications_own_page_is_not_in_the_way(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .gate(|gate| gate.sign_in_page("/public"))
        .start()
        .await?;
    let browser = world.browser()?;
    let start = browser.get("/silent").await?.leads_to()?;
    assert!(
        start.as_str().starts_with(world.provider.issuer()),
        "{start}"
    );
    assert_eq!(value(&start, "prompt").as_deref(), Some("none"));
    // Whoever has to sign in comes to that page, as ever.
    let page = world.browser()?.get("/me").await?;
    assert_eq!(
        page.location.as_deref(),
        Some("/public?return_to=%2Fme"),
        "{page}"
    );
    Ok(())
}
