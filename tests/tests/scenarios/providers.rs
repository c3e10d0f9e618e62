//! Providers as they are: what none of them does wrong by the standards, or all clients have learnt to live with.

use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(
    ;
    in either keeping:
    a_refresh_token_with_spaces_is_spent,
);

async fn a_refresh_token_with_spaces_is_spent(setup: Setup) -> Result<(), Failure> {
    let prefix = "two words & 100%+ ~ ";
    let world = setup
        .provider(move |provider| provider.refresh_token_prefix(prefix))
        .start()
        .await?;
    let browser = world.signed_in().await?;
    for _ in 0..2 {
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let request = world.provider.last_request(Endpoint::Token);
        let spent = request.and_then(|request| request.parameter("refresh_token"));
        assert!(spent.is_some_and(|spent| spent.starts_with(prefix)));
    }
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    let asked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", asked).await?;
    let request = world.provider.last_request(Endpoint::Revocation);
    let revoked = request.and_then(|request| request.parameter("token"));
    assert!(revoked.is_some_and(|revoked| revoked.starts_with(prefix)));
    Ok(())
}
