//! Guards that ask for permissions, alternatives, and the application itself.

use latchgate::User;
use latchgate_dev_provider::Person;
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, Setup, Transcript, World, scenarios};

scenarios!(
    a_guard_inside_of_a_handler_decides_as_one_around_it_does,
    a_rule_that_fails_is_a_503_with_an_id_and_no_denial,
    a_rule_is_asked_about_nobody_who_is_not_there;
    in either keeping:
    a_permission_opens_its_door_and_no_other,
    the_applications_own_rule_decides,
    a_rule_about_the_applications_value_sees_the_newest_one,
);

async fn in_browser_of(world: &World, person: &str) -> Result<Browser, Failure> {
    world.provider.auto_sign_in(Some(person));
    world.signed_in().await
}

/// Status and code of a page, for a navigation and for a script.
async fn refused(browser: &Browser, path: &str) -> Result<(u16, String), Failure> {
    let page = browser.get(path).await?;
    let script = browser.fetch("GET", path).await?;
    assert_eq!((page.status, page.code()), (script.status, script.code()));
    assert!(page.location.is_none() && page.set_cookies().is_empty());
    Ok((page.status, page.code()))
}

async fn a_permission_opens_its_door_and_no_other(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let alice = in_browser_of(&world, "alice").await?;
    assert_eq!(alice.get("/permitted").await?.body, "admitted");
    assert_eq!(alice.get("/either").await?.body, "admitted");
    let bob = in_browser_of(&world, "bob").await?;
    for path in ["/permitted", "/either"] {
        let refused = refused(&bob, path).await?;
        assert_eq!(refused, (403, "not_permitted".to_owned()), "{path}");
    }
    Ok(())
}

async fn the_applications_own_rule_decides(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let alice = in_browser_of(&world, "alice").await?;
    assert_eq!(alice.get("/asked").await?.body, "admitted");
    let bob = in_browser_of(&world, "bob").await?;
    let denied = refused(&bob, "/asked").await?;
    assert_eq!(denied, (403, "not_permitted".to_owned()));
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("bob"));
    let page = bob.get("/asked").await?;
    assert!(!page.body.contains("suspended"), "it tells why: {page}");
    assert!(transcript.text().contains("the account is suspended"));
    Ok(())
}

async fn a_rule_that_fails_is_a_503_with_an_id_and_no_denial(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup
        .provider(|provider| {
            provider
                .person(Person::new("carol"))
                .person(Person::new("dave"))
        })
        .start()
        .await?;
    for (person, cause) in [("carol", "the database is down"), ("dave", "panicked")] {
        let browser = in_browser_of(&world, person).await?;
        let refused = refused(&browser, "/asked").await?;
        assert_eq!(refused, (503, "guard_failed".to_owned()), "{person}");
        let page = browser.fetch("GET", "/asked").await?;
        assert_eq!(page.header("retry-after"), "5");
        assert!(!page.body.contains(cause), "{page}");
        let id = page.json(503)?["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let log = transcript.text();
        let line = log
            .lines()
            .find(|line| !id.is_empty() && line.contains(&id));
        let line = line.ok_or("the failure is not in the log")?;
        assert!(line.contains(cause) && line.contains("ERROR"), "{line}");
        let who = world.whoami(&browser).await?;
        assert_eq!(who.as_deref(), Some(person), "still signed in");
    }
    Ok(())
}

async fn a_rule_is_asked_about_nobody_who_is_not_there(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let stranger = world.browser()?;
    for path in ["/asked", "/counted", "/permitted", "/either", "/require?x"] {
        assert_eq!(stranger.get(path).await?.status, 303, "{path}");
        let page = stranger.fetch("GET", path).await?;
        let found = (page.status, page.code());
        assert_eq!(found, (401, "sign_in_required".to_owned()), "{path}");
    }
    Ok(())
}

async fn a_rule_about_the_applications_value_sees_the_newest_one(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup
        .gate(|gate| gate.on_login(async |user: User| Ok(Count::of(user.subject()))))
        .start()
        .await?;
    let mut browser = world.signed_in().await?;
    for _ in 0..2 {
        assert_eq!(browser.get("/counted").await?.body, "admitted");
        assert_eq!(browser.fetch("POST", "/count").await?.status, 200);
    }
    let denied = refused(&browser, "/counted").await?;
    assert_eq!(denied, (403, "not_permitted".to_owned()));

    // A session without a value of this type: signing in again brings one, unless nothing would.
    let before = world.neighbour(|setup| setup.gate(|gate| gate.on_login(async |_: User| Ok(7))));
    let before = before.await?;
    browser = before.lead(before.browser()?);
    before.visit(&mut browser, "/me").await?;
    browser = world.lead(browser);
    world.clock.pass(61);
    assert_eq!(browser.fetch("GET", "/counted").await?.status, 401);
    let page = world.visit(&mut browser, "/counted").await?;
    assert_eq!(page.body, "admitted", "{page}");
    Ok(())
}

async fn a_guard_inside_of_a_handler_decides_as_one_around_it_does(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let alice = in_browser_of(&world, "alice").await?;
    assert_eq!(alice.get("/require?admin").await?.body, "alice");
    let bob = in_browser_of(&world, "bob").await?;
    assert_eq!(bob.get("/require?user").await?.body, "bob");
    let denied = refused(&bob, "/require?admin").await?;
    assert_eq!(denied, (403, "not_permitted".to_owned()));
    let mut stranger = world.browser()?;
    let page = world.visit(&mut stranger, "/require?user").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "bob"));
    assert!(page.url.as_str().ends_with("/require?user"));
    Ok(())
}
