//! Who has to act when something of a tenant's fails.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Page, Setup, Transcript, scenarios};
use tokio::task::JoinSet;

use super::{service, tenant};

scenarios!(
    an_outage_of_a_tenants_provider_is_that_tenants,
    a_tenants_provider_that_does_not_answer_leaves_room_for_others,
);

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

async fn a_tenants_provider_that_does_not_answer_leaves_room_for_others(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let (world, other) = (&service.world, &service.other);
    let mut arrived = Vec::new();
    for _ in 0..70 {
        let browser = world.browser()?;
        let callback = world.callback(&browser, "/login/other").await?;
        arrived.push((browser, callback));
    }
    other.mischief().answer(Endpoint::Token, Answer::Hang);
    other.reset_calls();
    let mut finishing = JoinSet::new();
    for (browser, callback) in arrived {
        finishing.spawn(async move { browser.get(callback.as_str()).await });
    }
    let asked = || other.calls(Endpoint::Token);
    world
        .until("its places are taken", || asked() == 64)
        .await?;
    let browser = service.signed_in("acme").await?;
    assert_eq!(tenant(&browser).await?, "acme alice");
    assert_eq!(asked(), 64);
    // Then it is the others' turn.
    other.mischief().clear();
    let finished = finishing.join_all().await;
    assert_eq!((finished.len(), asked()), (70, 70));
    Ok(())
}
