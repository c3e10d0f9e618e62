//! What is asked of the provider, and that nobody but the application's own code decides it.

use latchgate::{AuthorizationDetails, ClaimRequest, ClaimsRequest, ResponseMode};
use latchgate_tests::{Failure, Setup, scenarios};
use url::Url;

scenarios!(
    the_request_has_every_parameter_exactly_once,
    state_nonce_and_challenge_are_new_every_time,
    configuration_decides_audience_resources_and_further_parameters,
    a_handlers_wishes_are_sent_and_checked,
    the_query_of_the_login_page_changes_nothing_but_the_way_back,
    the_redirect_uri_never_comes_from_headers,
);

fn values(url: &Url, name: &str) -> Vec<String> {
    url.query_pairs()
        .filter(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// The names of a URL's parameters, in order.
pub(crate) fn names(url: &Url) -> Vec<String> {
    let mut names: Vec<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    names.sort();
    names
}

async fn the_request_has_every_parameter_exactly_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let start = world.browser()?.get("/login").await?;
    assert_eq!(start.status, 303);
    let url = start.leads_to()?;
    let issuer = world.provider.issuer();
    assert_eq!(
        url.as_str().split('?').next(),
        Some(format!("{issuer}/authorize").as_str())
    );
    let expected = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!(names(&url), expected);
    assert_eq!(values(&url, "response_type"), ["code"]);
    assert_eq!(values(&url, "code_challenge_method"), ["S256"]);
    assert_eq!(values(&url, "client_id"), [world.provider.client_id()]);
    assert_eq!(
        values(&url, "redirect_uri"),
        [format!("{}/callback", world.site)]
    );
    assert_eq!(
        values(&url, "scope"),
        ["openid profile email offline_access"]
    );
    for name in ["state", "nonce", "code_challenge"] {
        let value = values(&url, name).concat();
        let plain = value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        assert!(value.len() == 43 && plain, "{name}: {value}");
    }
    Ok(())
}

async fn state_nonce_and_challenge_are_new_every_time(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let url = browser.get("/login").await?.leads_to()?;
        for name in ["state", "nonce", "code_challenge"] {
            seen.extend(values(&url, name));
        }
    }
    let drawn = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((drawn, seen.len()), (15, 15));
    Ok(())
}

async fn configuration_decides_audience_resources_and_further_parameters(
    setup: Setup,
) -> Result<(), Failure> {
    let details: AuthorizationDetails = r#"[{"type":"account_information"}]"#.parse()?;
    let setup = setup.registration(move |registration| {
        registration
            .scopes(["openid", "email"])
            .audience("https://api.example.com/?a=b&c")
            .resource("https://one.example/")
            .resource("https://two.example/")
            .response_mode(ResponseMode::FormPost)
            .parameter("organization", "org 1")
            .claims(ClaimsRequest::new().id_token("acr", ClaimRequest::essential()))
            .authorization_details(details.clone())
    });
    let world = setup.start().await?;
    let url = world.browser()?.get("/me").await?.leads_to()?;
    assert_eq!(values(&url, "scope"), ["openid email"]);
    assert_eq!(values(&url, "audience"), ["https://api.example.com/?a=b&c"]);
    assert_eq!(
        values(&url, "resource"),
        ["https://one.example/", "https://two.example/"]
    );
    assert_eq!(values(&url, "response_mode"), ["form_post"]);
    assert_eq!(values(&url, "organization"), ["org 1"]);
    assert_eq!(
        values(&url, "claims"),
        [r#"{"id_token":{"acr":{"essential":true}}}"#]
    );
    let details = r#"[{"type":"account_information"}]"#;
    assert_eq!(values(&url, "authorization_details"), [details]);
    let own = world.browser()?.get("/switch").await?.leads_to()?;
    let details = r#"[{"amount":"1.50","type":"payment"}]"#;
    assert_eq!(values(&own, "authorization_details"), [details]);
    Ok(())
}

async fn a_handlers_wishes_are_sent_and_checked(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.parameter("organization", "other"));
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let url = browser.get("/switch").await?.leads_to()?;
    for (name, value) in [
        ("prompt", "login"),
        ("login_hint", "alice@example.com"),
        ("ui_locales", "de en"),
        ("acr_values", "urn:example:gold"),
        ("max_age", "600"),
        ("organization", "org_123 & more"),
    ] {
        assert_eq!(values(&url, name), [value], "{url}");
    }
    let page = world.visit(&mut browser, "/switch").await?;
    assert_eq!(page.url.as_str(), format!("{}/me?switched=1", world.site));
    assert_eq!(page.json(200)?["acr"], "urn:example:gold");

    // `max_age` was asked for, so an `auth_time` beyond it is refused.
    let long_ago = world.clock.now() - 3_600;
    world.mischief().on_id_token(move |_, claims| {
        claims.insert("auth_time".to_owned(), long_ago.into());
    });
    let page = world.visit(&mut browser, "/switch").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "id_token_auth_time")
    );
    Ok(())
}

async fn the_query_of_the_login_page_changes_nothing_but_the_way_back(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let plain = world.browser()?.get("/login").await?.leads_to()?;
    let injected = "/login?scope=admin&redirect_uri=https%3A%2F%2Fevil.example%2Fcb&client_id=evil&acr_values=0&prompt=none\
        &max_age=1&response_type=token&response_mode=fragment&claims=%7B%7D&authorization_details=%5B%5D&resource=urn:x&state=fixed&nonce=fixed&code_challenge=fixed\
        &return_to=/x%3Fredirect_uri%3Dhttps%3A%2F%2Fevil.example%26scope%3Dadmin%26client_id%3Devil";
    let browser = world.browser()?;
    let url = browser.get(injected).await?.leads_to()?;
    assert_eq!(names(&url), names(&plain));
    for name in ["scope", "redirect_uri", "client_id", "response_type"] {
        assert_eq!(values(&url, name), values(&plain, name));
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(values(&url, name), ["fixed"]);
    }
    let callback = browser.get(url.as_str()).await?.leads_to()?;
    let landed = browser.get(callback.as_str()).await?;
    assert_eq!(
        landed.location.as_deref(),
        Some("/x?redirect_uri=https://evil.example&scope=admin&client_id=evil")
    );
    Ok(())
}

async fn the_redirect_uri_never_comes_from_headers(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "444"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-uri", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        for path in ["/login", "/me"] {
            let browser = world.browser()?;
            let request = browser.request("GET", path).navigation("none");
            let page = request.header(name, value).send().await?;
            let url = page.leads_to()?;
            assert_eq!(
                values(&url, "redirect_uri"),
                [format!("{}/callback", world.site)],
                "{name}"
            );
            assert!(!url.as_str().contains("evil"), "{url}");
        }
    }
    Ok(())
}
