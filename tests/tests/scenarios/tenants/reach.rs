//! Where requests to a tenant's provider may go.

use std::net::TcpListener;

use latchgate::Provider;
use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, scenarios};

use super::{Directory, service, start, tenant};

scenarios!(
    a_provider_on_this_machine_is_not_called,
    nor_are_endpoints_that_its_metadata_names,
);

async fn a_provider_on_this_machine_is_not_called(setup: Setup) -> Result<(), Failure> {
    let directory = Directory::default();
    let found = directory.clone();
    let setup = setup.for_tenants(move || found.tenants_anywhere());
    let service = start(setup, directory).await?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let own = service.world.provider.issuer().to_owned();
    for (name, issuer) in [
        ("plain", own),
        ("named", format!("https://localhost:{port}")),
        ("v4", format!("https://127.0.0.1:{port}")),
        ("number", format!("https://2130706433:{port}")),
        ("v6", format!("https://[::ffff:127.0.0.1]:{port}")),
        ("unspecified", format!("https://0.0.0.0:{port}")),
    ] {
        service
            .directory
            .set(name, Provider::new(issuer, "x").client_secret("y"));
        let page = service
            .world
            .browser()?
            .get(&format!("/login/{name}"))
            .await?;
        let code = page.code();
        assert_eq!(page.status, 503, "{name}: {page}");
        assert!(
            ["tenant_unavailable", "provider_unreachable"].contains(&code.as_str()),
            "{page}"
        );
        assert!(listener.accept().is_err(), "{name} was called");
    }
    assert_eq!(service.world.calls(Endpoint::Discovery), 0);
    Ok(())
}

async fn nor_are_endpoints_that_its_metadata_names(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // To connect to it is to connect to this machine, but it is no loopback address.
    let inside = format!("https://0.0.0.0:{}/", listener.local_addr()?.port());
    for member in ["token_endpoint", "jwks_uri"] {
        let inside = inside.clone();
        service.world.mischief().on_metadata(move |metadata| {
            metadata[member] = inside.clone().into();
        });
        service.world.gate.forget_tenant("acme");
        let browser = service.world.browser()?;
        let answer = service.world.callback(&browser, "/login/acme").await?;
        let page = browser.get(answer.as_str()).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "provider_unreachable"),
            "{page}"
        );
        assert_eq!(tenant(&browser).await?, "-");
        assert!(listener.accept().is_err(), "{member} was called");
    }
    service.world.mischief().clear();
    service.world.gate.forget_tenant("acme");
    service.signed_in("acme").await?;
    Ok(())
}
