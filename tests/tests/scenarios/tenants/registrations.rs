//! A session belongs to the registration that it came from: it finds its provider by it, and counts as long as the tenant has
//! it.

use latchgate::Provider;
use latchgate::adapter::{Extract, Verdict};
use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};

use super::{BETA_SECRET, registered, service, tenant};

scenarios!(
    a_login_that_is_under_way_ends_with_its_registration,
    scripts_are_told_of_no_session_that_does_not_count;
    in either keeping:
    a_session_finds_its_provider_on_any_node,
    a_session_counts_as_long_as_its_registration,
    what_lasts_longer_than_a_request_is_told_when_its_registration_ends,
);

async fn a_login_that_is_under_way_ends_with_its_registration(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let world = &service.world;
    let browser = world.browser()?;
    let answer = world.callback(&browser, "/login/acme").await?;
    let moved = Provider::new(world.provider.issuer(), "beta").client_secret(BETA_SECRET);
    service.directory.set("acme", moved);
    world.gate.forget_tenant("acme");
    let page = browser.get(answer.as_str()).await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    assert_eq!(tenant(&browser).await?, "-");
    Ok(())
}

async fn a_session_finds_its_provider_on_any_node(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.signed_in("other").await?;
    let node = service.world.neighbour(|setup| setup).await?;
    let browser = node.lead(browser);
    service.directory.asked();
    // A node that has never heard of the tenant cannot tell whether the session still counts.
    service.directory.is_down(true);
    let page = browser.fetch("GET", "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "tenant_unavailable"),
        "{page}"
    );
    assert!(page.set_cookies().is_empty(), "{page}");
    service.directory.is_down(false);
    service.world.clock.pass(5);
    service.other.reset_calls();
    assert_eq!(tenant(&browser).await?, "other bob");
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(service.other.calls(Endpoint::Token), 1);
    // A third one learns of it when somebody signs out there.
    let node = service.world.neighbour(|setup| setup).await?;
    let browser = node.lead(browser);
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let end = request.send().await?.leads_to()?;
    assert!(end.as_str().starts_with(service.other.issuer()), "{end}");
    let revoked = || service.other.calls(Endpoint::Revocation) == 1;
    node.until("the refresh token is revoked", revoked).await?;
    assert_eq!(tenant(&browser).await?, "-");
    assert_eq!(service.directory.asked(), ["other", "other"]);
    for endpoint in [Endpoint::Token, Endpoint::Revocation] {
        assert_eq!(service.world.calls(endpoint), 0, "{endpoint:?}");
    }
    Ok(())
}

async fn a_session_counts_as_long_as_its_registration(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let (world, directory) = (&service.world, &service.directory);
    let moved = Provider::new(world.provider.issuer(), "beta").client_secret(BETA_SECRET);
    // The application has forgotten the tenant, or its answer is too old by now.
    for forget in [true, false] {
        directory.set("acme", registered(&world.provider));
        world.gate.forget_tenant("acme");
        let browser = service.signed_in("acme").await?;
        let bystander = service.signed_in("other").await?;
        // The same client with other settings.
        directory.set("acme", registered(&world.provider).scopes(["openid"]));
        world.gate.forget_tenant("acme");
        assert_eq!(tenant(&browser).await?, "acme alice");
        directory.set("acme", moved.clone());
        assert_eq!(tenant(&browser).await?, "acme alice");
        match forget {
            true => world.gate.forget_tenant("acme"),
            false => world.clock.pass(300),
        }
        assert_eq!(tenant(&browser).await?, "-");
        assert_eq!(tenant(&bystander).await?, "other bob");
        let page = browser.fetch("GET", "/token").await?;
        assert_eq!(page.status, 401, "{page}");
    }
    // A tenant that is gone has no sessions.
    let browser = service.signed_in("acme").await?;
    directory.remove("acme");
    assert_eq!(tenant(&browser).await?, "acme alice");
    world.gate.forget_tenant("acme");
    assert_eq!(tenant(&browser).await?, "-");
    // Nor have tenants any where there are none.
    let browser = service.signed_in("other").await?;
    let alone = world.neighbour(Setup::without_tenants).await?;
    assert_eq!(alone.whoami(&alone.lead(browser)).await?, None);
    Ok(())
}

async fn what_lasts_longer_than_a_request_is_told_when_its_registration_ends(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let (world, directory) = (&service.world, &service.directory);
    let browser = service.signed_in("acme").await?;
    let cookies = browser.cookies("/")?;
    let cookies: Vec<_> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = http::Request::get("/stream").header("cookie", cookies.join("; "));
    let request = request.body(())?;
    let Verdict::Pass(pass) = world.gate.admit(&request) else {
        return Err("the request is not for the application".into());
    };
    let extract = Extract::new(pass.session(), &request);
    let tokens = extract.api_tokens().await?;
    assert!(!tokens.session_has_ended().await?);
    directory.remove("acme");
    assert!(!tokens.session_has_ended().await?);
    world.gate.forget_tenant("acme");
    assert!(tokens.session_has_ended().await?);
    Ok(())
}

async fn scripts_are_told_of_no_session_that_does_not_count(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.session_path("/session"));
    let service = service(setup).await?;
    let browser = service.signed_in("acme").await?;
    let told = browser.fetch("GET", "/session").await?.json(200)?;
    assert_eq!(told["signed_in"], true, "{told}");
    service.directory.remove("acme");
    service.world.gate.forget_tenant("acme");
    let told = browser.fetch("GET", "/session").await?.json(200)?;
    assert_eq!(told["signed_in"], false, "{told}");
    Ok(())
}
