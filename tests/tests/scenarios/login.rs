//! Logging in, and landing.

use latchgate::{Algorithm, ResponseMode, User, UserinfoPolicy};
use latchgate_dev_provider::{Endpoint, Person, SigningAlg};
use latchgate_tests::app::Count;
use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(; in either keeping:
    login_lands_on_the_exact_url_it_began_at,
    the_claims_are_those_of_the_person,
    two_tabs_finish_two_logins,
    of_six_tabs_the_oldest_goes_home,
    switching_persons_leaves_nothing_of_the_first,
    a_planted_session_is_replaced_by_a_new_one,
    userinfo_claims_are_added_when_asked_for,
    a_login_by_form_post_lands_too,
    a_login_by_form_post_ends_the_session_it_replaces,
    a_login_by_form_post_ends_the_session_it_replaces_in_its_store,
    es256_is_accepted_when_it_is_the_agreed_algorithm,
    sixty_abandoned_logins_leave_few_cookies_and_the_next_login_works,
    login_cookies_are_gone_after_use,
    logins_are_answered_by_the_provider_just_once,
);

async fn login_lands_on_the_exact_url_it_began_at(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for path in ["/me?a=1&b=%26%20c&b=2", "/nested/deep/page?x=1"] {
        let mut browser = world.browser()?;
        let page = browser.open(path).await?;
        assert_eq!(page.status, 200, "{page}");
        assert_eq!(page.url.as_str(), format!("{}{path}", world.site));
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    }
    Ok(())
}

async fn the_claims_are_those_of_the_person(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let browser = world.signed_in().await?;
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["sub"], "bob");
    assert_eq!(claims["iss"], world.provider.issuer());
    assert_eq!(claims["email"], "bob@example.com");
    assert_eq!(claims["https://foo.com/myclaim"], "bob's");
    let page = browser.get("/nested/deep/page?x=1").await?;
    assert_eq!(page.body, "page x=1");
    assert_eq!(world.whoami(&world.browser()?).await?, None);
    Ok(())
}

async fn two_tabs_finish_two_logins(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let first = world.callback(&browser, "/me?tab=1").await?;
    let second = world.callback(&browser.tab(), "/me?tab=2").await?;
    assert_eq!(browser.names(world.login_cookies()).len(), 2);

    let landed = browser.get(first.as_str()).await?;
    assert_eq!(landed.location.as_deref(), Some("/me?tab=1"), "{landed}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    let landed = browser.tab().get(second.as_str()).await?;
    assert_eq!(landed.location.as_deref(), Some("/me?tab=2"), "{landed}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    Ok(())
}

async fn of_six_tabs_the_oldest_goes_home(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let mut callbacks = Vec::new();
    for tab in 0..6 {
        callbacks.push(world.callback(&browser, &format!("/me?tab={tab}")).await?);
        world.clock.pass(1);
    }
    for (tab, callback) in callbacks.iter().enumerate().rev() {
        let page = browser.get(callback.as_str()).await?;
        let expected = match tab {
            0 => "/".to_owned(),
            _ => format!("/me?tab={tab}"),
        };
        assert_eq!(page.location, Some(expected), "{page}");
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    }
    Ok(())
}

async fn switching_persons_leaves_nothing_of_the_first(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let before = browser.clone();
    world.provider.auto_sign_in(Some("bob"));
    let page = world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(page.json(200)?["sub"], "bob");
    let claims = browser.fetch("GET", "/me").await?;
    assert!(!claims.body.contains("alice"), "{claims}");
    assert_eq!(
        world.whoami(&before).await?,
        None,
        "Alice's session lives on"
    );
    Ok(())
}

async fn a_planted_session_is_replaced_by_a_new_one(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let name = world.session_cookie();
    world.provider.auto_sign_in(Some("bob"));
    let attacker = world.signed_in().await?;
    let planted = attacker.cookie(name).ok_or("no session")?;

    world.provider.auto_sign_in(Some("alice"));
    let mut victim = world.browser()?;
    victim.plant(name, &planted)?;
    let page = world.visit(&mut victim, "/login?return_to=/me").await?;
    assert_eq!(page.json(200)?["sub"], "alice");
    assert_ne!(victim.cookie(name), Some(planted));
    assert_ne!(world.whoami(&attacker).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn userinfo_claims_are_added_when_asked_for(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always));
    let world = setup.start().await?;
    world.mischief().on_userinfo(|claims| {
        claims["nickname"] = "Ali".into();
    });
    let browser = world.signed_in().await?;
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["nickname"], "Ali");
    assert_eq!(claims["sub"], "alice");
    assert_eq!(world.calls(Endpoint::Userinfo), 1);
    Ok(())
}

async fn a_login_by_form_post_lands_too(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .site("https://app.example.com")
        .registration(|registration| registration.response_mode(ResponseMode::FormPost));
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let page = world.visit(&mut browser, "/me?by=form").await?;
    assert_eq!(page.json(200)?["sub"], "alice");
    assert_eq!(page.url.as_str(), "https://app.example.com/me?by=form");
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    Ok(())
}

async fn a_login_by_form_post_ends_the_session_it_replaces(setup: Setup) -> Result<(), Failure> {
    the_session_before_ends(setup).await
}

async fn a_login_by_form_post_ends_the_session_it_replaces_in_its_store(
    setup: Setup,
) -> Result<(), Failure> {
    the_session_before_ends(setup.stored()).await
}

/// The provider's cross-site POST brings no session cookie, and the session ends all the same.
async fn the_session_before_ends(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .site("https://app.example.com")
        .gate(|gate| gate.on_login(async |user: User| Ok(Count::of(user.subject()))))
        .registration(|registration| registration.response_mode(ResponseMode::FormPost));
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    world.visit(&mut browser, "/me").await?.json(200)?;
    let before = browser.clone();
    // What the session before still has to answer, and would answer with its own cookie.
    let late = world.trickle(&before, "/slowly").await?;
    let begun = || world.slow_requests() == 1;
    world.until("a slow request", begun).await?;

    world.provider.auto_sign_in(Some("bob"));
    let page = world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(page.json(200)?["sub"], "bob");
    assert_eq!(world.whoami(&before).await?, None, "it is still good");
    let late = late.finish().await?;
    assert!(late.starts_with("HTTP/1.1 401 "), "{late}");
    assert!(!late.to_lowercase().contains("set-cookie"), "{late}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("bob"));
    Ok(())
}

async fn es256_is_accepted_when_it_is_the_agreed_algorithm(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .provider(|provider| provider.id_token_alg(SigningAlg::Es256))
        .registration(|registration| registration.id_token_alg(Algorithm::Es256));
    let world = setup.start().await?;
    world.signed_in().await?;
    Ok(())
}

async fn sixty_abandoned_logins_leave_few_cookies_and_the_next_login_works(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    for attempt in 0..60_usize {
        let long = "x".repeat(attempt.saturating_sub(20) * 30);
        let page = browser
            .get(&format!("/me?attempt={attempt}&{long}"))
            .await?;
        assert_eq!(page.status, 303, "{page}");
        world.clock.pass(1);
        let logins: usize = browser
            .cookies("/")?
            .iter()
            .filter(|(name, _)| name.starts_with(world.login_cookies()))
            .map(|(name, value)| name.len() + value.len() + 3)
            .sum();
        assert!(logins < 4_096, "{logins} bytes of login cookies");
        assert!(browser.cookie_bytes() < 8_000);
        assert!(browser.names(world.login_cookies()).len() <= 5);
    }
    let page = world.visit(&mut browser, "/me?landed").await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(page.url.query(), Some("landed"));
    Ok(())
}

async fn login_cookies_are_gone_after_use(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let names = browser.names(world.login_cookies());
    assert_eq!(names.len(), 1, "{names:?}");
    let done = browser.get(callback.as_str()).await?;
    assert_eq!(done.status, 303);
    assert!(done.clears(&names[0]), "{:?}", done.set_cookies());
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    Ok(())
}

async fn logins_are_answered_by_the_provider_just_once(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.person(Person::new("carol")));
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("carol"));
    world.signed_in().await?;
    assert_eq!(world.calls(Endpoint::Discovery), 1);
    assert_eq!(world.calls(Endpoint::Jwks), 1);
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    assert_eq!(world.calls(Endpoint::Token), 1);
    assert_eq!(world.calls(Endpoint::Userinfo), 0);
    Ok(())
}
