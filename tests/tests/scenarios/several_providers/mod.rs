//! Two providers in one gate: each signs people in by its own routes, and neither can pass for the other.

use latchgate::{GateBuilder, Provider};
use latchgate_dev_provider::{DevProvider, DevProviderBuilder, Endpoint};
use latchgate_tests::{Browser, Failure, Setup, TestClock, World, scenarios};
use std::sync::{Arc, OnceLock};

mod initiated;
mod linked;
mod logout;
mod mix_up;
mod silent;

scenarios!(
    a_visitor_chooses_a_provider,
    a_form_with_a_prompt_keeps_it,
    an_address_leads_to_the_provider_that_claims_its_domain,
    the_applications_own_page_gets_whoever_has_to_sign_in,
    a_page_that_needs_a_login_itself_is_not_visited_for_ever;
    in either keeping:
    each_provider_signs_people_in_by_its_own_routes,
    whatever_concerns_a_session_goes_to_its_own_provider,
    another_provider_beside_the_first_signs_nobody_out,
    somebody_who_signs_in_again_goes_to_the_same_provider,
);

/// A world whose own provider is `corp`, and another one, `guests`, where Bob signs in.
struct Two {
    world: World,
    guests: DevProvider,
}

fn corp(setup: Setup) -> Setup {
    setup.registration(|corp| {
        corp.name("corp")
            .label("Corporate <account>")
            .email_domain("corp.example")
    })
}

fn with_guests(setup: Setup, guests: &DevProvider) -> Setup {
    let (issuer, secret) = (
        guests.issuer().to_owned(),
        guests.client_secret().to_owned(),
    );
    let client = guests.client_id().to_owned();
    setup.gate(move |gate: GateBuilder| {
        let scopes = ["openid", "profile", "email", "offline_access"];
        let guests = Provider::new(&issuer, &client)
            .client_secret(secret.as_str())
            .scopes(scopes);
        gate.provider(guests.name("guests"))
    })
}

/// Another provider, in the world's own time once that is known.
pub(crate) async fn guests(
    alter: impl FnOnce(DevProviderBuilder) -> DevProviderBuilder,
) -> Result<(DevProvider, Arc<OnceLock<TestClock>>), Failure> {
    let time: Arc<OnceLock<TestClock>> = Arc::default();
    let now = Arc::clone(&time);
    let clock = Arc::new(move || now.get().map_or(0, TestClock::now));
    let guests = alter(DevProvider::builder().clock(clock)).start().await?;
    guests.auto_sign_in(Some("bob"));
    Ok((guests, time))
}

async fn two(setup: Setup) -> Result<Two, Failure> {
    let (guests, time) = guests(|guests| guests).await?;
    let world = with_guests(corp(setup), &guests).start().await?;
    let _ = time.set(world.clock.clone());
    Ok(Two { world, guests })
}

impl Two {
    async fn signed_in(&self, provider: &str) -> Result<Browser, Failure> {
        let mut browser = self.world.browser()?;
        let page = browser
            .open(&format!("/login/{provider}?return_to=/me"))
            .await?;
        assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
        Ok(browser)
    }
}

async fn claims(browser: &Browser) -> Result<serde_json::Value, Failure> {
    Ok(browser.fetch("GET", "/me").await?.json(200)?)
}

async fn each_provider_signs_people_in_by_its_own_routes(setup: Setup) -> Result<(), Failure> {
    let two = two(setup).await?;
    let corp = two.world.provider.issuer();
    for (name, issuer, who) in [
        ("corp", corp, "alice"),
        ("guests", two.guests.issuer(), "bob"),
    ] {
        let browser = two.world.browser()?;
        let start = browser
            .get(&format!("/login/{name}?return_to=/me"))
            .await?
            .leads_to()?;
        assert!(start.as_str().starts_with(issuer), "{start}");
        let sent: std::collections::HashMap<_, _> = start.query_pairs().into_owned().collect();
        let redirect_uri = format!("{}/callback/{name}", two.world.site);
        assert_eq!(sent["redirect_uri"], redirect_uri);
        let answer = browser.get(start.as_str()).await?.leads_to()?;
        assert!(answer.as_str().starts_with(&redirect_uri), "{answer}");
        let page = browser.get(answer.as_str()).await?;
        assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
        let claims = claims(&browser).await?;
        assert_eq!(
            (claims["iss"].as_str(), claims["sub"].as_str()),
            (Some(issuer), Some(who))
        );
    }
    // Only providers that there are have routes.
    for path in [
        "/login/nobody",
        "/login/corp/",
        "/callback/nobody",
        "/login/CORP",
    ] {
        let page = two.world.browser()?.get(path).await?;
        assert_eq!(page.status, 404, "{path}: {page}");
    }
    Ok(())
}

async fn a_visitor_chooses_a_provider(setup: Setup) -> Result<(), Failure> {
    let two = two(setup).await?;
    let mut browser = two.world.browser()?;
    let page = browser.get("/me?a=b&c=%22").await?;
    assert_eq!(
        page.location.as_deref(),
        Some("/login?return_to=%2Fme%3Fa%3Db%26c%3D%2522"),
        "{page}"
    );
    let page = browser.open("/me?a=b&c=%22").await?;
    assert_eq!((page.status, page.url.path()), (200, "/login"), "{page}");
    let [corp, guests] = [
        "Continue with Corporate &lt;account&gt;",
        "Continue with guests",
    ];
    let (first, second) = (page.body.find(corp), page.body.find(guests));
    assert!(first.is_some() && first < second, "{page}");
    assert!(!page.body.contains("<script"), "{page}");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.set_cookies().is_empty(), "{page}");
    let link = "href=\"/login/guests?return_to=%2Fme%3Fa%3Db%26c%3D%2522\"";
    assert!(page.body.contains(link), "{page}");
    let page = browser
        .open("/login/guests?return_to=%2Fme%3Fa%3Db%26c%3D%2522")
        .await?;
    assert_eq!(
        (page.url.path(), page.url.query()),
        ("/me", Some("a=b&c=%22")),
        "{page}"
    );
    // A script learns that somebody has to sign in, as ever.
    let page = two.world.browser()?.fetch("GET", "/me").await?;
    assert_eq!(page.status, 401, "{page}");
    // The choice of the page itself is no frame's and no script's.
    let page = two.world.browser()?.fetch("GET", "/login").await?;
    assert_eq!(page.code(), "not_a_navigation", "{page}");
    Ok(())
}

async fn a_form_with_a_prompt_keeps_it(setup: Setup) -> Result<(), Failure> {
    let two = two(setup).await?;
    let browser = two.world.browser()?;
    let form = [("return_to", "/me"), ("prompt", "login")];
    let request = browser
        .request("POST", "/login")
        .navigation("same-origin")
        .form(&form);
    let page = request.send().await?;
    assert_eq!(page.status, 200, "{page}");
    let form = page.form_to("/login/guests")?;
    let encoded = form.encoded(&[]);
    assert!(
        encoded.contains("prompt=login") && encoded.contains("return_to=%2Fme"),
        "{encoded}"
    );
    let request = browser
        .request("POST", "/login/guests")
        .navigation("same-origin");
    let page = request.form(&[("prompt", "login")]).send().await?;
    let start = page.leads_to()?;
    assert!(start.as_str().starts_with(two.guests.issuer()), "{start}");
    assert!(
        start
            .query()
            .is_some_and(|query| query.contains("prompt=login")),
        "{start}"
    );
    Ok(())
}

async fn an_address_leads_to_the_provider_that_claims_its_domain(
    setup: Setup,
) -> Result<(), Failure> {
    let two = two(setup).await?;
    let browser = two.world.browser()?;
    for address in ["alice@corp.example", "Alice@CORP.example"] {
        let path = format!("/login?return_to=/me&login_hint={address}");
        let start = browser.get(&path).await?.leads_to()?;
        assert!(
            start.as_str().starts_with(two.world.provider.issuer()),
            "{start}"
        );
        let hint = start.query_pairs().find(|(name, _)| name == "login_hint");
        assert_eq!(
            hint.map(|(_, hint)| hint.into_owned()).as_deref(),
            Some(address)
        );
    }
    for address in [
        "bob@other.example",
        "bob@sub.corp.example",
        "bob@evilcorp.example",
        "corp.example",
        "@",
        "",
    ] {
        let page = browser.get(&format!("/login?login_hint={address}")).await?;
        assert_eq!(page.status, 200, "{address}: {page}");
        assert!(
            page.body
                .contains("No login service is set up for that address."),
            "{page}"
        );
    }
    // A provider that does not claim the domain is told no address that a link has brought.
    let start = browser
        .get("/login/guests?login_hint=alice@corp.example")
        .await?
        .leads_to()?;
    assert!(start.as_str().starts_with(two.guests.issuer()), "{start}");
    assert!(
        !start
            .query()
            .is_some_and(|query| query.contains("login_hint")),
        "{start}"
    );
    Ok(())
}

async fn the_applications_own_page_gets_whoever_has_to_sign_in(
    setup: Setup,
) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.sign_in_page("/public"));
    let one = setup.clone().start().await?;
    let two = two(setup).await?;
    for world in [&one, &two.world] {
        let page = world.browser()?.get("/me?a=b").await?;
        let expected = "/public?return_to=%2Fme%3Fa%3Db";
        assert_eq!(page.location.as_deref(), Some(expected), "{page}");
    }
    // The only provider needs no choice; of two, one has to be chosen.
    let start = one
        .browser()?
        .get("/login?return_to=/me")
        .await?
        .leads_to()?;
    assert!(start.as_str().starts_with(one.provider.issuer()), "{start}");
    let page = two.world.browser()?.get("/login?return_to=/me").await?;
    assert_eq!(
        page.location.as_deref(),
        Some("/public?return_to=%2Fme"),
        "{page}"
    );
    two.signed_in("guests").await?;
    Ok(())
}

async fn a_page_that_needs_a_login_itself_is_not_visited_for_ever(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.gate(|gate| gate.sign_in_page("/me")).start().await?;
    let mut browser = world.browser()?;
    let page = browser.open("/admin").await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    Ok(())
}

async fn whatever_concerns_a_session_goes_to_its_own_provider(setup: Setup) -> Result<(), Failure> {
    let two = two(setup).await?;
    let browser = two.signed_in("guests").await?;
    two.world.provider.reset_calls();
    two.guests.reset_calls();
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(two.guests.calls(Endpoint::Token), 1);
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let end = request.send().await?.leads_to()?;
    assert!(end.as_str().starts_with(two.guests.issuer()), "{end}");
    let revoked = || two.guests.calls(Endpoint::Revocation) == 1;
    two.world
        .until("the refresh token is revoked", revoked)
        .await?;
    let back = browser.get(end.as_str()).await?.leads_to()?;
    assert_eq!(back.path(), "/", "{back}");
    assert_eq!(two.world.whoami(&browser).await?, None);
    let asked = [Endpoint::Token, Endpoint::Revocation, Endpoint::EndSession];
    for endpoint in asked {
        assert_eq!(two.world.calls(endpoint), 0, "{endpoint:?}");
    }
    // Nobody is signed in: it is not known where there might be a session.
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.location.as_deref(), Some("/"));
    Ok(())
}

async fn another_provider_beside_the_first_signs_nobody_out(setup: Setup) -> Result<(), Failure> {
    let (guests, time) = guests(|guests| guests).await?;
    let alone = corp(setup).start().await?;
    let _ = time.set(alone.clock.clone());
    let both = alone.neighbour(|setup| with_guests(setup, &guests)).await?;
    let browser = alone.browser()?;
    let answer = alone.callback(&browser, "/login?return_to=/me").await?;
    let browser = both.lead(browser);
    assert_eq!(
        browser.get(answer.as_str()).await?.location.as_deref(),
        Some("/me")
    );
    let browser = alone.lead(browser);
    assert_eq!(alone.whoami(&browser).await?.as_deref(), Some("alice"));
    // A session of a provider that this node does not have is none.
    let mut bobs = both.browser()?;
    bobs.open("/login/guests?return_to=/me").await?;
    assert_eq!(both.whoami(&bobs).await?.as_deref(), Some("bob"));
    assert_eq!(alone.whoami(&alone.lead(bobs)).await?, None);
    Ok(())
}

async fn somebody_who_signs_in_again_goes_to_the_same_provider(
    setup: Setup,
) -> Result<(), Failure> {
    let two = two(setup.gate(|gate| gate.sign_in_page("/public"))).await?;
    let browser = two.signed_in("guests").await?;
    two.world.clock.pass(400);
    let start = browser.get("/recent").await?.leads_to()?;
    assert!(start.as_str().starts_with(two.guests.issuer()), "{start}");
    assert!(
        start
            .query()
            .is_some_and(|query| query.contains("max_age=300")),
        "{start}"
    );
    Ok(())
}
