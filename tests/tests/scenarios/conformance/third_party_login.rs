//! `oidcc-client-test-3rd-party-init-login-test-plan`: OpenID Connect Core 1.0 §4.

use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};
use url::form_urlencoded::byte_serialize;

use super::suite::{Suite, oidcc};

scenarios!(oidcc_client_test_3rd_party_init_login);

/// The suite has somebody visit the address that is registered, with its issuer and nothing else.
async fn oidcc_client_test_3rd_party_init_login(setup: Setup) -> Result<(), Failure> {
    let setup = oidcc(setup).gate(|gate| gate.initiate_login_path("/login/initiate"));
    let suite = Suite::start(setup).await?;
    let world = &suite.world;
    let uri = world.gate.initiate_login_uri().ok_or("there is none")?;
    let iss: String = byte_serialize(world.provider.issuer().as_bytes()).collect();
    let mut browser = world.browser()?;
    let page = browser.open(&format!("{uri}?iss={iss}")).await?;
    assert_eq!((page.status, page.url.path()), (200, "/"), "{page}");
    assert_eq!(page.body, "alice");
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    assert_eq!(world.calls(Endpoint::Userinfo), 1);
    Ok(())
}
