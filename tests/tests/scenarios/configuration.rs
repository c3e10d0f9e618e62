//! What an application may configure, seen from its front door.

use bytes::Bytes;
use http::{Response, StatusCode};
use latchgate::ClientAuth;
use latchgate_dev_provider::{Client, Endpoint};
use latchgate_tests::{Failure, Setup, Transcript, scenarios};

scenarios!(
    every_way_of_client_authentication_works,
    an_application_under_a_path_has_its_routes_there,
    every_route_and_cookie_may_have_another_name,
    an_application_shows_refusals_its_own_way,
    the_log_says_at_start_what_to_register,
);

fn secret() -> String {
    Client::development()
        .client_secret()
        .unwrap_or_default()
        .to_owned()
}

async fn every_way_of_client_authentication_works(setup: Setup) -> Result<(), Failure> {
    let basic = |auth: &str| auth.starts_with("Basic ");
    for (auth, in_header, in_body) in [
        (ClientAuth::ClientSecretBasic(secret().into()), true, false),
        (ClientAuth::ClientSecretPost(secret().into()), false, true),
        (ClientAuth::None, false, false),
    ] {
        let public = matches!(auth, ClientAuth::None);
        let mut setup = setup
            .clone()
            .registration(move |registration| registration.client_auth(auth.clone()));
        if public {
            setup = setup.provider(|provider| {
                provider.client(Client::public(Client::development().client_id()))
            });
        }
        let world = setup.start().await?;
        let browser = world.signed_in().await?;
        for grant in ["authorization_code", "refresh_token"] {
            let request = world.provider.last_request(Endpoint::Token);
            let request = request.ok_or("no token request")?;
            assert_eq!(request.parameter("grant_type").as_deref(), Some(grant));
            assert_eq!(
                request.header("authorization").is_some_and(basic),
                in_header
            );
            let sent = request.parameter("client_secret");
            assert_eq!(sent, in_body.then(secret));
            assert!(
                !request.path_and_query.contains('?'),
                "{}",
                request.path_and_query
            );
            browser.fetch("POST", "/refresh").await?.json(200)?;
        }
    }
    Ok(())
}

async fn an_application_under_a_path_has_its_routes_there(setup: Setup) -> Result<(), Failure> {
    let world = setup.site("https://app.example.com/shop").start().await?;
    let browser = world.browser()?;
    let start = browser.get("/login?return_to=/shop/basket?x=1").await?;
    let url = start.leads_to()?;
    let redirect_uri = url.query_pairs().find(|(name, _)| name == "redirect_uri");
    let expected = "https://app.example.com/shop/callback";
    assert_eq!(
        redirect_uri.map(|(_, uri)| uri.into_owned()).as_deref(),
        Some(expected)
    );
    let callback = browser.get(url.as_str()).await?.leads_to()?;
    let done = browser.get(callback.as_str()).await?;
    assert_eq!(done.location.as_deref(), Some("/shop/basket?x=1"), "{done}");
    for line in done.set_cookies() {
        assert!(line.contains("; Path=/;"), "{line}");
    }
    let again = browser.get(callback.as_str()).await?;
    assert_eq!(again.location.as_deref(), Some("/shop/"), "{again}");
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    let back = browser
        .get(logout.send().await?.leads_to()?.as_str())
        .await?
        .leads_to()?;
    assert!(
        back.as_str()
            .starts_with("https://app.example.com/shop/?state="),
        "{back}"
    );
    let landed = browser.get(back.as_str()).await?;
    assert_eq!(landed.location.as_deref(), Some("/shop/"));

    // Outside of it nothing is ours.
    let outside = browser.get("https://app.example.com/login").await?;
    assert_eq!(outside.status, 404, "{outside}");
    Ok(())
}

async fn every_route_and_cookie_may_have_another_name(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.login_path("/auth/in")
            .callback_path("/auth/back")
            .logout_path("/auth/out")
            .after_logout_path("/public")
            .cookie_name("sid")
    });
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let page = browser.open("/auth/in?return_to=/me").await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    assert_eq!(browser.names("sid"), ["sid"]);
    for path in ["/login", "/callback", "/logout"] {
        assert_eq!(browser.get(path).await?.status, 404, "{path}");
    }
    let stranger = world.browser()?;
    let problem = stranger
        .request("POST", "/write")
        .header("accept", "text/html");
    let problem = problem.send().await?;
    assert!(
        problem.body.contains("href=\"/auth/in?return_to=%2F\""),
        "{problem}"
    );
    let logout = browser
        .request("POST", "/auth/out")
        .navigation("same-origin");
    let away = logout.send().await?.leads_to()?;
    let landed = browser.open(away.as_str()).await?;
    assert_eq!(
        (landed.body.as_str(), landed.url.query()),
        ("public", None),
        "{landed}"
    );
    assert_eq!(browser.names("sid"), [""; 0]);
    Ok(())
}

async fn an_application_shows_refusals_its_own_way(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.pages(|refusal| {
            let text = format!("Oh no: {} {}", refusal.code, refusal.id);
            let mut page = Response::new(Bytes::from(text));
            *page.status_mut() = StatusCode::IM_A_TEAPOT;
            refusal.html.then_some(page)
        })
    });
    let world = setup.start().await?;
    let page = world.browser()?.get("/callback?state=x").await?;
    assert_eq!(page.status, 418);
    assert!(
        page.body.starts_with("Oh no: no_login_under_way "),
        "{page}"
    );
    assert!(page.header("cache-control").contains("no-store"));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let page = world.browser()?.fetch("GET", "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    Ok(())
}

async fn the_log_says_at_start_what_to_register(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let site = "https://app.example.com/announced";
    let world = setup.stored().site(site).start().await?;
    let text = transcript.text();
    let issuer = format!("issuer=\"{}\"", world.provider.issuer());
    let ours = |line: &&str| line.contains("gate_ready") && line.contains(&issuer);
    let lines: Vec<_> = text.lines().filter(ours).collect();
    let [line] = lines[..] else {
        return Err(format!("{} lines: {lines:#?}", lines.len()).into());
    };
    for said in [
        " INFO ",
        "register these URIs at the provider",
        &format!("redirect_uri=\"{site}/callback\""),
        &format!("post_logout_redirect_uri=\"{site}/\""),
        &format!("backchannel_logout_uri=\"{site}/backchannel-logout\""),
        &format!("frontchannel_logout_uri=\"{site}/frontchannel-logout\""),
        "store=\"SharedStore",
        "cookie=\"__Host-latchgate_announced\"",
    ] {
        assert!(line.contains(said), "{said} is not in {line}");
    }
    Ok(())
}
