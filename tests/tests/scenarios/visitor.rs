//! What the application keeps for visitors who are not signed in: it lasts from page to page, moves into the session at a
//! login, and nobody else can put anything there.

use std::time::Duration;

use latchgate::{LoginRejection, ResponseMode, User, Visitor};
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, KEY, OLD_KEY, Page, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    a_value_lasts_from_page_to_page_and_costs_nothing_elsewhere,
    its_cookie_has_the_attributes_of_a_session,
    a_message_is_shown_once,
    garbage_and_other_cookies_count_as_nothing,
    it_ends_with_its_lifetime_and_after_a_year,
    what_is_too_large_is_refused_and_what_was_there_stays,
    a_page_elsewhere_changes_nothing,
    new_keys_seal_it_again,
    another_application_cannot_read_it;
    in either keeping:
    a_login_takes_it_into_the_session,
    a_posted_answer_takes_it_too,
    a_login_that_fails_leaves_it,
    a_login_that_somebody_else_began_is_offered_nothing,
    a_silent_login_is_offered_nothing,
    a_login_by_the_application_takes_it_too,
    without_the_hook_it_stays_until_somebody_signs_out,
);

/// Whoever signs in takes their cart along, and the browser keeps their language.
fn shopping(setup: Setup) -> Setup {
    setup.gate(|gate| {
        gate.on_login_with_visitor(async |user: User, visitor: Visitor| {
            let cart: Vec<u64> = visitor.get("cart").unwrap_or_default();
            if let Some(language) = visitor.get::<String>("language") {
                visitor.set("language", &language)?;
            }
            if cart.contains(&13) {
                return Err(LoginRejection::forbidden("thirteen"));
            }
            Ok(Count {
                number: cart.iter().sum(),
                ..Count::of(user.subject())
            })
        })
    })
}

fn cookie(world: &World) -> String {
    format!("{}-visitor", world.session_cookie())
}

async fn set(browser: &Browser, query: &str) -> Result<Page, Failure> {
    let page = browser.fetch("POST", &format!("/visitor{query}")).await?;
    assert_eq!(page.status, 204, "{page}");
    Ok(page)
}

async fn value(browser: &Browser, name: &str) -> Result<Value, Failure> {
    let path = format!("/visitor?{name}");
    Ok(browser.fetch("GET", &path).await?.json(200)?)
}

/// What the session has of the cart.
async fn in_session(browser: &Browser) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", "/count").await?.json(200)?["number"].clone())
}

async fn a_value_lasts_from_page_to_page_and_costs_nothing_elsewhere(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let name = cookie(&world);
    let page = browser.fetch("GET", "/visitor?cart").await?;
    assert_eq!(page.json(200)?, Value::Null);
    // The page depends on the cookie, and nothing is set.
    assert_eq!(page.header("vary"), "cookie");
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert_eq!(browser.names(&name), [""; 0]);

    let page = set(&browser, "?cart=[7,8]&language=%22de%22").await?;
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert_eq!(value(&browser, "cart").await?, json!([7, 8]));
    assert_eq!(value(&browser, "language").await?, "de");
    assert_eq!(value(&browser, "other").await?, Value::Null);

    for path in ["/public", "/cached"] {
        let page = browser.get(path).await?;
        assert!(page.sets(&name).is_empty(), "{path}");
    }
    assert_eq!(browser.get("/public").await?.header("vary"), "");
    // Who only reads gets no cookie either.
    let page = browser.fetch("GET", "/visitor?cart").await?;
    assert!(page.sets(&name).is_empty());

    set(&browser, "?language=").await?;
    assert_eq!(value(&browser, "language").await?, Value::Null);
    let page = set(&browser, "").await?;
    assert!(page.clears(&name), "{page}");
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn its_cookie_has_the_attributes_of_a_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.site("https://app.example.com").start().await?;
    let browser = world.browser()?;
    let page = set(&browser, "?cart=[7]").await?;
    let lines = page.sets("__Host-latchgate-visitor");
    let [line] = &lines[..] else {
        return Err(format!("not one cookie: {lines:?}").into());
    };
    let attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000";
    assert!(line.ends_with(attributes), "{line}");
    Ok(())
}

async fn a_message_is_shown_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]&flash=%22Saved.%22").await?;
    let shown = browser.fetch("GET", "/visitor/once?flash").await?;
    assert_eq!(shown.json(200)?, "Saved.");
    let shown = browser.fetch("GET", "/visitor/once?flash").await?;
    assert_eq!(shown.json(200)?, Value::Null);
    assert!(shown.sets(&cookie(&world)).is_empty());
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    Ok(())
}

async fn garbage_and_other_cookies_count_as_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let signed_in = world.signed_in().await?;
    let session = signed_in.cookie(world.session_cookie()).unwrap_or_default();
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    let genuine = browser.cookie(&cookie(&world)).unwrap_or_default();
    assert!(!session.is_empty() && !genuine.is_empty());
    let shorter = &genuine[..genuine.len() - 1];
    for planted in ["", "garbage", &session, shorter] {
        browser.plant(&cookie(&world), planted)?;
        assert_eq!(value(&browser, "cart").await?, Value::Null, "{planted}");
    }
    // Nor is it a session, or anything else of ours.
    browser.plant(world.session_cookie(), &genuine)?;
    assert_eq!(world.whoami(&browser).await?, None);
    browser.plant(&cookie(&world), &genuine)?;
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    Ok(())
}

async fn it_ends_with_its_lifetime_and_after_a_year(setup: Setup) -> Result<(), Failure> {
    const DAY: u64 = 24 * 3_600;
    let world = setup
        .gate(|gate| gate.visitor_lifetime(Duration::from_secs(100 * DAY)))
        .start()
        .await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    world.clock.pass(100 * DAY - 1);
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    world.clock.pass(1);
    assert_eq!(value(&browser, "cart").await?, Value::Null);

    // Each change begins anew, for a year.
    set(&browser, "?cart=[8]").await?;
    for _ in 0..4 {
        world.clock.pass(90 * DAY);
        set(&browser, "?language=%22de%22").await?;
    }
    assert_eq!(value(&browser, "cart").await?, json!([8]));
    world.clock.pass(5 * DAY);
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    Ok(())
}

async fn what_is_too_large_is_refused_and_what_was_there_stays(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    let long = format!("/visitor?cart=%22{}%22", "x".repeat(2_048));
    let page = browser.fetch("POST", &long).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "visitor_data_too_large"),
        "{page}"
    );
    assert!(page.sets(&cookie(&world)).is_empty());
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    Ok(())
}

async fn a_page_elsewhere_changes_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .gate(|gate| {
            gate.csrf_protection()
                .trusted_origins(["https://pay.example"])
        })
        .start()
        .await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    let post = async |query: &str, origin: &str| {
        let request = browser.request("POST", &format!("/visitor{query}"));
        let request = request.header("origin", origin);
        request
            .header("sec-fetch-site", "cross-site")
            .header("cookie", "")
            .send()
            .await
    };
    let page = post("?cart=[9]", "https://evil.example").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (403, "visitor_data_cross_site"),
        "{page}"
    );
    for query in ["", "?cart="] {
        let page = post(query, "https://evil.example").await?;
        assert_eq!(page.status, 204, "{page}");
        assert!(page.sets(&cookie(&world)).is_empty(), "{query}");
    }
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    assert_eq!(post("?cart=[9]", "https://pay.example").await?.status, 204);
    assert_eq!(value(&browser, "cart").await?, json!([9]));
    Ok(())
}

async fn new_keys_seal_it_again(setup: Setup) -> Result<(), Failure> {
    let world = setup.keys(&[OLD_KEY]).start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    let rotated = world.neighbour(|setup| setup.keys(&[KEY, OLD_KEY])).await?;
    let browser = rotated.lead(browser);
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    let retired = world.neighbour(|setup| setup.keys(&[KEY])).await?;
    let browser = retired.lead(browser);
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    Ok(())
}

async fn another_application_cannot_read_it(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7]").await?;
    let genuine = browser.cookie(&cookie(&world)).unwrap_or_default();
    let other = world.another(|setup| setup).await?;
    let browser = other.browser()?;
    browser.plant(&cookie(&other), &genuine)?;
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    Ok(())
}

async fn a_login_takes_it_into_the_session(setup: Setup) -> Result<(), Failure> {
    let world = shopping(setup).start().await?;
    let mut browser = world.browser()?;
    set(&browser, "?cart=[7,8]&language=%22de%22").await?;
    let page = world.visit(&mut browser, "/count").await?;
    assert_eq!(page.json(200)?["number"], 15);
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    assert_eq!(value(&browser, "language").await?, "de");

    // Who signs in once more brings what there is by then, and nothing from before.
    set(&browser, "?cart=[1]").await?;
    world.visit(&mut browser, "/keep").await?;
    assert_eq!(in_session(&browser).await?, 1);
    set(&browser, "?language=").await?;
    assert_eq!(browser.names(&cookie(&world)), [""; 0]);
    Ok(())
}

async fn a_posted_answer_takes_it_too(setup: Setup) -> Result<(), Failure> {
    let setup = shopping(setup)
        .site("https://app.example.com")
        .registration(|provider| provider.response_mode(ResponseMode::FormPost));
    let world = setup.start().await?;
    for (cart, number) in [("[7,8]", 15), ("", 0)] {
        let mut browser = world.browser()?;
        set(&browser, &format!("?cart={cart}&language=%22de%22")).await?;
        world.visit(&mut browser, "/me").await?;
        assert_eq!(in_session(&browser).await?, number);
        assert_eq!(value(&browser, "cart").await?, Value::Null);
        assert_eq!(value(&browser, "language").await?, "de");
    }
    // A browser without anything signs in, too.
    let mut browser = world.browser()?;
    world.visit(&mut browser, "/me").await?;
    assert_eq!(in_session(&browser).await?, 0);
    assert_eq!(browser.names(&cookie(&world)), [""; 0]);
    // The largest does not fit beside a long page to return to: it is not offered, and the login works.
    let mut browser = world.browser()?;
    let padding = "x".repeat(2_000);
    set(&browser, &format!("?cart=[7]&padding=%22{padding}%22")).await?;
    let page = world.visit(&mut browser, &format!("/me?{padding}")).await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(in_session(&browser).await?, 0);
    assert_eq!(value(&browser, "cart").await?, json!([7]));
    Ok(())
}

async fn a_login_that_fails_leaves_it(setup: Setup) -> Result<(), Failure> {
    let world = shopping(setup).start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[13]&language=%22de%22").await?;
    let page = sign_in(&browser, &browser.get("/me").await?).await?;
    assert_eq!((page.status, page.code().as_str()), (403, "login_refused"));
    assert_eq!(value(&browser, "cart").await?, json!([13]));
    assert_eq!(value(&browser, "language").await?, "de");
    Ok(())
}

/// Follows a login that has begun, to the session.
async fn sign_in(browser: &Browser, start: &Page) -> Result<Page, Failure> {
    let at_provider = start.leads_to()?;
    let callback = browser.get(at_provider.as_str()).await?.leads_to()?;
    Ok(browser.get(callback.as_str()).await?)
}

async fn a_login_that_somebody_else_began_is_offered_nothing(setup: Setup) -> Result<(), Failure> {
    let world = shopping(setup)
        .gate(|gate| gate.initiate_login_path("/login/initiate"))
        .start()
        .await?;
    let initiate = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", world.provider.issuer())
        .finish();
    let initiate = format!("/login/initiate?{initiate}");
    for (path, site) in [
        ("/me", "cross-site"),
        ("/me", "same-site"),
        ("/login?return_to=/me", "cross-site"),
        (initiate.as_str(), "none"),
    ] {
        let browser = world.browser()?;
        set(&browser, "?cart=[7,8]").await?;
        let start = browser.request("GET", path).navigation(site).send().await?;
        let page = sign_in(&browser, &start).await?;
        assert_eq!(page.status, 303, "{path} {site}: {page}");
        assert_eq!(in_session(&browser).await?, 0, "{path} {site}");
        assert_eq!(
            value(&browser, "cart").await?,
            json!([7, 8]),
            "{path} {site}"
        );
    }
    for (path, site) in [
        ("/me", "none"),
        ("/me", "same-origin"),
        ("/login?return_to=/me", "same-origin"),
    ] {
        let browser = world.browser()?;
        set(&browser, "?cart=[7,8]").await?;
        let start = browser.request("GET", path).navigation(site).send().await?;
        sign_in(&browser, &start).await?;
        assert_eq!(in_session(&browser).await?, 15, "{path} {site}");
    }
    Ok(())
}

async fn a_silent_login_is_offered_nothing(setup: Setup) -> Result<(), Failure> {
    let world = shopping(setup).start().await?;
    let browser = world.signed_in().await?;
    browser.remove(world.session_cookie())?;
    set(&browser, "?cart=[7,8]").await?;
    let start = browser.get("/silent?then=/me").await?;
    let page = sign_in(&browser, &start).await?;
    assert_eq!(page.status, 303, "{page}");
    assert_eq!(in_session(&browser).await?, 0);
    assert_eq!(value(&browser, "cart").await?, json!([7, 8]));
    Ok(())
}

async fn a_login_by_the_application_takes_it_too(setup: Setup) -> Result<(), Failure> {
    let world = shopping(setup).start().await?;
    let browser = world.browser()?;
    set(&browser, "?cart=[7,8]&language=%22de%22").await?;
    let page = browser.fetch("POST", "/password?42").await?;
    assert_eq!(page.status, 303, "{page}");
    assert_eq!(in_session(&browser).await?, 15);
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    assert_eq!(value(&browser, "language").await?, "de");
    Ok(())
}

async fn without_the_hook_it_stays_until_somebody_signs_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    set(&browser, "?cart=[7,8]").await?;
    world.visit(&mut browser, "/me").await?;
    assert_eq!(value(&browser, "cart").await?, json!([7, 8]));
    let page = browser.fetch("POST", "/logout").await?;
    assert!(page.clears(&cookie(&world)), "{page}");
    assert_eq!(value(&browser, "cart").await?, Value::Null);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}
