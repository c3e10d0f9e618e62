//! Sessions that the application starts itself: a password beside the provider's login, and impersonation.

use std::time::Duration;

use latchgate::LoginRejection;
use latchgate_dev_provider::{Endpoint, LogoutTarget};
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};

scenarios!(
    a_subject_is_required;
    in either keeping:
    a_session_without_a_provider_is_like_any_other,
    it_has_the_lifetimes_of_any_other,
    it_ends_by_a_logout_here_and_leads_nowhere_else,
    it_has_no_access_token,
    it_replaces_the_session_before_it,
    a_broken_cookie_does_not_take_it_away,
    whoever_acts_as_somebody_else_is_known,
    the_login_hook_may_reject_it,
);

async fn post(browser: &Browser, path: &str) -> Result<Page, Failure> {
    Ok(browser.fetch("POST", path).await?)
}

async fn a_session_without_a_provider_is_like_any_other(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let page = post(&browser, "/password?42").await?;
    assert_eq!(
        (page.status, page.header("cache-control")),
        (303, "private, no-store"),
        "{page}"
    );
    assert_eq!(page.sets(world.session_cookie()).len(), 1, "{page}");
    let me = browser.get("/me").await?.json(200)?;
    assert_eq!(
        (&me["sub"], &me["name"]),
        (&"42".into(), &"Jane Doe".into())
    );
    assert_eq!(
        me["iss"],
        world.site.as_str(),
        "the application vouches for them"
    );
    assert_eq!(browser.get("/admin").await?.body, "admitted");
    assert_eq!(browser.get("/recent").await?.body, "admitted");
    assert_eq!(
        browser.fetch("GET", "/read").await?.status,
        403,
        "nothing was granted"
    );
    assert_eq!(browser.get("/actor").await?.body, "-");
    assert_eq!(world.back_channel_calls(), 0, "no provider was asked");
    Ok(())
}

async fn it_has_the_lifetimes_of_any_other(setup: Setup) -> Result<(), Failure> {
    let lifetimes = (Duration::from_secs(600), Duration::from_secs(1_000));
    let setup = setup.gate(move |gate| gate.session_lifetimes(lifetimes.0, lifetimes.1));
    let world = setup.start().await?;
    let browser = world.browser()?;
    let _ = post(&browser, "/password?42").await?;
    world.clock.pass(500);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("42"));
    world.clock.pass(499);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("42"));
    world.clock.pass(1);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn it_ends_by_a_logout_here_and_leads_nowhere_else(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let _ = post(&browser, "/password?42").await?;
    let logout = browser
        .request("POST", "/logout")
        .navigation("same-origin")
        .send()
        .await?;
    let leads_to = logout.leads_to()?;
    assert_eq!(
        leads_to.as_str(),
        format!("{}/", world.site),
        "not to the provider"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    assert_eq!(
        (
            world.calls(Endpoint::EndSession),
            world.calls(Endpoint::Revocation)
        ),
        (0, 0)
    );
    // By name, everywhere.
    let _ = post(&browser, "/password?42").await?;
    let elsewhere = world.browser()?;
    let _ = post(&elsewhere, "/password?42").await?;
    assert_eq!(post(&browser, "/everywhere").await?.status, 204);
    assert_eq!(world.whoami(&elsewhere).await?, None);
    Ok(())
}

async fn it_has_no_access_token(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let _ = post(&browser, "/password?42").await?;
    for (method, path) in [("GET", "/token"), ("POST", "/refresh")] {
        let page = browser.fetch(method, path).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "no_access_token"),
            "{path}"
        );
    }
    world.clock.pass(5_000);
    assert_eq!(
        world.whoami(&browser).await?.as_deref(),
        Some("42"),
        "nothing is due"
    );
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn it_replaces_the_session_before_it(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let before = browser.cookie(world.session_cookie()).unwrap_or_default();
    let _ = post(&browser, "/password?42").await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("42"));
    // And the one before has ended, even for who has kept its cookie.
    let old = world.browser()?;
    old.plant(world.session_cookie(), &before)?;
    assert_eq!(world.whoami(&old).await?, None);
    // The other way round, a login replaces it.
    let mut browser = browser;
    world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_broken_cookie_does_not_take_it_away(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    browser.plant(world.session_cookie(), "garbage")?;
    // The handler looks who is there before it starts the session, so the cookie would be removed.
    let page = post(&browser, "/password?42").await?;
    assert!(!page.clears(world.session_cookie()), "{page}");
    assert_eq!(page.sets(world.session_cookie()).len(), 1, "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("42"));
    Ok(())
}

async fn whoever_acts_as_somebody_else_is_known(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    assert_eq!(post(&browser, "/impersonate?bob").await?.status, 303);
    let me = browser.get("/me").await?.json(200)?;
    assert_eq!(
        (&me["sub"], &me["act"]["sub"]),
        (&"bob".into(), &"alice".into())
    );
    assert_eq!(me["iss"], world.provider.issuer());
    assert_eq!(browser.get("/actor").await?.body, "alice");
    // Bob has not authenticated, and is no admin by what Alice may do.
    assert_eq!(browser.fetch("GET", "/recent").await?.status, 401);
    assert_eq!(browser.fetch("GET", "/admin").await?.status, 403);
    // The provider's word about Bob ends it.
    let uri = format!("{}/backchannel-logout", world.site);
    let target = LogoutTarget::Sub("bob".to_owned());
    let status = world.provider.send_backchannel_logout(&uri, target).await?;
    assert_eq!(status, 200);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn the_login_hook_may_reject_it(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.on_login(async |user: latchgate::User| match user.subject() {
            "13" => Err(LoginRejection::forbidden("not this one")),
            _ => Ok(()),
        })
    });
    let world = setup.start().await?;
    let browser = world.browser()?;
    let page = post(&browser, "/password?13").await?;
    assert_eq!((page.status, page.code().as_str()), (403, "login_refused"));
    assert_eq!(world.whoami(&browser).await?, None);
    assert_eq!(post(&browser, "/password?42").await?.status, 303);
    Ok(())
}

async fn a_subject_is_required(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let long = format!("/password?{}", "x".repeat(256));
    for path in ["/password", &long] {
        let page = post(&browser, path).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (500, "no_subject"),
            "{path}"
        );
        assert!(page.set_cookies().is_empty());
    }
    Ok(())
}
