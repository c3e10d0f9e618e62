//! Silent logins, where there is more than one provider to ask.

use std::time::Duration;

use super::*;

scenarios!(
    the_provider_where_somebody_signed_in_before_is_asked,
    nobody_is_asked_where_nobody_has_signed_in,
);

async fn with_silent_logins(setup: Setup) -> Result<Two, Failure> {
    two(setup.gate(|gate| gate.silent_login(Duration::from_secs(3_600)))).await
}

async fn the_provider_where_somebody_signed_in_before_is_asked(
    setup: Setup,
) -> Result<(), Failure> {
    let two = with_silent_logins(setup).await?;
    let mut browser = two.signed_in("guests").await?;
    browser.remove(two.world.session_cookie())?;
    assert_eq!(browser.get("/").await?.status, 200, "not yet again");
    two.world.clock.pass(3_600);
    let start = browser.clone().get("/").await?.leads_to()?;
    assert!(start.as_str().starts_with(two.guests.issuer()), "{start}");
    let page = browser.open("/").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "bob"), "{page}");
    // A provider that there is no more is not asked.
    let marker = format!("{}-silent", two.world.session_cookie());
    browser.remove(two.world.session_cookie())?;
    browser.plant(&marker, "0.nobody")?;
    let page = browser.get("/").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    Ok(())
}

async fn nobody_is_asked_where_nobody_has_signed_in(setup: Setup) -> Result<(), Failure> {
    let two = with_silent_logins(setup).await?;
    let browser = two.world.browser()?;
    for _ in 0..2 {
        let page = browser.get("/").await?;
        assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
        assert_eq!(page.set_cookies(), [""; 0]);
    }
    Ok(())
}
