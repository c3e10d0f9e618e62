//! What the scripts of a page can do: read who is signed in, learn where to sign in, and sign out.

use std::time::Duration;

use latchgate::Provider;
use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use serde_json::{Value, json};
use url::Url;

scenarios!(
    the_claims_are_those_that_the_application_chose,
    nobody_reads_it_unless_it_is_switched_on,
    other_methods_read_nothing,
    a_script_is_told_where_to_sign_in,
    a_script_comes_back_to_where_it_was,
    without_a_logout_page_the_script_goes_home,
    a_script_is_known_by_its_mode_or_by_what_it_accepts;
    in either keeping:
    a_script_reads_who_is_signed_in_and_until_when,
    asking_is_not_using,
    what_has_not_changed_is_not_sent_again,
    a_script_signs_out_and_is_told_where_to_go_on,
    another_sites_script_signs_nobody_out,
);

fn on(setup: Setup) -> Setup {
    setup.gate(|gate| gate.session_path("/session"))
}

async fn session(browser: &Browser) -> Result<Value, Failure> {
    let page = browser.fetch("GET", "/session").await?;
    assert_eq!(page.header("cache-control"), "no-store", "{page}");
    assert_eq!(page.header("vary"), "cookie");
    assert_eq!(page.header("content-type"), "application/json");
    Ok(page.json(200)?)
}

async fn a_script_reads_who_is_signed_in_and_until_when(setup: Setup) -> Result<(), Failure> {
    let idle = Duration::from_secs(600);
    let setup = setup.gate(move |gate| gate.session_lifetimes(idle, 10 * idle));
    let world = on(setup).start().await?;
    let nobody = json!({ "signed_in": false, "ended": null, "login": "/login" });
    assert_eq!(session(&world.browser()?).await?, nobody);
    let browser = world.signed_in().await?;
    let begun = world.clock.now();
    let shown = session(&browser).await?;
    assert_eq!(shown["signed_in"], true);
    assert_eq!(shown["claims"]["sub"], "alice");
    assert_eq!(shown["ends_at"], begun + 600);
    assert_eq!(shown["ends_at_latest"], begun + 6_000);
    assert_eq!(
        (&shown["login"], &shown["logout"]),
        (&json!("/login"), &json!("/logout"))
    );
    let token = world.token(&browser).await?;
    let token = token["access_token"].as_str().unwrap_or_default();
    assert!(!token.is_empty() && !shown.to_string().contains(token));
    Ok(())
}

async fn the_claims_are_those_that_the_application_chose(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.session_claims(["sub", "iss", "no_such_claim"]));
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    let shown = session(&browser).await?;
    let expected = json!({ "sub": "alice", "iss": world.provider.issuer() });
    assert_eq!(shown["claims"], expected);
    Ok(())
}

async fn asking_is_not_using(setup: Setup) -> Result<(), Failure> {
    let idle = Duration::from_secs(600);
    let setup = setup.gate(move |gate| gate.session_lifetimes(idle, 10 * idle));
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    let refreshes = world.calls(Endpoint::Token);
    world.clock.pass(599);
    let page = browser.fetch("GET", "/session").await?;
    assert_eq!(page.json(200)?["signed_in"], true);
    assert_eq!(page.set_cookies(), [""; 0]);
    world.clock.pass(1);
    let shown = session(&browser).await?;
    assert_eq!(shown["signed_in"], false, "{shown}");
    assert_eq!(world.calls(Endpoint::Token), refreshes);
    Ok(())
}

async fn what_has_not_changed_is_not_sent_again(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    let page = browser.fetch("GET", "/session").await?;
    let tag = page.header("etag").to_owned();
    assert!(tag.len() > 20, "{page}");
    let again = async |tag: &str| -> Result<Page, Failure> {
        let request = browser.request("GET", "/session").fetch();
        Ok(request.header("if-none-match", tag).send().await?)
    };
    for known in [tag.clone(), format!("\"other\", W/{tag}")] {
        let page = again(&known).await?;
        assert_eq!((page.status, page.body.as_str()), (304, ""), "{known}");
        assert_eq!(page.header("etag"), tag);
        assert_eq!(page.header("cache-control"), "no-store");
    }
    assert_eq!(again("\"other\"").await?.status, 200);
    browser.fetch("POST", "/logout").await?;
    assert_eq!(again(&tag).await?.json(200)?["signed_in"], false);
    Ok(())
}

async fn nobody_reads_it_unless_it_is_switched_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    assert_eq!(browser.fetch("GET", "/session").await?.status, 404);
    Ok(())
}

async fn other_methods_read_nothing(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    for method in ["POST", "DELETE", "PUT"] {
        let page = browser.fetch(method, "/session").await?;
        assert_eq!(
            (page.status, page.header("allow")),
            (405, "GET"),
            "{method}"
        );
    }
    Ok(())
}

async fn a_script_is_told_where_to_sign_in(setup: Setup) -> Result<(), Failure> {
    let own_page = setup.clone().gate(|gate| gate.sign_in_page("/welcome"));
    for (setup, login) in [(setup, "/login"), (own_page, "/welcome")] {
        let world = on(setup).start().await?;
        let browser = world.browser()?;
        let problem = browser.fetch("GET", "/me").await?.json(401)?;
        assert_eq!(problem["login"], login);
        assert_eq!(session(&browser).await?["login"], login);
    }
    Ok(())
}

/// The login URL is a path without a query: a script adds its own place, whatever that is.
async fn a_script_comes_back_to_where_it_was(setup: Setup) -> Result<(), Failure> {
    let world = setup.clone().start().await?;
    let named = setup.registration(|one| one.name("one")).gate(|gate| {
        let two = Provider::new("https://two.example", "my-app").client_secret("x");
        gate.provider(two.name("two"))
    });
    let named = named.start().await?;
    for (world, path, login) in [
        (&world, "/me", "/login"),
        (&named, "/me", "/login"),
        (&named, "/switch", "/login"),
    ] {
        let browser = world.browser()?;
        let problem = browser.fetch("GET", path).await?.json(401)?;
        assert_eq!(problem["login"], login, "{path}");
    }
    let browser = world.browser()?;
    let here = "/app/r%C3%A4ume?q=a%20b&x=%26#/tab/2?y=1";
    let mut login = Url::parse(&world.site)?.join("/login")?;
    login.query_pairs_mut().append_pair("return_to", here);
    let callback = world.callback(&browser, login.as_str()).await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.location.as_deref(), Some(here), "{page}");
    Ok(())
}

async fn a_script_signs_out_and_is_told_where_to_go_on(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let mut browser = world.signed_in().await?;
    let page = browser.fetch("POST", "/logout").await?;
    assert!(page.clears(world.session_cookie()));
    assert!(page.header("cache-control").contains("no-store"));
    let told = page.json(200)?;
    let location = told["location"].as_str().unwrap_or_default();
    assert!(location.starts_with(world.provider.issuer()), "{told}");
    assert!(location.contains("id_token_hint="), "{told}");
    assert_eq!(session(&browser).await?["signed_in"], false);
    // The page goes there, and comes back as after any other logout.
    let page = browser.open(location).await?;
    assert_eq!(page.url.as_str(), format!("{}/", world.site));
    assert_eq!(world.provider.sessions().len(), 0);
    Ok(())
}

async fn another_sites_script_signs_nobody_out(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    for site in ["cross-site", "same-site"] {
        let request = browser.request("POST", "/logout");
        let request = request.headers(&[("sec-fetch-mode", "cors"), ("sec-fetch-site", site)]);
        let page = request.send().await?;
        // Signing in does not cure this.
        assert_eq!(page.json(403)?["login"], Value::Null, "{site}");
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn without_a_logout_page_the_script_goes_home(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let told = |world: &World| {
        let browser = world.browser();
        async move { Ok::<_, Failure>(browser?.fetch("POST", "/logout").await?.json(200)?) }
    };
    world.provider_down();
    assert_eq!(told(&world).await?, json!({ "location": "/" }));
    Ok(())
}

async fn a_script_is_known_by_its_mode_or_by_what_it_accepts(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let ours = ("sec-fetch-site", "same-origin");
    let html = ("accept", "text/html,application/json;q=0.9");
    for (headers, status) in [
        (vec![ours, ("sec-fetch-mode", "cors")], 200),
        (vec![("accept", "application/json")], 200),
        (vec![("x-requested-with", "XMLHttpRequest")], 200),
        (vec![ours, ("sec-fetch-mode", "navigate"), html], 303),
        (vec![html], 303),
        (vec![], 303),
    ] {
        let browser = world.signed_in().await?;
        let request = browser.request("POST", "/logout").headers(&headers);
        let page = request.send().await?;
        assert_eq!(page.status, status, "{headers:?}: {page}");
        assert_eq!(world.whoami(&browser).await?, None);
    }
    Ok(())
}
