//! Several applications that share a host, a machine, keys or a store, and one that is registered anew.

use latchgate::Provider;
use latchgate_dev_provider::{Client, RegisteredUris};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};

scenarios!(
    ;
    in either keeping:
    two_applications_on_one_host_keep_both_people_signed_in,
    two_applications_on_one_machine_keep_both_people_signed_in,
    an_application_registered_anew_asks_for_a_clean_login,
    applications_with_one_store_end_only_their_own_sessions,
);

const SECRET: &str = "the other application's secret of 32 bytes";

/// The provider knows another client, which people may come back to at this site.
fn knowing_another(setup: Setup, site: Option<&'static str>) -> Setup {
    setup.provider(move |provider| {
        let client = Client::confidential("another", SECRET);
        provider.client(match site {
            None => client,
            Some(site) => client.redirect_uris(RegisteredUris::exactly(format!("{site}/callback"))),
        })
    })
}

/// Registered as that other client.
fn registered_as_another(setup: Setup, world: &World) -> Setup {
    let issuer = world.provider.issuer().to_owned();
    setup.registration(move |_| {
        Provider::new(&issuer, "another")
            .client_secret(SECRET)
            .scopes(["openid", "offline_access"])
    })
}

/// Who an application sees in this browser, wherever it lives under its host.
async fn seen_by(world: &World, browser: &Browser) -> Result<String, Failure> {
    let origin = url::Url::parse(&world.site)?.origin().ascii_serialization();
    let page = world.lead(browser.tab()).get(&format!("{origin}/")).await?;
    Ok(page.body)
}

/// Somebody signs in.
async fn sign_in(world: &World, browser: &Browser, who: &str) -> Result<(), Failure> {
    world.provider.auto_sign_in(Some(who));
    let mut browser = world.lead(browser.tab());
    let page = browser.open("/login?return_to=/me").await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    Ok(())
}

/// Both sign in, each at one application; each signs out on their own.
async fn both_stay(one: &World, other: &World) -> Result<(), Failure> {
    let browser = Browser::new()?;
    sign_in(one, &browser, "alice").await?;
    sign_in(other, &browser, "bob").await?;
    assert_eq!(seen_by(one, &browser).await?, "alice");
    assert_eq!(seen_by(other, &browser).await?, "bob");

    let tab = other.lead(browser.tab());
    let logout = tab.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    assert_eq!(seen_by(one, &browser).await?, "alice");
    assert_eq!(seen_by(other, &browser).await?, "anonymous");
    Ok(())
}

async fn two_applications_on_one_host_keep_both_people_signed_in(
    setup: Setup,
) -> Result<(), Failure> {
    let (shop, blog) = ("https://example.com/shop", "https://example.com/blog");
    let shop = knowing_another(setup, Some(blog))
        .site(shop)
        .start()
        .await?;
    let blog = shop
        .another(|setup| registered_as_another(setup, &shop).site(blog))
        .await?;
    both_stay(&shop, &blog).await
}

/// Two examples that somebody tries, one beside the other: not even their registration differs.
async fn two_applications_on_one_machine_keep_both_people_signed_in(
    setup: Setup,
) -> Result<(), Failure> {
    let one = setup.start().await?;
    let other = one.another(|setup| setup).await?;
    both_stay(&one, &other).await
}

async fn an_application_registered_anew_asks_for_a_clean_login(
    setup: Setup,
) -> Result<(), Failure> {
    let before = knowing_another(setup, None).start().await?;
    let anew = before
        .neighbour(|setup| registered_as_another(setup, &before))
        .await?;
    let browser = before.signed_in().await?;
    let under_way = before.callback(&browser, "/login").await?;

    let mut browser = anew.lead(browser);
    assert_eq!(anew.whoami(&browser).await?, None, "the old session opened");
    let page = browser.get(under_way.as_str()).await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    let page = browser.open("/me").await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    assert_eq!(anew.whoami(&browser).await?.as_deref(), Some("alice"));
    // Nor does the old registration take the new one's session.
    let browser = before.lead(browser);
    assert_eq!(before.whoami(&browser).await?, None);
    Ok(())
}

async fn applications_with_one_store_end_only_their_own_sessions(
    setup: Setup,
) -> Result<(), Failure> {
    let one = knowing_another(setup.sharing_logouts(), None)
        .start()
        .await?;
    let other = one
        .another(|setup| registered_as_another(setup, &one))
        .await?;
    let (here, there) = (one.signed_in().await?, other.signed_in().await?);
    one.gate
        .end_sessions_of(one.provider.issuer(), "alice")
        .await?;
    assert_eq!(one.whoami(&here).await?, None);
    assert_eq!(other.whoami(&there).await?.as_deref(), Some("alice"));
    Ok(())
}
