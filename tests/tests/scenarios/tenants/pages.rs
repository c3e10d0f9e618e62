//! Pages of tenants: a session of one tenant never counts at another's.

use latchgate::Tenants;
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};

use super::{Service, service_with, tenant};

scenarios!(
    a_page_of_a_tenant_that_does_not_exist_is_not_found,
    whoever_has_to_authenticate_again_does_so_at_the_tenant,
    a_session_that_has_ended_says_so_at_its_own_tenant_only;
    in either keeping:
    a_session_of_one_tenant_is_none_at_another,
);

/// Pages belong to whom the header says, as if a proxy set it.
fn by_header(tenants: Tenants) -> Tenants {
    tenants.of_pages(|page| page.header("x-tenant").map(str::to_owned))
}

/// A page of a tenant's, by a link.
async fn at(browser: &Browser, tenant: &str, path: &str) -> Result<Page, Failure> {
    let request = browser.request("GET", path).navigation("none");
    Ok(request.header("x-tenant", tenant).send().await?)
}

async fn service(setup: Setup) -> Result<Service, Failure> {
    service_with(setup, by_header).await
}

async fn a_session_of_one_tenant_is_none_at_another(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.signed_in("acme").await?;
    // Where nothing says whose page it is, and at home.
    assert_eq!(tenant(&browser).await?, "acme alice");
    assert_eq!(at(&browser, "acme", "/me").await?.status, 200);
    // `beta` has the same provider, and there the same person.
    for (name, issuer) in [
        ("beta", service.world.provider.issuer()),
        ("other", service.other.issuer()),
    ] {
        let start = at(&browser, name, "/me").await?;
        assert!(
            start.sets(service.world.session_cookie()).is_empty(),
            "{start}"
        );
        let start = start.leads_to()?;
        assert!(start.as_str().starts_with(issuer), "{start}");
        let callback = format!("/callback/{name}");
        let uri = start.query_pairs().find(|(name, _)| name == "redirect_uri");
        assert!(
            uri.is_some_and(|(_, uri)| uri.ends_with(&callback)),
            "{start}"
        );
        let page = at(&browser, name, "/tenant").await?;
        assert_eq!(page.body, "-", "{page}");
        for path in ["/token", "/me", "/admin"] {
            let request = browser.request("GET", path).fetch();
            let page = request.header("x-tenant", name).send().await?;
            // A script is told of the tenant's own login.
            assert_eq!(page.json(401)?["login"], format!("/login/{name}"), "{page}");
            assert!(page.set_cookies().is_empty(), "{page}");
        }
    }
    // Nothing has become of it.
    assert_eq!(tenant(&browser).await?, "acme alice");
    assert_eq!(at(&browser, "acme", "/tenant").await?.body, "acme alice");
    Ok(())
}

async fn a_page_of_a_tenant_that_does_not_exist_is_not_found(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.signed_in("acme").await?;
    for name in ["nobody", "NOBODY", "a/b", ""] {
        let page = at(&browser, name, "/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (404, "tenant_unknown"),
            "{page}"
        );
        // A page that anybody may see is the application's business.
        assert_eq!(at(&browser, name, "/tenant").await?.body, "-");
    }
    Ok(())
}

async fn whoever_has_to_authenticate_again_does_so_at_the_tenant(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.signed_in("other").await?;
    service.world.clock.pass(400);
    for start in [
        at(&browser, "other", "/recent").await?,
        browser.get("/recent").await?,
    ] {
        let start = start.leads_to()?;
        assert!(
            start.as_str().starts_with(service.other.issuer()),
            "{start}"
        );
        assert!(
            start
                .query()
                .is_some_and(|query| query.contains("max_age=300")),
            "{start}"
        );
    }
    Ok(())
}

async fn a_session_that_has_ended_says_so_at_its_own_tenant_only(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.signed_in("acme").await?;
    service.world.clock.pass(24 * 3_600);
    let page = at(&browser, "beta", "/ended").await?;
    assert_eq!(page.body, "-", "{page}");
    assert!(page.set_cookies().is_empty(), "{page}");
    let page = at(&browser, "acme", "/ended").await?;
    assert_eq!(page.body, "idle", "{page}");
    assert!(page.clears(service.world.session_cookie()), "{page}");
    Ok(())
}
