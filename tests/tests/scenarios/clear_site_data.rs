//! What browsers are asked to forget when somebody signs out (W3C Clear Site Data).

use latchgate::ClearSiteData;
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};

scenarios!(browsers_forget_what_they_are_asked_to);

async fn sign_out(browser: &Browser) -> Result<Page, Failure> {
    let request = browser.request("POST", "/logout").navigation("same-origin");
    Ok(request.send().await?)
}

async fn browsers_forget_what_they_are_asked_to(setup: Setup) -> Result<(), Failure> {
    let plain = setup.clone().start().await?;
    let page = sign_out(&plain.signed_in().await?).await?;
    assert_eq!(page.header("clear-site-data"), "");
    let setup =
        setup.gate(|gate| gate.clear_site_data([ClearSiteData::Storage, ClearSiteData::Cache]));
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let refused = browser.request("POST", "/logout").navigation("cross-site");
    assert_eq!(refused.send().await?.header("clear-site-data"), "");
    assert_eq!(browser.get("/me").await?.header("clear-site-data"), "");
    let page = sign_out(&browser).await?;
    assert_eq!(page.status, 303, "{page}");
    assert_eq!(page.header("clear-site-data"), "\"cache\", \"storage\"");
    // The logout's own cookie has to come back.
    let back = browser.get(page.leads_to()?.as_str()).await?.leads_to()?;
    assert_eq!(browser.get(back.as_str()).await?.status, 303);
    Ok(())
}
