//! Logins that a third party starts: OpenID Connect Core 1.0 §4.

use latchgate_tests::{Browser, Failure, Page, Setup, Transcript, World, scenarios};
use url::Url;

scenarios!(
    a_portal_starts_a_login_and_says_where_to_go,
    a_form_starts_one_too_and_the_logins_under_way_are_counted,
    only_an_issuer_of_the_gate_is_accepted,
    it_leads_nowhere_but_into_the_application,
    it_is_off_until_it_is_switched_on,
    only_navigations_start_one,
    whoever_starts_a_login_decides_nothing_else;
    in either keeping:
    somebody_who_is_signed_in_gets_one_session_in_place_of_the_other,
);

const PORTAL: &str = "https://portal.example";

fn on(setup: Setup) -> Setup {
    setup.gate(|gate| gate.initiate_login_path("/login/initiate"))
}

fn link(iss: &str, more: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", iss)
        .extend_pairs(more)
        .finish();
    format!("/login/initiate?{query}")
}

async fn follow(browser: &Browser, link: &str) -> Result<Page, Failure> {
    let request = browser.request("GET", link).navigation("cross-site");
    Ok(request
        .header("referer", format!("{PORTAL}/"))
        .send()
        .await?)
}

fn value(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// Where somebody arrives who follows a link of the portal's.
async fn landing(world: &World, link: &str) -> Result<Url, Failure> {
    let browser = world.browser()?;
    let start = follow(&browser, link).await?.leads_to()?;
    let answer = browser.get(start.as_str()).await?.leads_to()?;
    Ok(browser.get(answer.as_str()).await?.leads_to()?)
}

async fn a_portal_starts_a_login_and_says_where_to_go(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let uri = world.gate.initiate_login_uri();
    assert_eq!(uri, Some(format!("{}/login/initiate", world.site)));
    let mut browser = world.browser()?;
    let target = format!("{}/me?tab=1#top", world.site);
    let more = [
        ("login_hint", "alice@example.com"),
        ("target_link_uri", &*target),
    ];
    let link = link(world.provider.issuer(), &more);
    let page = follow(&browser, &link).await?;
    assert_eq!(page.header("cache-control"), "no-store");
    let start = page.leads_to()?;
    assert_eq!(
        value(&start, "login_hint").as_deref(),
        Some("alice@example.com")
    );
    let page = browser.open(&link).await?;
    assert_eq!((page.status, page.url.as_str()), (200, &*target), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_form_starts_one_too_and_the_logins_under_way_are_counted(
    setup: Setup,
) -> Result<(), Failure> {
    let world = on(setup.site("https://app.example.com")).start().await?;
    let browser = world.browser()?;
    let fields = [
        ("iss", world.provider.issuer()),
        ("login_hint", "alice"),
        ("target_link_uri", "https://app.example.com/me"),
    ];
    for _ in 0..9 {
        let request = browser
            .request("POST", "/login/initiate")
            .navigation("cross-site")
            .header("origin", PORTAL)
            // A browser sends no `Lax` cookies with this form.
            .header("cookie", "");
        let page = request.form(&fields).send().await?;
        assert_eq!((page.status, page.set_cookies().len()), (303, 0), "{page}");
        let again = page.leads_to()?;
        let start = follow(&browser, again.as_str()).await?.leads_to()?;
        assert_eq!(value(&start, "login_hint").as_deref(), Some("alice"));
        let answer = browser.get(start.as_str()).await?.leads_to()?;
        assert_eq!(value(&answer, "error"), None, "{answer}");
    }
    let under_way = browser.names(world.login_cookies()).len();
    assert!(under_way <= 5, "{under_way} logins are under way");
    let request = browser.request("POST", "/login/initiate");
    let page = request
        .navigation("cross-site")
        .body("iss=x")
        .send()
        .await?;
    assert_eq!(page.code(), "unreadable_form", "{page}");
    Ok(())
}

async fn only_an_issuer_of_the_gate_is_accepted(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = on(setup).start().await?;
    let browser = world.browser()?;
    let issuer = world.provider.issuer();
    let unknown = [
        format!("{issuer}/"),
        issuer.to_uppercase(),
        format!("{issuer}.evil.example"),
        "https://evil.example/initiated".to_owned(),
        world.site.clone(),
    ];
    for iss in &unknown {
        let page = follow(&browser, &link(iss, &[])).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "initiate_login_iss"),
            "{page}"
        );
        assert!(page.location.is_none() && page.set_cookies().is_empty());
        assert!(!page.body.contains("evil"), "{page}");
        assert!(
            page.body.contains("href=\"/login?return_to=%2F\""),
            "{page}"
        );
    }
    let log = transcript.text();
    let cause = "names the issuer `https://evil.example/initiated`";
    assert!(log.contains(cause), "the log does not say why");
    for (path, code) in [
        ("/login/initiate".to_owned(), "initiate_login_iss"),
        ("/login/initiate?iss=".to_owned(), "initiate_login_iss"),
        (
            format!("{}&iss={issuer}", link(issuer, &[])),
            "duplicate_parameter",
        ),
    ] {
        let page = follow(&browser, &path).await?;
        assert_eq!((page.status, page.code().as_str()), (400, code), "{page}");
    }
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn it_leads_nowhere_but_into_the_application(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let issuer = world.provider.issuer();
    let home = format!("{}/", world.site);
    let port = world.site.rsplit(':').next().unwrap_or_default().to_owned();
    for target in [
        "https://evil.example/",
        "//evil.example/x",
        "/\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        &format!("{}.evil.example/x", world.site),
        &format!("{}@evil.example/x", world.site),
        &format!("http://x@127.0.0.1:{port}/me"),
        &format!("https://127.0.0.1:{port}/me"),
        &format!("{}//evil.example", world.site),
        &format!("{}/\\evil.example", world.site),
        &format!("{}/login/initiate?iss={issuer}", world.site),
        "/login/initiate",
        "/logout",
        "",
    ] {
        let path = link(issuer, &[("target_link_uri", target)]);
        let url = landing(&world, &path).await?;
        assert_eq!(url.as_str(), home, "{target:?}");
    }
    for target in ["/me?x=1", &format!("{}/me?x=1", world.site)] {
        let path = link(issuer, &[("target_link_uri", target)]);
        let url = landing(&world, &path).await?;
        assert_eq!(url.as_str(), format!("{}/me?x=1", world.site), "{target:?}");
    }
    assert_eq!(landing(&world, &link(issuer, &[])).await?.as_str(), home);
    Ok(())
}

async fn it_is_off_until_it_is_switched_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    assert_eq!(world.gate.initiate_login_uri(), None);
    let path = link(world.provider.issuer(), &[]);
    let page = follow(&world.browser()?, &path).await?;
    assert_eq!((page.status, page.set_cookies().len()), (404, 0), "{page}");
    Ok(())
}

async fn only_navigations_start_one(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = world.browser()?;
    let path = link(world.provider.issuer(), &[]);
    let page = browser.fetch("GET", &path).await?;
    assert_eq!(page.code(), "not_a_navigation", "{page}");
    let framed = browser
        .request("GET", &path)
        .headers(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]);
    let page = framed.send().await?;
    assert_eq!(page.code(), "not_a_navigation", "{page}");
    let page = browser.request("PUT", &path).send().await?;
    assert_eq!((page.status, page.header("allow")), (405, "GET, POST"));
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn whoever_starts_a_login_decides_nothing_else(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let more = [
        ("prompt", "none"),
        ("max_age", "0"),
        ("acr_values", "0"),
        ("scope", "admin"),
        ("redirect_uri", "https://evil.example/"),
        ("state", "fixed"),
        ("return_to", "/me"),
        ("remember", "yes"),
    ];
    let browser = world.browser()?;
    let path = link(world.provider.issuer(), &more);
    let start = follow(&browser, &path).await?.leads_to()?;
    let plain = world.browser()?.get("/login").await?.leads_to()?;
    let names = super::authorization_request::names;
    assert_eq!(names(&start), names(&plain));
    assert_eq!(value(&start, "scope"), value(&plain, "scope"));
    assert_ne!(value(&start, "state").as_deref(), Some("fixed"));
    // Another browser cannot finish the login: it is bound to the one that followed the link.
    let answer = browser.get(start.as_str()).await?.leads_to()?;
    let page = world.browser()?.get(answer.as_str()).await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    Ok(())
}

async fn somebody_who_is_signed_in_gets_one_session_in_place_of_the_other(
    setup: Setup,
) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.signed_in().await?;
    let before = browser.clone();
    world.provider.auto_sign_in(Some("bob"));
    let path = link(world.provider.issuer(), &[("target_link_uri", "/me")]);
    // Until the login is finished, nothing changes.
    follow(&browser, &path).await?.leads_to()?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    let page = browser.open(&path).await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("bob"));
    assert_eq!(world.whoami(&before).await?, None, "Alice's session ended");
    Ok(())
}
