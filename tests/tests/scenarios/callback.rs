//! The provider's answer: whose it must be, and what becomes of every other.

use latchgate::ResponseMode;
use latchgate_dev_provider::{Endpoint, ResponseIssuer};
use latchgate_tests::{Failure, Page, Setup, World, scenarios};
use url::Url;

scenarios!(
    wrong_absent_and_repeated_parameters_are_refused,
    the_state_of_one_browser_is_useless_in_another,
    an_answer_of_another_issuer_is_refused,
    a_missing_iss_is_refused_only_where_it_is_promised,
    a_providers_error_is_told_only_after_its_state_fits,
    the_form_post_callback_reads_forms_only,
    other_methods_are_refused,
    every_answer_of_the_callback_is_private,
    a_login_that_took_too_long_is_refused;
    in either keeping:
    an_attackers_code_stores_nothing_in_a_victims_browser,
    a_replayed_callback_never_creates_or_alters_a_session,
    a_failed_login_leaves_the_session_as_it_was,
);

/// The callback with one parameter replaced, repeated or removed.
fn altered(callback: &Url, alter: impl Fn(&mut Vec<(String, String)>)) -> Url {
    let mut pairs: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
    alter(&mut pairs);
    let mut url = callback.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}

fn without(callback: &Url, name: &str) -> Url {
    altered(callback, |pairs| pairs.retain(|(own, _)| own != name))
}

fn with(callback: &Url, name: &str, value: &str) -> Url {
    altered(callback, |pairs| {
        pairs.retain(|(own, _)| own != name);
        pairs.push((name.to_owned(), value.to_owned()));
    })
}

/// Nobody is signed in, nothing of a session was set, and the provider gave no token.
async fn nothing_came_of_it(world: &World, page: &Page) -> Result<(), Failure> {
    assert!(page.status >= 400, "{page}");
    let set = page.sets(world.session_cookie());
    assert!(set.iter().all(|line| line.contains("Max-Age=0")), "{set:?}");
    assert_eq!(world.calls(Endpoint::Token), 0, "{page}");
    Ok(())
}

async fn wrong_absent_and_repeated_parameters_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let value_of = |callback: &Url, name: &str| {
        let mut pairs = callback.query_pairs().into_owned();
        pairs.find(|(own, _)| own == name).map(|(_, value)| value)
    };
    let twice = |callback: &Url, name: &str| {
        let value = value_of(callback, name).unwrap_or_default();
        altered(callback, |pairs| {
            pairs.push((name.to_owned(), value.clone()));
        })
    };
    type Change<'a> = (&'a str, Box<dyn Fn(&Url) -> Url + Send + Sync + 'a>);
    let changes: Vec<Change<'_>> = vec![
        ("state_missing", Box::new(|url| without(url, "state"))),
        ("state_missing", Box::new(|url| with(url, "state", ""))),
        (
            "no_login_under_way",
            Box::new(|url| with(url, "state", "x")),
        ),
        (
            "no_login_under_way",
            Box::new(|url| with(url, "state", &"A".repeat(43))),
        ),
        (
            "no_login_under_way",
            Box::new(|url| with(url, "state", &"%ff\u{0}é".repeat(800))),
        ),
        ("code_missing", Box::new(|url| without(url, "code"))),
        ("code_missing", Box::new(|url| with(url, "code", ""))),
        ("iss_missing", Box::new(|url| without(url, "iss"))),
        (
            "iss_mismatch",
            Box::new(|url| with(url, "iss", "https://evil.example")),
        ),
        (
            "iss_mismatch",
            Box::new(|url| with(url, "iss", &format!("{}/", world.provider.issuer()))),
        ),
        ("duplicate_parameter", Box::new(|url| twice(url, "state"))),
        ("duplicate_parameter", Box::new(|url| twice(url, "code"))),
        ("duplicate_parameter", Box::new(|url| twice(url, "iss"))),
        (
            "duplicate_parameter",
            Box::new(|url| twice(&twice(&with(url, "error", "access_denied"), "x"), "error")),
        ),
    ];
    for (code, change) in changes {
        let browser = world.browser()?;
        let callback = world.callback(&browser, "/me").await?;
        let page = browser.get(change(&callback).as_str()).await?;
        assert_eq!((page.status, page.code().as_str()), (400, code), "{page}");
        nothing_came_of_it(&world, &page).await?;
        assert_eq!(world.whoami(&browser).await?, None, "{code}");
    }
    let page = world.browser()?.get("/callback").await?;
    assert_eq!((page.status, page.code().as_str()), (400, "state_missing"));
    Ok(())
}

async fn an_attackers_code_stores_nothing_in_a_victims_browser(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let attackers = world.callback(&world.browser()?, "/me").await?;
    let victim = world.browser()?;
    let page = victim.get(attackers.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );
    nothing_came_of_it(&world, &page).await?;
    assert_eq!(victim.cookies("/")?, []);
    Ok(())
}

async fn the_state_of_one_browser_is_useless_in_another(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (attacker, victim) = (world.browser()?, world.browser()?);
    let attackers = world.callback(&attacker, "/me").await?;
    let victims = world.callback(&victim, "/me").await?;
    let code = attackers.query_pairs().find(|(name, _)| name == "code");
    let (_, code) = code.ok_or("no code")?;

    // The attacker's code with the victim's own state: PKCE refuses it, at the provider.
    let page = victim.get(with(&victims, "code", &code).as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "token_request_refused")
    );
    assert_eq!(world.whoami(&victim).await?, None);

    // And with the attacker's state the victim's browser has nothing to compare it with.
    let page = victim.get(attackers.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );
    assert_eq!(world.whoami(&victim).await?, None);
    Ok(())
}

async fn a_replayed_callback_never_creates_or_alters_a_session(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me?once").await?;
    let before = browser.clone();
    let first = browser.get(callback.as_str()).await?;
    assert_eq!(first.location.as_deref(), Some("/me?once"));
    let session = browser.cookie(world.session_cookie());
    world.provider.reset_calls();

    // Whoever is signed in goes home, and nothing changes.
    let again = browser.get(callback.as_str()).await?;
    assert_eq!(
        (again.status, again.location.as_deref()),
        (303, Some("/")),
        "{again}"
    );
    assert!(
        again.sets(world.session_cookie()).is_empty(),
        "{:?}",
        again.set_cookies()
    );
    assert_eq!(browser.cookie(world.session_cookie()), session);
    assert_eq!(world.calls(Endpoint::Token), 0);

    // Without a session it is refused.
    browser.remove(world.session_cookie())?;
    let again = browser.get(callback.as_str()).await?;
    assert_eq!(
        (again.status, again.code().as_str()),
        (400, "no_login_under_way")
    );
    assert_eq!(world.calls(Endpoint::Token), 0);

    // A browser that still has the login cookie asks the provider, whose codes work once.
    let again = before.get(callback.as_str()).await?;
    assert!(again.status >= 400, "{again}");
    assert_eq!(world.whoami(&before).await?, None);
    Ok(())
}

async fn a_failed_login_leaves_the_session_as_it_was(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let callback = world.callback(&browser, "/login").await?;
    let page = browser
        .get(with(&callback, "error", "access_denied").as_str())
        .await?;
    assert_eq!(page.status, 403, "{page}");
    assert!(page.sets(world.session_cookie()).is_empty());
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn an_answer_of_another_issuer_is_refused(setup: Setup) -> Result<(), Failure> {
    // A wrong `iss` counts even from a provider that never promised to send one.
    let setup = setup.provider(|provider| provider.response_issuer(ResponseIssuer::Absent));
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    assert!(!callback.as_str().contains("iss="));
    let page = browser
        .get(with(&callback, "iss", "https://evil.example").as_str())
        .await?;
    assert_eq!((page.status, page.code().as_str()), (400, "iss_mismatch"));
    nothing_came_of_it(&world, &page).await
}

async fn a_missing_iss_is_refused_only_where_it_is_promised(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.response_issuer(ResponseIssuer::Absent));
    let world = setup.start().await?;
    world.signed_in().await?;
    Ok(())
}

async fn a_providers_error_is_told_only_after_its_state_fits(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let denied = with(
        &with(&without(&callback, "code"), "error", "access_denied"),
        "error_description",
        "<script>alert(1)</script>",
    );
    let stranger = world.browser()?.get(denied.as_str()).await?;
    assert_eq!(
        (stranger.status, stranger.code().as_str()),
        (400, "no_login_under_way")
    );
    let page = browser.get(denied.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (403, "login_refused_by_provider")
    );
    assert!(
        page.body.contains("href=\"/login?return_to=%2Fme\""),
        "no way to try again: {page}"
    );
    assert!(!page.body.contains("script"), "{page}");
    nothing_came_of_it(&world, &page).await?;

    for error in [
        "<script>alert(1)</script>",
        "server_error",
        "\u{0}\r\nSet-Cookie: a=b",
    ] {
        let browser = world.browser()?;
        let callback = world.callback(&browser, "/me").await?;
        let page = browser
            .get(with(&without(&callback, "code"), "error", error).as_str())
            .await?;
        nothing_came_of_it(&world, &page).await?;
        assert!(
            !page.body.contains("<script") && !page.body.contains(error),
            "{page}"
        );
        assert_eq!(
            browser.names("latchgate"),
            [""; 0],
            "its login cookie is used up"
        );
    }
    Ok(())
}

async fn the_form_post_callback_reads_forms_only(setup: Setup) -> Result<(), Failure> {
    let setup =
        setup.registration(|registration| registration.response_mode(ResponseMode::FormPost));
    let world = setup.start().await?;
    let browser = world.browser()?;
    let start = browser.get("/me").await?.leads_to()?;
    let form = browser.get(start.as_str()).await?.form_to("/callback")?;
    let body = form.encoded(&[]);
    for kind in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let request = browser
            .request("POST", "/callback")
            .header("content-type", kind);
        let page = request.body(body.clone()).send().await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "unreadable_form"),
            "{kind}"
        );
    }
    let huge = format!("{body}&padding={}", "x".repeat(70_000));
    let form_type = "application/x-www-form-urlencoded";
    let request = browser
        .request("POST", "/callback")
        .header("content-type", form_type);
    let page = request.body(huge).send().await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "unreadable_form")
    );
    let empty = browser
        .request("POST", "/callback")
        .header("content-type", form_type);
    assert_eq!(empty.send().await?.code(), "state_missing");
    let twice = format!("{body}&state=x");
    let request = browser
        .request("POST", "/callback")
        .header("content-type", form_type);
    let page = request.body(twice).send().await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "duplicate_parameter")
    );
    // A query beside the form is not read.
    let request = browser
        .request("POST", &format!("/callback?{body}"))
        .header("content-type", form_type);
    assert_eq!(request.send().await?.code(), "state_missing");
    assert_eq!(world.calls(Endpoint::Token), 0);

    let request = browser.request("POST", "/callback").header(
        "content-type",
        "application/x-www-form-urlencoded; charset=UTF-8",
    );
    let page = request.body(body).send().await?;
    assert_eq!((page.status, page.location.as_deref()), (303, Some("/me")));
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn other_methods_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let page = browser.request(method, callback.as_str()).send().await?;
        assert_eq!(
            (page.status, page.header("allow")),
            (405, "GET, POST"),
            "{method}"
        );
    }
    assert_eq!(world.calls(Endpoint::Token), 0);
    Ok(())
}

async fn every_answer_of_the_callback_is_private(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let refused = world.browser()?.get(callback.as_str()).await?;
    let done = browser.get(callback.as_str()).await?;
    let again = browser.get(callback.as_str()).await?;
    assert_eq!((refused.status, done.status, again.status), (400, 303, 303));
    for page in [refused, done, again] {
        assert!(page.header("cache-control").contains("no-store"), "{page}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{page}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{page}");
    }
    Ok(())
}

async fn a_login_that_took_too_long_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.clock.pass(15 * 60 + 1);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );
    nothing_came_of_it(&world, &page).await
}
