//! A provider that is down, slow, rotating its keys, or not the one it says.

use std::time::Duration;

use latchgate_dev_provider::{Answer, Endpoint, Forgery};
use latchgate_tests::{Failure, Setup, scenarios};
use tokio::task::JoinSet;

scenarios!(
    an_application_starts_without_its_provider,
    twenty_logins_at_once_make_one_discovery,
    waiting_logins_share_a_failed_discovery,
    metadata_of_another_issuer_is_refused,
    keys_may_rotate_twice_in_a_row,
    a_flood_of_unknown_keys_is_bounded,
    redirects_are_not_followed,
    endless_answers_are_not_read,
    silence_holds_nobody_for_more_than_ten_seconds,
    old_metadata_is_used_while_there_is_no_newer,
);

async fn an_application_starts_without_its_provider(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider_down();
    let mut browser = world.browser()?;
    assert_eq!(browser.get("/public").await?.body, "public");
    assert_eq!(world.whoami(&browser).await?, None);
    for path in ["/login", "/me"] {
        let page = browser.get(path).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "provider_unreachable"),
            "{page}"
        );
        assert!(!page.header("retry-after").is_empty());
        assert!(page.header("cache-control").contains("no-store"));
        assert_eq!(page.set_cookies(), [""; 0]);
    }
    assert_eq!(
        browser.fetch("GET", "/me").await?.status,
        401,
        "a script is told to sign in"
    );
    world.mischief().clear();
    assert_eq!(browser.open("/me").await?.status, 200);
    Ok(())
}

async fn twenty_logins_at_once_make_one_discovery(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().answer(Endpoint::Discovery, Answer::Hang);
    let mut logins = JoinSet::new();
    for _ in 0..20 {
        let browser = world.browser()?;
        logins.spawn(async move { Ok::<_, Failure>(browser.get("/login").await?.status) });
    }
    world
        .until("a discovery", || world.calls(Endpoint::Discovery) > 0)
        .await?;
    world.mischief().clear();
    for status in logins.join_all().await {
        assert_eq!(status?, 303);
    }
    assert_eq!(world.calls(Endpoint::Discovery), 1);
    Ok(())
}

async fn waiting_logins_share_a_failed_discovery(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mischief = world.mischief();
    mischief.answer(
        Endpoint::Discovery,
        Answer::Slow(Duration::from_millis(500)),
    );
    mischief.on_metadata(|metadata| metadata["issuer"] = "https://evil.example".into());
    let mut logins = JoinSet::new();
    for _ in 0..20 {
        let browser = world.browser()?;
        logins.spawn(async move { Ok::<_, Failure>(browser.get("/login").await?.status) });
    }
    for status in logins.join_all().await {
        assert!(matches!(status?, 502 | 503));
    }
    let asked = world.calls(Endpoint::Discovery);
    assert!(asked <= 3, "{asked} logins asked by themselves");
    Ok(())
}

async fn metadata_of_another_issuer_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = world.provider.issuer().to_owned();
    for other in [
        "https://evil.example",
        &format!("{issuer}/"),
        "",
        &issuer.to_uppercase(),
    ] {
        let other = other.to_owned();
        world
            .mischief()
            .on_metadata(move |metadata| metadata["issuer"] = other.clone().into());
        let page = world.browser()?.get("/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, "provider_metadata"),
            "{page}"
        );
        assert_eq!(page.set_cookies(), [""; 0]);
        assert_eq!(world.calls(Endpoint::Authorize), 0);
    }
    world.mischief().clear();
    world.signed_in().await?;
    Ok(())
}

async fn keys_may_rotate_twice_in_a_row(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.signed_in().await?;
    for _ in 0..2 {
        world.provider.rotate_keys();
        let browser = world.signed_in().await?;
        world.clock.pass(3_560);
        world.provider.rotate_keys();
        world.token(&browser).await?;
    }
    assert_eq!(world.calls(Endpoint::Jwks), 5);
    Ok(())
}

async fn a_flood_of_unknown_keys_is_bounded(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.signed_in().await?;
    world.provider.reset_calls();
    world.mischief().sign_id_token_with(Forgery::UnknownKid);
    for attempt in 0..30 {
        let browser = world.browser()?;
        let callback = world.callback(&browser, "/me").await?;
        let page = browser.get(callback.as_str()).await?;
        // Once the look-ups are spent, nobody can tell whether the key is the provider's.
        let expected = match attempt {
            0..5 => (502, "id_token_signature"),
            _ => (503, "provider_keys"),
        };
        assert_eq!((page.status, page.code().as_str()), expected, "{page}");
    }
    let fetched = world.calls(Endpoint::Jwks);
    assert!((1..=5).contains(&fetched), "{fetched} look-ups");
    world.mischief().clear();
    world.signed_in().await?;
    world.clock.pass(60);
    world.provider.rotate_keys();
    world.signed_in().await?;
    Ok(())
}

async fn redirects_are_not_followed(setup: Setup) -> Result<(), Failure> {
    let setup =
        setup.registration(|registration| registration.userinfo(latchgate::UserinfoPolicy::Always));
    let world = setup.start().await?;
    let elsewhere = format!("{}/introspect", world.provider.issuer());
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::Token,
        Endpoint::Userinfo,
    ] {
        world
            .mischief()
            .answer(endpoint, Answer::Redirect(elsewhere.clone()));
        let mut browser = world.browser()?;
        let page = browser.open("/me").await?;
        assert!(matches!(page.status, 502 | 503), "{endpoint:?}: {page}");
        assert_eq!(world.calls(Endpoint::Introspection), 0, "{endpoint:?}");
        assert_eq!(world.whoami(&browser).await?, None);
        world.mischief().clear();
    }
    world.signed_in().await?;
    Ok(())
}

async fn endless_answers_are_not_read(setup: Setup) -> Result<(), Failure> {
    let setup =
        setup.registration(|registration| registration.userinfo(latchgate::UserinfoPolicy::Always));
    let world = setup.start().await?;
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::Token,
        Endpoint::Userinfo,
    ] {
        // What was read to its end would be refused by another name.
        world.mischief().answer(endpoint, Answer::Huge(1_000_000));
        let mut browser = world.browser()?;
        let page = browser.open("/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "provider_unreachable"),
            "{endpoint:?}"
        );
        world.mischief().clear();
    }
    world.signed_in().await?;
    Ok(())
}

async fn silence_holds_nobody_for_more_than_ten_seconds(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    // Browsers wait fifteen seconds for any answer.
    let (signed_in, browser) = (world.signed_in().await?, world.browser()?);
    world.clock.pass(3_560);
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let (page, token, public) = tokio::join!(
        browser.get(callback.as_str()),
        signed_in.fetch("GET", "/token"),
        signed_in.get("/me"),
    );
    let page = page?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "provider_unreachable"),
        "{page}"
    );
    assert_eq!(token?.json(200)?["expires_in"], 40, "the old token is good");
    assert_eq!(public?.status, 200);
    Ok(())
}

async fn old_metadata_is_used_while_there_is_no_newer(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.signed_in().await?;
    world.clock.pass(48 * 3_600);
    world.mischief().answer(Endpoint::Discovery, Answer::Drop);
    world.mischief().answer(Endpoint::Jwks, Answer::Drop);
    world.signed_in().await?;
    world.mischief().clear();
    world.provider.reset_calls();
    world.clock.pass(60);
    world.signed_in().await?;
    assert_eq!(
        world.calls(Endpoint::Discovery),
        1,
        "asked again once it can be"
    );
    Ok(())
}
