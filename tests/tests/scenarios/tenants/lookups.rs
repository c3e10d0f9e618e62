//! How often the application is asked, whatever strangers do.

use latchgate_tests::{Failure, Setup, scenarios};
use tokio::task::JoinSet;

use super::{service, tenant};

scenarios!(
    many_visitors_at_once_are_one_question,
    invented_names_use_up_a_budget_that_tenants_do_not_need,
);

async fn many_visitors_at_once_are_one_question(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let mut visitors = JoinSet::new();
    for _ in 0..40 {
        let browser = service.world.browser()?;
        visitors.spawn(async move {
            let page = browser
                .get("/login/acme")
                .await
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(page.status)
        });
    }
    for status in visitors.join_all().await {
        assert_eq!(status, Ok(303));
    }
    assert_eq!(service.directory.asked(), ["acme"]);
    Ok(())
}

async fn invented_names_use_up_a_budget_that_tenants_do_not_need(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let known = service.signed_in("acme").await?;
    let node = service.world.neighbour(|setup| setup).await?;
    let stranger = node.browser()?;
    service.directory.asked();
    for number in 0..150 {
        let (path, outcome) = match number % 3 {
            0 => (format!("/login/x{number}"), "page"),
            1 => (
                format!("/frontchannel-logout/x{number}?iss=a&sid=b"),
                "frame",
            ),
            _ => (format!("/login/x{number}?return_to=/me"), "page"),
        };
        let page = stranger.get(&path).await?;
        let expected = if number < 100 { 404 } else { 503 };
        assert_eq!(page.status, expected, "{outcome} {number}: {page}");
    }
    assert_eq!(service.directory.asked().len(), 100);
    // A session brings the name of a tenant that there is; then everybody may know it.
    let known = node.lead(known);
    assert_eq!(tenant(&known).await?, "acme alice");
    assert_eq!(stranger.get("/login/acme").await?.status, 303);
    assert_eq!(stranger.get("/login/other").await?.status, 503);
    service.world.clock.pass(1);
    assert_eq!(stranger.get("/login/other").await?.status, 303);
    Ok(())
}
