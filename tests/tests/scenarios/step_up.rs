//! Pages that require a stronger or more recent login than the person has: RFC 9470.

use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use url::Url;

scenarios!(
    a_script_gets_the_challenge_of_rfc_9470,
    a_method_asks_the_provider_to_ask_again,
    a_form_of_the_application_may_ask_for_more_and_nobody_else;
    in either keeping:
    a_strong_page_leads_to_a_stronger_login_and_back,
    a_provider_that_does_not_deliver_is_asked_once,
    whoever_gives_up_stays_signed_in,
    a_refresh_that_says_nothing_takes_nothing_back,
    a_refresh_that_says_something_else_is_believed,
    nobody_else_takes_the_session_over,
);

fn value(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

fn found(page: &Page) -> (u16, String) {
    (page.status, page.code())
}

async fn whoami(world: &World, browser: &Browser) -> Result<String, Failure> {
    Ok(world.whoami(browser).await?.unwrap_or_default())
}

async fn a_strong_page_leads_to_a_stronger_login_and_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let page = browser.get("/strong?x=1").await?;
    assert_eq!(page.status, 303);
    let url = page.leads_to()?;
    let acr_values = value(&url, "acr_values");
    assert_eq!(acr_values.as_deref(), Some("mfa urn:example:phr"));
    assert_eq!(
        (value(&url, "max_age"), value(&url, "prompt")),
        (None, None)
    );
    assert_eq!(whoami(&world, &browser).await?, "alice");

    let page = world.visit(&mut browser, "/strong?x=1").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "admitted"));
    assert_eq!(page.url.as_str(), format!("{}/strong?x=1", world.site));
    assert_eq!(
        browser.names(world.login_cookies()).len(),
        1,
        "of the first"
    );
    assert_eq!(browser.get("/strong-recent").await?.body, "admitted");

    // Strong enough, but too long ago: both are asked for, and both are met.
    world.clock.pass(331);
    assert_eq!(browser.get("/strong").await?.body, "admitted");
    let url = browser.get("/strong-recent").await?.leads_to()?;
    assert_eq!(value(&url, "acr_values").as_deref(), Some("mfa"));
    assert_eq!(value(&url, "max_age").as_deref(), Some("300"));
    let page = world.visit(&mut browser, "/strong-recent").await?;
    assert_eq!(page.body, "admitted", "{page}");
    // A stranger signs in first, and then steps up.
    let mut stranger = world.browser()?;
    let page = world.visit(&mut stranger, "/strong").await?;
    assert_eq!(page.body, "admitted", "{page}");
    Ok(())
}

async fn a_script_gets_the_challenge_of_rfc_9470(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.clock.pass(331);
    let start = "Bearer error=\"insufficient_user_authentication\"";
    for (path, required) in [
        ("/recent", ", max_age=\"300\""),
        ("/strong", ", acr_values=\"mfa urn:example:phr\""),
        ("/strong-recent", ", acr_values=\"mfa\", max_age=\"300\""),
    ] {
        let page = browser.fetch("GET", path).await?;
        assert_eq!(found(&page), (401, "reauthentication_required".to_owned()));
        assert_eq!(
            page.header("www-authenticate"),
            format!("{start}{required}")
        );
        assert_eq!(page.header("content-type"), "application/problem+json");
        assert!(page.location.is_none() && page.set_cookies().is_empty());
    }
    // Who is not signed in at all, or lacks a role, is not told to authenticate better.
    let page = world.browser()?.fetch("GET", "/strong").await?;
    assert_eq!(page.header("www-authenticate"), "Session");
    world.provider.auto_sign_in(Some("bob"));
    let page = world.signed_in().await?.fetch("GET", "/admin").await?;
    assert_eq!((page.status, page.header("www-authenticate")), (403, ""));
    Ok(())
}

async fn a_provider_that_does_not_deliver_is_asked_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("acr".to_owned(), "0".into());
    });
    world.provider.reset_calls();
    let page = world.visit(&mut browser, "/strong").await?;
    assert_eq!(found(&page), (403, "id_token_acr".to_owned()), "{page}");
    assert!(page.body.contains("did not confirm enough"), "{page}");
    assert!(page.body.contains("href=\"/strong\""), "{page}");
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    assert_eq!(whoami(&world, &browser).await?, "alice");
    let revoked = || world.calls(Endpoint::Revocation) == 1;
    world
        .until("the refused tokens are revoked", revoked)
        .await?;
    assert!(world.token(&browser).await?["access_token"].is_string());

    world.mischief().clear();
    world.mischief().on_id_token(|_, claims| {
        claims.insert("amr".to_owned(), serde_json::json!(["user"]));
    });
    let page = world.visit(&mut browser, "/by-method").await?;
    assert_eq!(found(&page), (403, "id_token_acr".to_owned()), "{page}");

    world.mischief().clear();
    world.mischief().on_authorization_response(|parameters| {
        parameters.retain(|(name, _)| name != "code");
        let error = "unmet_authentication_requirements";
        parameters.push(("error".to_owned(), error.to_owned()));
    });
    let page = world.visit(&mut browser, "/strong").await?;
    let expected = (403, "login_refused_by_provider".to_owned());
    assert_eq!(found(&page), expected, "{page}");
    assert!(page.body.contains("did not confirm enough"), "{page}");
    assert_eq!(whoami(&world, &browser).await?, "alice");
    Ok(())
}

async fn whoever_gives_up_stays_signed_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let before = world.token(&browser).await?;
    world.mischief().on_authorization_response(|parameters| {
        parameters.retain(|(name, _)| name != "code");
        parameters.push(("error".to_owned(), "access_denied".to_owned()));
    });
    let page = world.visit(&mut browser, "/strong?x=1").await?;
    let expected = (403, "login_refused_by_provider".to_owned());
    assert_eq!(found(&page), expected, "{page}");
    assert!(page.body.contains("href=\"/strong?x=1\""), "{page}");
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    assert_eq!(world.token(&browser).await?, before, "the same session");

    world.mischief().clear();
    let page = world.visit(&mut browser, "/strong?x=1").await?;
    assert_eq!(page.body, "admitted", "{page}");
    Ok(())
}

async fn nobody_else_takes_the_session_over(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    world.provider.auto_sign_in(Some("bob"));
    let page = world.visit(&mut browser, "/strong").await?;
    let expected = (403, "id_token_another_person".to_owned());
    assert_eq!(found(&page), expected, "{page}");
    assert!(!page.body.contains("bob"), "{page}");
    assert_eq!(whoami(&world, &browser).await?, "alice");

    // Bob may sign in, if he says so.
    let page = browser.submit(&page.form_to("/login")?, &[]).await?;
    assert_eq!(page.body, "admitted", "{page}");
    assert_eq!(whoami(&world, &browser).await?, "bob");
    Ok(())
}

async fn a_method_asks_the_provider_to_ask_again(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let url = browser.get("/by-method").await?.leads_to()?;
    assert_eq!(value(&url, "prompt").as_deref(), Some("login"));
    assert_eq!(value(&url, "acr_values").as_deref(), Some("mfa"));
    let page = world.visit(&mut browser, "/by-method").await?;
    assert_eq!(page.body, "admitted", "{page}");
    Ok(())
}

async fn a_form_of_the_application_may_ask_for_more_and_nobody_else(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let fields = [("acr_values", "mfa"), ("max_age", "300")];
    let post = async |site: &str, fields: &[(&str, &str)]| {
        let request = browser.request("POST", "/login");
        request.navigation(site).form(fields).send().await
    };
    let url = post("same-origin", &fields).await?.leads_to()?;
    assert_eq!(value(&url, "acr_values").as_deref(), Some("mfa"));
    assert_eq!(value(&url, "max_age").as_deref(), Some("300"));
    assert_eq!(post("cross-site", &fields).await?.status, 403);
    let url = browser.get("/login?acr_values=mfa&max_age=300").await?;
    let url = url.leads_to()?;
    assert_eq!(
        (value(&url, "acr_values"), value(&url, "max_age")),
        (None, None)
    );
    for odd in [
        ("acr_values", "a\nb"),
        ("acr_values", ""),
        ("max_age", "-1"),
    ] {
        let url = post("same-origin", &[odd]).await?.leads_to()?;
        let none = (value(&url, "acr_values"), value(&url, "max_age"));
        assert_eq!(none, (None, None), "{odd:?}");
    }
    let long = "x".repeat(513);
    let url = post("same-origin", &[("acr_values", &long)]).await?;
    assert_eq!(value(&url.leads_to()?, "acr_values"), None);
    Ok(())
}

/// Alice, whose login was a strong one, and the claims that `/me` shows.
async fn strong(world: &World) -> Result<(Browser, serde_json::Value), Failure> {
    let mut browser = world.signed_in().await?;
    let page = world.visit(&mut browser, "/by-method").await?;
    assert_eq!(page.body, "admitted", "{page}");
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["acr"], "mfa", "{claims}");
    Ok((browser, claims))
}

async fn a_refresh_that_says_nothing_takes_nothing_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (browser, before) = strong(&world).await?;
    world.mischief().on_refreshed_id_token(|_, claims| {
        for name in ["acr", "amr", "auth_time"] {
            claims.remove(name);
        }
        claims.insert("name".to_owned(), "Alice the Second".into());
    });
    // The second refresh follows one that said nothing.
    for _ in 0..2 {
        world.clock.pass(30);
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        for name in ["acr", "amr", "auth_time"] {
            assert_eq!(claims[name], before[name], "{name}");
        }
        assert_eq!(claims["name"], "Alice the Second");
        for path in ["/strong", "/by-method", "/recent"] {
            assert_eq!(browser.get(path).await?.body, "admitted", "{path}");
        }
    }
    // Nor does a refresh make the login more recent.
    world.clock.pass(400);
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(browser.get("/recent").await?.status, 303);
    // Another time is believed no more than before.
    world.mischief().clear();
    let now = world.clock.now();
    world.mischief().on_refreshed_id_token(move |_, claims| {
        claims.insert("auth_time".to_owned(), now.into());
    });
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(browser.get("/recent").await?.status, 303);
    assert_eq!(browser.get("/strong").await?.body, "admitted");
    Ok(())
}

async fn a_refresh_that_says_something_else_is_believed(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (browser, _) = strong(&world).await?;
    world.mischief().on_refreshed_id_token(|_, claims| {
        claims.insert("acr".to_owned(), "0".into());
        claims.remove("amr");
    });
    browser.fetch("POST", "/refresh").await?.json(200)?;
    for path in ["/strong", "/by-method"] {
        assert_eq!(browser.get(path).await?.status, 303, "{path}");
    }
    Ok(())
}
