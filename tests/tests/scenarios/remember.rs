//! "Remember me": sessions that outlive the browser, and sessions that end with it.

use std::time::Duration;

use latchgate::RememberMe;
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};

scenarios!(
    ;
    in either keeping:
    every_session_outlives_the_browser_unless_configured,
    no_session_outlives_the_browser_where_none_may,
    the_visitor_decides_where_the_gate_asks,
    a_handler_decides_where_the_gate_asks,
    who_authenticates_once_more_is_not_asked_again,
    a_refresh_keeps_what_was_decided,
    the_deadlines_hold_in_a_browser_that_is_never_closed,
);

async fn remembering(setup: Setup, remember: RememberMe) -> Result<World, Failure> {
    let lifetimes = (Duration::from_secs(600), Duration::from_secs(3_600));
    let setup = setup.gate(move |gate| {
        gate.remember_me(remember)
            .session_lifetimes(lifetimes.0, lifetimes.1)
    });
    setup.start().await
}

/// Signs in by this link. Whether the session's cookie has a `Max-Age`, and the session outlives the browser.
async fn outlives(world: &World, link: &str) -> Result<bool, Failure> {
    let browser = world.browser()?;
    let callback = world.callback(&browser, link).await?;
    let page = browser.get(callback.as_str()).await?;
    let cookies = page.sets(world.session_cookie());
    assert_eq!((page.status, cookies.len()), (303, 1), "{link}: {page}");
    let has_age = cookies.concat().contains("; Max-Age=600");
    assert_eq!(cookies.concat().contains("Max-Age"), has_age, "{cookies:?}");
    assert!(!cookies.concat().contains("Expires"), "{cookies:?}");
    assert!(signed_in(world, &browser).await?, "{link}");
    assert_eq!(signed_in(world, &browser.restarted()).await?, has_age);
    Ok(has_age)
}

async fn signed_in(world: &World, browser: &Browser) -> Result<bool, Failure> {
    Ok(world.whoami(browser).await?.as_deref() == Some("alice"))
}

async fn every_session_outlives_the_browser_unless_configured(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup.clone(), RememberMe::default()).await?;
    for link in ["/me", "/login", "/login?remember=no", "/keep"] {
        assert!(outlives(&world, link).await?, "{link}");
    }
    Ok(())
}

async fn no_session_outlives_the_browser_where_none_may(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Never).await?;
    for link in ["/me", "/login", "/login?remember=yes", "/keep"] {
        assert!(!outlives(&world, link).await?, "{link}");
    }
    Ok(())
}

async fn the_visitor_decides_where_the_gate_asks(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Ask).await?;
    for link in [
        "/login?remember=yes",
        "/login?return_to=/me&remember=yes",
        "/login?remember=%79es&return_to=/me",
    ] {
        assert!(outlives(&world, link).await?, "{link}");
    }
    for link in [
        "/me",
        "/me?remember=yes",
        "/login",
        "/login?remember",
        "/login?remember=",
        "/login?remember=no",
        "/login?remember=YES",
        "/login?remember=yes%20",
        "/login?remember=true",
        "/login?remember=no&remember=yes",
        "/login?return_to=/me%3Fremember=yes",
    ] {
        assert!(!outlives(&world, link).await?, "{link}");
    }
    Ok(())
}

async fn a_handler_decides_where_the_gate_asks(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Ask).await?;
    assert!(outlives(&world, "/keep").await?);
    assert!(!outlives(&world, "/switch").await?);
    Ok(())
}

async fn who_authenticates_once_more_is_not_asked_again(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Ask).await?;
    for (link, remembered) in [
        ("/login?remember=yes&return_to=/recent", true),
        ("/login?return_to=/recent", false),
    ] {
        let mut browser = world.browser()?;
        let page = world.visit(&mut browser, link).await?;
        assert_eq!(page.body, "admitted", "{page}");
        world.clock.pass(400);
        let callback = world.callback(&browser, "/recent").await?;
        let page = browser.get(callback.as_str()).await?;
        let line = page.sets(world.session_cookie()).concat();
        assert_eq!(line.contains("Max-Age=600"), remembered, "{link}: {page}");
        assert_eq!(browser.get("/recent").await?.body, "admitted");
    }
    Ok(())
}

async fn a_refresh_keeps_what_was_decided(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Ask).await?;
    for (link, remembered) in [("/login?remember=yes", true), ("/login", false)] {
        let mut browser = world.browser()?;
        world.visit(&mut browser, link).await?;
        for (method, path) in [("POST", "/refresh"), ("GET", "/me")] {
            world.clock.pass(100);
            let page = browser.fetch(method, path).await?;
            let line = page.sets(world.session_cookie()).concat();
            assert!(!line.is_empty(), "{path}: {page}");
            assert_eq!(line.contains("Max-Age="), remembered, "{path}: {line}");
        }
        let browser = browser.restarted();
        assert_eq!(signed_in(&world, &browser).await?, remembered, "{link}");
    }
    Ok(())
}

async fn the_deadlines_hold_in_a_browser_that_is_never_closed(setup: Setup) -> Result<(), Failure> {
    let world = remembering(setup, RememberMe::Never).await?;
    let idle = world.signed_in().await?;
    world.clock.pass(599);
    assert!(signed_in(&world, &idle).await?);
    world.clock.pass(600);
    let page = idle.get("/").await?;
    assert_eq!(page.body, "anonymous");
    assert!(world.gives_up(&page));
    let busy = world.signed_in().await?;
    for _ in 0..11 {
        world.clock.pass(300);
        assert!(signed_in(&world, &busy).await?);
    }
    world.clock.pass(299);
    assert!(signed_in(&world, &busy).await?);
    world.clock.pass(1);
    assert!(!signed_in(&world, &busy).await?);
    Ok(())
}
