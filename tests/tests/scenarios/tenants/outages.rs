//! Who has to act when something of a tenant's fails.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Page, Setup, Transcript, scenarios};

use super::service;

scenarios!(an_outage_of_a_tenants_provider_is_that_tenants);

async fn an_outage_of_a_tenants_provider_is_that_tenants(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let service = service(setup).await?;
    let browser = service.world.browser()?;
    let line = |page: &Page| {
        let (id, log) = (page.id()?, transcript.text());
        let line = log.lines().find(|line| line.contains(&*id));
        Ok::<_, Failure>(line.ok_or("nothing is logged")?.trim().to_owned())
    };
    // Where nothing can begin.
    service.world.provider_down();
    let page = browser.get("/login/acme?return_to=/me").await?;
    assert_eq!((page.status, &*page.code()), (503, "provider_unreachable"));
    let logged = line(&page)?;
    assert!(
        logged.contains(" WARN ") && logged.contains("tenant=\"acme\""),
        "{logged}"
    );
    // What the application does wrong is not the tenant's.
    service.directory.is_down(true);
    let page = browser.get("/login/unheard-of").await?;
    assert_eq!(&*page.code(), "tenant_unavailable", "{page}");
    let failed = transcript.text();
    let failed = failed
        .lines()
        .find(|line| line.contains("tenant_not_resolved") && line.contains("unheard-of"));
    assert!(failed.is_some_and(|line| line.contains("ERROR ")));
    // Where it cannot end.
    service.directory.is_down(false);
    service.world.mischief().clear();
    service.world.clock.pass(60);
    let start = browser.get("/login/acme?return_to=/me").await?.leads_to()?;
    let callback = browser.get(start.as_str()).await?.leads_to()?;
    service
        .world
        .mischief()
        .answer(Endpoint::Token, Answer::Drop);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!((page.status, &*page.code()), (503, "provider_unreachable"));
    let logged = line(&page)?;
    assert!(
        logged.contains(" WARN ") && logged.contains("tenant=\"acme\""),
        "{logged}"
    );
    Ok(())
}
