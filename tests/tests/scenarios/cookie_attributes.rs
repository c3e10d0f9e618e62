//! How cookies are set, and that no cache ever keeps one.

use latchgate_tests::{Failure, Page, Setup, World, app, scenarios};

scenarios!(
    an_https_site_has_host_cookies,
    a_cross_site_form_finds_its_login_cookie,
    ;
    in either keeping:
    cookies_are_for_this_host_and_no_script,
    every_answer_with_a_cookie_is_private,
    a_streamed_answer_carries_its_cookie,
);

fn attributes(line: &str) -> Vec<String> {
    let mut attributes: Vec<String> = line
        .split(';')
        .skip(1)
        .map(|part| part.trim().to_owned())
        .collect();
    attributes.retain(|part| !part.starts_with("Max-Age") && !part.starts_with("Expires"));
    attributes.sort();
    attributes
}

/// Everything that sets or clears a cookie on the way in and out.
async fn all_lines(world: &World) -> Result<Vec<Page>, Failure> {
    let browser = world.browser()?;
    let start = browser.get("/me").await?;
    let callback = browser.get(start.leads_to()?.as_str()).await?.leads_to()?;
    let done = browser.get(callback.as_str()).await?;
    world.clock.pass(4 * 3_600);
    let renewed = browser.get("/me").await?;
    let logout = browser
        .request("POST", "/logout")
        .header("sec-fetch-site", "same-origin");
    let logout = logout.send().await?;
    browser.plant(world.session_cookie(), "garbage")?;
    let cleared = browser.get("/").await?;
    Ok(vec![start, done, renewed, logout, cleared])
}

async fn cookies_are_for_this_host_and_no_script(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for page in all_lines(&world).await? {
        assert!(!page.set_cookies().is_empty(), "{page}");
        for line in page.set_cookies() {
            assert_eq!(
                attributes(line),
                ["HttpOnly", "Path=/", "SameSite=Lax"],
                "{line}"
            );
            assert!(line.contains("Max-Age="), "{line}");
        }
    }
    Ok(())
}

async fn an_https_site_has_host_cookies(setup: Setup) -> Result<(), Failure> {
    let world = setup.site("https://app.example.com").start().await?;
    for page in all_lines(&world).await? {
        assert!(!page.set_cookies().is_empty(), "{page}");
        for line in page.set_cookies() {
            assert!(line.starts_with("__Host-latchgate"), "{line}");
            assert_eq!(
                attributes(line),
                ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
            );
        }
    }
    Ok(())
}

async fn a_cross_site_form_finds_its_login_cookie(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .site("https://app.example.com")
        .registration(|registration| registration.response_mode(latchgate::ResponseMode::FormPost));
    let world = setup.start().await?;
    let page = world.browser()?.get("/me").await?;
    for line in page.set_cookies() {
        assert_eq!(
            attributes(line),
            ["HttpOnly", "Path=/", "SameSite=None", "Secure"]
        );
    }
    let browser = world.signed_in().await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn every_answer_with_a_cookie_is_private(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for page in all_lines(&world).await? {
        assert!(page.header("cache-control").contains("no-store"), "{page}");
    }
    let browser = world.signed_in().await?;
    for path in ["/me", "/boom", "/stream", "/cached", "/admin", "/"] {
        world.clock.pass(4 * 3_600);
        let page = browser.get(path).await?;
        assert_eq!(page.sets(world.session_cookie()).len(), 1, "{path}");
        assert_eq!(page.headers.get_all("cache-control").iter().count(), 1);
        assert_eq!(page.header("cache-control"), "private, no-store", "{path}");
        // What a delivery network obeys instead.
        let targeted = match path {
            "/cached" => "no-store",
            _ => "",
        };
        assert_eq!(page.header("cdn-cache-control"), targeted, "{path}");
        assert!(
            page.header("vary").to_lowercase().contains("cookie"),
            "{path}"
        );
    }
    // Without a cookie to set, what the handler said about its own page stands.
    let page = browser.get("/cached").await?;
    assert_eq!(page.header("cache-control"), "public, s-maxage=600");
    assert_eq!(page.header("cdn-cache-control"), "max-age=600");
    let page = browser.get("/me").await?;
    assert_eq!(page.header("cache-control"), "private, no-store");
    Ok(())
}

async fn a_streamed_answer_carries_its_cookie(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.clock.pass(4 * 3_600);
    let page = browser.get("/stream").await?;
    assert_eq!(page.body, app::CHUNKS.concat());
    assert_eq!(page.sets(world.session_cookie()).len(), 1);
    world.clock.pass(4 * 3_600);
    let page = browser.get("/boom").await?;
    assert_eq!(
        (page.status, page.sets(world.session_cookie()).len()),
        (500, 1)
    );
    Ok(())
}
