//! An application that lives under a path of its host, with and without a proxy that takes the path off.

use latchgate::BasePath;
use latchgate_tests::{Failure, Setup, Transcript, World, scenarios};
use url::Url;

scenarios!(
    ;
    in either keeping:
    a_proxy_that_strips_the_path_is_named,
    a_proxy_may_strip_the_path,
    a_path_that_arrives_is_the_applications_own,
);

const SITE: &str = "https://example.test/app";

/// What a proxy that strips the path makes of a URL of the application.
fn stripped(url: &Url) -> Result<String, Failure> {
    let path = url.as_str().strip_prefix(SITE);
    let path = path.ok_or_else(|| format!("{url} is not below {SITE}"))?;
    Ok(format!("https://example.test{path}"))
}

/// Starts a login at `/app/me`, of which `/me` arrives, and says how the browser comes back.
async fn back_from_login(world: &World) -> Result<(latchgate_tests::Browser, String), Failure> {
    let browser = world.browser()?;
    let callback = world
        .callback(&browser, "https://example.test/me?page=2")
        .await?;
    assert_eq!(callback.path(), "/app/callback");
    Ok((browser, stripped(&callback)?))
}

async fn a_proxy_that_strips_the_path_is_named(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.site(SITE).start().await?;
    let (browser, arriving) = back_from_login(&world).await?;
    let page = browser.get(&arriving).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "base_path_stripped"),
        "{page}"
    );
    assert!(
        !page.body.contains("proxy"),
        "visitors cannot mend it: {page}"
    );
    let log = transcript.text();
    assert!(
        log.contains("arrived at `/callback`: a proxy removes the base URL's path"),
        "{log}"
    );
    assert!(log.contains("LATCHGATE_BASE_PATH=stripped"), "{log}");

    // Nobody else's callback is taken for ours: another login of the application's, or a stranger.
    for (browser, url) in [
        (
            &browser,
            "https://example.test/callback?state=of-another&code=x",
        ),
        (&browser, "https://example.test/callback"),
        (&world.browser()?, arriving.as_str()),
    ] {
        assert_eq!(browser.get(url).await?.status, 404, "{url}");
    }
    Ok(())
}

async fn a_proxy_may_strip_the_path(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.base_path(BasePath::Stripped));
    let world = setup.site(SITE).start().await?;
    let (browser, arriving) = back_from_login(&world).await?;
    let page = browser.get(&arriving).await?;
    assert_eq!(page.leads_to()?.as_str(), format!("{SITE}/me?page=2"));
    let home = browser.get("https://example.test/").await?;
    assert_eq!(home.body, "alice");

    // Links and forms of the application's say where they lead in the browser.
    let login = browser.get("https://example.test/login?return_to=/app/me");
    let callback = browser.get(login.await?.leads_to()?.as_str()).await?;
    let back = browser.get(&stripped(&callback.leads_to()?)?).await?;
    assert_eq!(back.leads_to()?.as_str(), format!("{SITE}/me"));
    let logout = browser.request("POST", "https://example.test/logout");
    let page = logout.navigation("same-origin").send().await?;
    let ended = browser.get(page.leads_to()?.as_str()).await?;
    let home = browser.get(&stripped(&ended.leads_to()?)?).await?;
    assert_eq!(home.leads_to()?.as_str(), format!("{SITE}/"));
    assert_eq!(
        browser.get("https://example.test/").await?.body,
        "anonymous"
    );
    Ok(())
}

async fn a_path_that_arrives_is_the_applications_own(setup: Setup) -> Result<(), Failure> {
    let world = setup.site(SITE).start().await?;
    let browser = world.browser()?;
    let callback = world
        .callback(&browser, "https://example.test/me?page=2")
        .await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.leads_to()?.path(), "/me");
    Ok(())
}
