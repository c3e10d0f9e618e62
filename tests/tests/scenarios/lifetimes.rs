//! Sessions end when their time is over, and not before.

use std::time::Duration;

use latchgate_tests::{Failure, Setup, World, scenarios};

scenarios!(
    ;
    in either keeping:
    a_clock_that_goes_backwards_ends_sessions_from_the_future,
    a_clock_that_goes_backwards_renews_nothing,
    an_idle_session_ends_by_the_clock,
    use_prolongs_a_session_up_to_its_absolute_end,
    a_cookie_is_written_again_only_when_it_is_due,
    no_cookie_outlives_its_session,
    tighter_lifetimes_hold_for_sessions_from_before,
);

async fn short(setup: Setup) -> Result<World, Failure> {
    let setup = setup
        .gate(|gate| gate.session_lifetimes(Duration::from_secs(600), Duration::from_secs(3_600)));
    setup.start().await
}

async fn an_idle_session_ends_by_the_clock(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    let kept = browser.clone();
    world.clock.pass(599);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    world.clock.pass(599);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    world.clock.pass(600);
    let page = browser.get("/").await?;
    assert_eq!(page.body, "anonymous");
    assert!(world.gives_up(&page), "{:?}", page.set_cookies());
    assert_eq!(world.whoami(&kept).await?, None);
    assert_eq!(browser.fetch("GET", "/me").await?.status, 401);
    Ok(())
}

async fn use_prolongs_a_session_up_to_its_absolute_end(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    for _ in 0..11 {
        world.clock.pass(300);
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    }
    world.clock.pass(299);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    world.clock.pass(1);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_cookie_is_written_again_only_when_it_is_due(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    for _ in 0..6 {
        world.clock.pass(10);
        let page = browser.get("/me").await?;
        assert_eq!(page.set_cookies(), [""; 0], "not due");
    }
    world.clock.pass(1);
    assert_eq!(
        browser.get("/public").await?.set_cookies(),
        [""; 0],
        "not asked"
    );
    assert_eq!(
        browser.get("/me").await?.sets(world.session_cookie()).len(),
        1
    );
    assert_eq!(
        browser.get("/me").await?.set_cookies(),
        [""; 0],
        "just written"
    );
    Ok(())
}

async fn no_cookie_outlives_its_session(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    let line = page.sets(world.session_cookie()).concat();
    assert!(line.contains("; Max-Age=600"), "{line}");
    for _ in 0..11 {
        world.clock.pass(320);
        let page = browser.get("/me").await?;
        let left = 3_600_u64.saturating_sub(page.status.into());
        assert!(left > 0);
    }
    // 80 seconds are left of 3600.
    let before = world.clock.now();
    let other = world.browser()?;
    let callback = world.callback(&other, "/me").await?;
    other.get(callback.as_str()).await?;
    for _ in 0..6 {
        world.clock.pass(550);
        let page = other.get("/me").await?;
        let line = page.sets(world.session_cookie()).concat();
        let age = line
            .split("Max-Age=")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        let age: u64 = age.unwrap_or("0").parse()?;
        assert!(age <= before + 3_600 - world.clock.now(), "{line}");
    }
    Ok(())
}

async fn a_clock_that_goes_backwards_ends_sessions_from_the_future(
    setup: Setup,
) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    world.clock.set(world.clock.now() - 50);
    assert_eq!(
        world.whoami(&browser).await?.as_deref(),
        Some("alice"),
        "clocks differ a little"
    );
    world.clock.set(world.clock.now() - 3_600);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_clock_that_goes_backwards_renews_nothing(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    world.clock.set(world.clock.now() - 50);
    for _ in 0..3 {
        let page = browser.get("/me").await?;
        assert_eq!((page.status, page.set_cookies().len()), (200, 0), "{page}");
    }
    world.clock.pass(649);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    world.clock.pass(600);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn tighter_lifetimes_hold_for_sessions_from_before(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let tighter = |setup: Setup| {
        let (idle, absolute) = (Duration::from_secs(600), Duration::from_secs(3_600));
        setup.gate(move |gate| gate.session_lifetimes(idle, absolute))
    };
    let node = world.neighbour(tighter).await?;
    let copy = node.lead(browser.clone());
    world.clock.pass(3_599);
    assert_eq!(node.whoami(&copy).await?.as_deref(), Some("alice"));
    world.clock.pass(1);
    assert_eq!(node.whoami(&copy).await?, None);
    Ok(())
}
