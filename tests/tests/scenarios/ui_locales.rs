//! In which languages the provider shows its pages.

use latchgate::LoginOptions;
use latchgate_tests::{Failure, Setup, World, scenarios};
use url::Url;

scenarios!(
    the_browsers_languages_are_passed_on_where_that_is_wanted,
    they_stay_here_where_it_is_not,
    a_handler_and_a_page_of_the_application_decide_before_the_browser,
    another_site_decides_nothing,
    a_choice_of_providers_keeps_the_language,
    whatever_a_browser_sends_a_login_starts,
);

const GERMAN: (&str, &str) = ("accept-language", "en;q=0.5, de-CH, *;q=0.1");

fn from_browser(setup: Setup) -> Setup {
    let setup = setup.gate(|gate| gate.ui_locales_from_browser().initiate_login_path("/start"));
    by_default(setup, "fr")
}

fn by_default(setup: Setup, locales: &'static str) -> Setup {
    setup.registration(move |provider| {
        provider.login_options(LoginOptions::new().ui_locales(locales))
    })
}

fn asked(url: &Url) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(name, _)| name == "ui_locales");
    found.map(|(_, value)| value.into_owned())
}

/// The languages of the login that a navigation from this distance starts.
async fn start(
    world: &World,
    path: &str,
    site: &str,
    language: (&str, &str),
) -> Result<Option<String>, Failure> {
    let browser = world.browser()?;
    let request = browser.request("GET", path).navigation(site);
    let page = request.header(language.0, language.1).send().await?;
    Ok(asked(&page.leads_to()?))
}

async fn the_browsers_languages_are_passed_on_where_that_is_wanted(
    setup: Setup,
) -> Result<(), Failure> {
    let world = from_browser(setup).start().await?;
    let initiated = format!("/start?iss={}", world.provider.issuer());
    for path in ["/login", "/me", "/admin", "/keep", &initiated] {
        let locales = start(&world, path, "none", GERMAN).await?;
        assert_eq!(locales.as_deref(), Some("de-CH en"), "{path}");
        for nothing in ["*", "de;q=0", "", "<b>"] {
            let locales = start(&world, path, "none", ("accept-language", nothing)).await?;
            assert_eq!(locales.as_deref(), Some("fr"), "{path}: {nothing}");
        }
    }
    Ok(())
}

async fn they_stay_here_where_it_is_not(setup: Setup) -> Result<(), Failure> {
    let world = setup.clone().start().await?;
    for path in ["/login", "/me"] {
        assert_eq!(start(&world, path, "none", GERMAN).await?, None, "{path}");
    }
    let world = by_default(setup, "fr").start().await?;
    for path in ["/login", "/me"] {
        let locales = start(&world, path, "none", GERMAN).await?;
        assert_eq!(locales.as_deref(), Some("fr"), "{path}");
    }
    Ok(())
}

async fn a_handler_and_a_page_of_the_application_decide_before_the_browser(
    setup: Setup,
) -> Result<(), Failure> {
    let world = from_browser(setup).start().await?;
    let locales = start(&world, "/switch", "none", GERMAN).await?;
    assert_eq!(locales.as_deref(), Some("de en"));
    let locales = start(&world, "/login?ui_locales=it+rm", "same-origin", GERMAN).await?;
    assert_eq!(locales.as_deref(), Some("it rm"));
    let browser = world.browser()?;
    let form = browser
        .request("POST", "/login")
        .navigation("same-origin")
        .header(GERMAN.0, GERMAN.1);
    let page = form.form(&[("ui_locales", "it")]).send().await?;
    assert_eq!(asked(&page.leads_to()?).as_deref(), Some("it"));
    Ok(())
}

async fn another_site_decides_nothing(setup: Setup) -> Result<(), Failure> {
    let world = from_browser(setup).start().await?;
    for (path, site) in [
        ("/login?ui_locales=it", "cross-site"),
        ("/login?ui_locales=it", "same-site"),
        ("/login?ui_locales=it%0d%0aX:y", "same-origin"),
        ("/login?ui_locales=%22%3E%3Cscript%3E", "same-origin"),
        ("/login?ui_locales=", "same-origin"),
    ] {
        let locales = start(&world, path, site, GERMAN).await?;
        assert_eq!(locales.as_deref(), Some("de-CH en"), "{path} {site}");
    }
    let initiated = format!("/start?iss={}&ui_locales=it", world.provider.issuer());
    let locales = start(&world, &initiated, "cross-site", GERMAN).await?;
    assert_eq!(locales.as_deref(), Some("de-CH en"));
    Ok(())
}

async fn a_choice_of_providers_keeps_the_language(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|one| one.name("one")).gate(|gate| {
        let two = latchgate::Provider::new("https://two.example", "my-app").client_secret("x");
        gate.provider(two.name("two"))
    });
    let world = setup.start().await?;
    let browser = world.browser()?;
    let request = browser.request("GET", "/login?ui_locales=it");
    let page = request.navigation("same-origin").send().await?;
    let link = "href=\"/login/one?return_to=%2F&amp;ui_locales=it\"";
    assert!(page.body.contains(link), "{page}");
    let path = "/login/one?return_to=%2F&ui_locales=it";
    let locales = start(&world, path, "same-origin", GERMAN).await?;
    assert_eq!(locales.as_deref(), Some("it"));
    Ok(())
}

async fn whatever_a_browser_sends_a_login_starts(setup: Setup) -> Result<(), Failure> {
    let world = from_browser(setup).start().await?;
    let long = format!("de,{}", "en-GB;q=0.9,".repeat(600));
    for odd in [&*long, "de;q=9999999999999999999999", ";;;=,,;q"] {
        let locales = start(&world, "/me", "none", ("accept-language", odd)).await?;
        assert_eq!(locales.as_deref(), Some("fr"), "{odd:?}");
    }
    Ok(())
}
