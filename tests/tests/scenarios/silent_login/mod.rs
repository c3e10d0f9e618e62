//! Silent logins: whether the provider knows who is there, without a page that asks anybody.

use std::time::Duration;

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use url::Url;

mod by_handlers;

scenarios!(
    a_page_finds_out_who_is_there,
    a_browser_without_cookies_just_sees_the_page,
    only_a_navigation_is_sent_away,
    whatever_fails_leads_back_to_the_page,
    pages_that_ask_nobody_and_pages_that_must_are_as_ever,
    it_is_off_until_it_is_switched_on;
    in either keeping:
    nobody_is_asked_twice_within_the_interval,
    whoever_has_signed_out_is_left_alone_until_they_sign_in,
    who_is_signed_in_by_the_application_has_signed_in,
    whoever_is_signed_out_elsewhere_is_left_alone_as_well,
);

const HOUR: u64 = 3_600;

fn on(setup: Setup) -> Setup {
    setup.gate(|gate| gate.silent_login(Duration::from_secs(HOUR)))
}

fn value(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

fn marker(world: &World) -> String {
    format!("{}-silent", world.session_cookie())
}

/// Somebody's browser that is signed in at the provider, by another application, and has no session here.
async fn known_to_the_provider(world: &World) -> Result<Browser, Failure> {
    let browser = world.signed_in().await?;
    browser.remove(world.session_cookie())?;
    browser.remove(&marker(world))?;
    Ok(browser)
}

/// The page as the browser sees it at last, and how often the provider was asked on the way.
async fn open(world: &World, browser: &mut Browser, path: &str) -> Result<(Page, usize), Failure> {
    world.provider.reset_calls();
    let page = browser.open(path).await?;
    assert_eq!(page.url.as_str(), format!("{}{path}", world.site), "{page}");
    Ok((page, world.calls(Endpoint::Authorize)))
}

/// The same for a page that asks who is there.
async fn home(world: &World, browser: &mut Browser) -> Result<(String, usize), Failure> {
    let (page, asked) = open(world, browser, "/").await?;
    assert_eq!(page.status, 200, "{page}");
    Ok((page.body, asked))
}

fn nobody(asked: usize) -> (String, usize) {
    ("anonymous".to_owned(), asked)
}

fn alice(asked: usize) -> (String, usize) {
    ("alice".to_owned(), asked)
}

async fn a_page_finds_out_who_is_there(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = known_to_the_provider(&world).await?;
    // The first page leaves the marker.
    let page = browser.get("/").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    let set = page.sets(&marker(&world)).concat();
    assert!(set.contains("=0;") && set.contains("HttpOnly"), "{set}");
    assert_eq!(page.header("cache-control"), "private, no-store");
    let page = browser.clone().get("/?a=b").await?;
    let start = page.leads_to()?;
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(value(&start, "prompt").as_deref(), Some("none"));
    assert!(page.body.is_empty(), "{page}");

    assert_eq!(home(&world, &mut browser).await?, alice(1));
    assert_eq!(home(&world, &mut browser).await?, alice(0));
    // It is a session like any other.
    assert!(world.token(&browser).await?["access_token"].is_string());
    Ok(())
}

async fn nobody_is_asked_twice_within_the_interval(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.browser()?;
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    assert_eq!(home(&world, &mut browser).await?, nobody(1));
    for _ in 0..3 {
        assert_eq!(home(&world, &mut browser).await?, nobody(0));
    }
    world.clock.pass(HOUR - 1);
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    world.clock.pass(1);
    assert_eq!(home(&world, &mut browser).await?, nobody(1));
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    // Somebody who never comes back from the provider is not sent there again either.
    world.clock.pass(HOUR);
    browser.get("/").await?.leads_to()?;
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    // A session that has ended by time leads to another one.
    let mut browser = world.signed_in().await?;
    world.clock.pass(24 * HOUR);
    browser.remove(world.session_cookie())?;
    assert_eq!(home(&world, &mut browser).await?.1, 1);
    Ok(())
}

async fn a_browser_without_cookies_just_sees_the_page(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = known_to_the_provider(&world).await?;
    world.provider.reset_calls();
    for _ in 0..3 {
        let request = browser.request("GET", "/").navigation("none");
        let page = request.header("cookie", "theme=dark").send().await?;
        assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    }
    // Nor does what is no marker count as one.
    for odd in ["", "x", "-1", "99999999999999999999", "1.-", "0.-"] {
        let request = browser.request("GET", "/").navigation("none");
        let cookie = format!("{}={odd}", marker(&world));
        let page = request.header("cookie", cookie).send().await?;
        assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    }
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn only_a_navigation_is_sent_away(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = known_to_the_provider(&world).await?;
    browser.plant(&marker(&world), "0")?;
    let navigate = ("sec-fetch-mode", "navigate");
    let document = ("sec-fetch-dest", "document");
    for headers in [
        &[("accept", "text/html")][..],
        &[("accept", "text/html"), navigate],
        &[navigate, ("sec-fetch-dest", "iframe")],
        &[navigate, document, ("sec-purpose", "prefetch;prerender")],
        &[
            navigate,
            document,
            ("authorization", "Basic YTpi"),
            ("x-requested-with", "x"),
        ],
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[],
    ] {
        let page = browser.request("GET", "/").headers(headers).send().await?;
        assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
        assert_eq!(page.set_cookies(), [""; 0], "{headers:?}");
    }
    let page = browser
        .request("HEAD", "/")
        .navigation("none")
        .send()
        .await?;
    assert_ne!(page.status, 303, "{page}");
    assert_eq!(browser.get("/").await?.status, 303, "a navigation is");
    Ok(())
}

async fn whatever_fails_leads_back_to_the_page(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    for error in [
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
        "access_denied",
        "server_error",
        "invalid_scope",
    ] {
        let mut browser = known_to_the_provider(&world).await?;
        browser.plant(&marker(&world), "0")?;
        world
            .mischief()
            .on_authorization_response(move |parameters| {
                parameters.retain(|(name, _)| name != "code");
                parameters.push(("error".to_owned(), error.to_owned()));
            });
        let (page, asked) = open(&world, &mut browser, "/?a=b").await?;
        assert_eq!(
            (page.status, page.body.as_str(), asked),
            (200, "anonymous", 1),
            "{error}"
        );
        assert_eq!(home(&world, &mut browser).await?, nobody(0), "{error}");
        assert_eq!(browser.names(world.login_cookies()), [""; 0], "{error}");
        world.mischief().clear();
    }
    // The tokens cannot be had, or are not to be believed.
    let mut browser = known_to_the_provider(&world).await?;
    browser.plant(&marker(&world), "0")?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    assert_eq!(home(&world, &mut browser).await?, nobody(1));
    world.mischief().clear();
    browser.plant(&marker(&world), "0")?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("nonce".to_owned(), "another".into());
    });
    assert_eq!(home(&world, &mut browser).await?, nobody(1));
    world.mischief().clear();
    // A response that may belong to another login is refused, as ever.
    browser.plant(&marker(&world), "0")?;
    let answer = world.callback(&browser, "/").await?;
    let forged = answer.as_str().replace("state=", "state=x");
    let page = browser.get(&forged).await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    Ok(())
}

async fn pages_that_ask_nobody_and_pages_that_must_are_as_ever(
    setup: Setup,
) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = known_to_the_provider(&world).await?;
    let page = browser.get("/public").await?;
    assert_eq!((page.status, page.set_cookies().len()), (200, 0));
    browser.plant(&marker(&world), "0")?;
    let page = browser.get("/public").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "public"));
    assert!(page.set_cookies().is_empty() && page.header("vary").is_empty());
    assert_eq!(browser.get("/nothing-here").await?.status, 404);
    let start = browser.get("/me").await?.leads_to()?;
    assert_eq!(value(&start, "prompt"), None);
    Ok(())
}

async fn whoever_has_signed_out_is_left_alone_until_they_sign_in(
    setup: Setup,
) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.signed_in().await?;
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let page = request.send().await?;
    let set = page.sets(&marker(&world)).concat();
    assert!(set.contains(".-;"), "{set}");
    // Whoever does not go on to the provider is still signed in there.
    for _ in 0..3 {
        assert_eq!(home(&world, &mut browser).await?, nobody(0));
        world.clock.pass(HOUR);
    }
    let page = world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(page.status, 200, "{page}");
    browser.remove(world.session_cookie())?;
    assert_eq!(
        home(&world, &mut browser).await?,
        nobody(0),
        "just signed in"
    );
    world.clock.pass(HOUR);
    assert_eq!(home(&world, &mut browser).await?, alice(1));
    Ok(())
}

async fn who_is_signed_in_by_the_application_has_signed_in(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.signed_in().await?;
    browser.fetch("POST", "/logout").await?;
    world.clock.pass(2 * HOUR);
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    let page = browser.fetch("POST", "/password?42").await?;
    assert_eq!(page.sets(&marker(&world)).len(), 1, "{page}");
    // As after a login: not at once, and then as often as anybody.
    browser.remove(world.session_cookie())?;
    world.clock.pass(HOUR - 1);
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    world.clock.pass(1);
    assert_eq!(home(&world, &mut browser).await?.1, 1);
    Ok(())
}

async fn whoever_is_signed_out_elsewhere_is_left_alone_as_well(
    setup: Setup,
) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.signed_in().await?;
    world.clock.pass(HOUR);
    world
        .gate
        .end_sessions_of(world.provider.issuer(), "alice")
        .await?;
    for _ in 0..3 {
        assert_eq!(home(&world, &mut browser).await?, nobody(0));
        world.clock.pass(HOUR);
    }
    Ok(())
}

async fn it_is_off_until_it_is_switched_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = known_to_the_provider(&world).await?;
    browser.plant(&marker(&world), "0")?;
    assert_eq!(home(&world, &mut browser).await?, nobody(0));
    browser.remove(&marker(&world))?;
    let page = browser.get("/").await?;
    assert_eq!(page.set_cookies(), [""; 0], "{page}");
    world.visit(&mut browser, "/login?return_to=/me").await?;
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    assert_eq!(browser.cookie(&marker(&world)), None);
    Ok(())
}
