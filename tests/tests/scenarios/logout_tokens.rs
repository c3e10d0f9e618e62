//! How long logout tokens are good for, and that none is processed twice meanwhile.

use latchgate_dev_provider::LogoutTarget;
use latchgate_tests::{Failure, Page, Setup, World, scenarios};
use serde_json::json;

scenarios!(
    ;
    in either keeping:
    tokens_that_never_expire_by_themselves_are_good_for_two_minutes,
    a_token_is_processed_once_in_its_last_second_too,
);

/// Posts a logout token as a provider does: without cookies, from nowhere.
async fn post(world: &World, token: &str) -> Result<Page, Failure> {
    let provider = world.browser()?;
    let request = provider.request("POST", "/backchannel-logout");
    Ok(request.form(&[("logout_token", token)]).send().await?)
}

/// The logout tokens of Ory Hydra, and of older authentik and LemonLDAP::NG: without `exp`. Hydra's have no `sub` either.
async fn tokens_that_never_expire_by_themselves_are_good_for_two_minutes(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    // Two minutes, and the leeway that both clocks have.
    for (age, status) in [(0, 200), (60, 200), (149, 200), (150, 400), (3_600, 400)] {
        let browser = world.signed_in().await?;
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        let target = LogoutTarget::Sid(claims["sid"].as_str().unwrap_or_default().to_owned());
        let token = world.provider.logout_token(target, |header, claims| {
            header.insert("typ".to_owned(), json!("JWT"));
            claims.remove("exp");
        });
        world.clock.pass(age);
        let page = post(&world, &token).await?;
        assert_eq!(page.status, status, "{age}: {page}");
        let found = world.whoami(&browser).await?;
        assert_eq!(found.is_none(), status == 200, "{age}");
    }
    Ok(())
}

async fn a_token_is_processed_once_in_its_last_second_too(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let far = world.clock.now() + 100_000;
    let token = world.provider.logout_token(target, |_, claims| {
        claims.insert("exp".to_owned(), json!(far));
    });
    assert_eq!(post(&world, &token).await?.status, 200);
    // An hour, and the leeway: it is refused for its age as soon as nobody remembers it.
    for seconds in [3_628, 1, 1, 1] {
        world.clock.pass(seconds);
        let browser = world.signed_in().await?;
        assert_eq!(post(&world, &token).await?.status, 400, "{seconds}");
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    }
    Ok(())
}
