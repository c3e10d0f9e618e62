//! Ends of tenants' sessions: each by its own tenant's provider, even where two tenants name the same issuer.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate::Logout;
use latchgate_dev_provider::{Endpoint, LogoutTarget};
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};
use serde_json::Value;

use super::{Service, service, tenant};

scenarios!(
    ;
    in either keeping:
    a_logout_by_one_tenants_provider_ends_no_session_of_another,
    a_frame_of_one_tenant_ends_no_session_of_another,
    the_application_ends_sessions_of_a_tenants_person,
    a_login_at_another_tenant_revokes_the_token_before_it,
);

impl Service {
    /// Alice, at `acme` and at `beta`.
    async fn twice_alice(&self) -> Result<(Browser, Browser), Failure> {
        Ok((self.signed_in("acme").await?, self.signed_in("beta").await?))
    }

    async fn post_logout_token(&self, path: &str, token: &str) -> Result<Page, Failure> {
        let browser = self.world.browser()?;
        let form = [("logout_token", token)];
        Ok(browser.request("POST", path).form(&form).send().await?)
    }

    /// A logout token for a client of the common provider.
    fn logout_token(&self, client: &str) -> String {
        let alice = LogoutTarget::Sub("alice".to_owned());
        let client = client.to_owned();
        self.world.provider.logout_token(alice, move |_, claims| {
            claims.insert("aud".to_owned(), client.into());
        })
    }
}

async fn a_logout_by_one_tenants_provider_ends_no_session_of_another(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup.sharing_logouts()).await?;
    let (acme, beta) = service.twice_alice().await?;
    let other = service.signed_in("other").await?;
    // A token is good at its own tenant's path only.
    let token = service.logout_token("beta");
    for path in [
        "/backchannel-logout/acme",
        "/backchannel-logout/other",
        "/backchannel-logout",
    ] {
        let page = service.post_logout_token(path, &token).await?;
        assert_eq!(page.status, 400, "{path}: {page}");
    }
    let page = service
        .post_logout_token("/backchannel-logout/nobody", &token)
        .await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (404, "tenant_unknown"),
        "{page}"
    );
    assert_eq!(tenant(&beta).await?, "beta alice");
    let path = service
        .world
        .gate
        .tenant_uris("beta")
        .back_channel_logout_uri;
    assert_eq!(service.post_logout_token(&path, &token).await?.status, 200);
    assert_eq!(
        service.post_logout_token(&path, &token).await?.status,
        400,
        "a replay"
    );
    assert_eq!(tenant(&beta).await?, "-");
    assert_eq!(tenant(&acme).await?, "acme alice");
    assert_eq!(tenant(&other).await?, "other bob");
    let token = service.logout_token(service.world.provider.client_id());
    let page = service
        .post_logout_token("/backchannel-logout/acme", &token)
        .await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(tenant(&acme).await?, "-");
    Ok(())
}

async fn sid(browser: &Browser) -> Result<String, Failure> {
    let claims: Value = browser.fetch("GET", "/me").await?.json(200)?;
    Ok(claims["sid"].as_str().unwrap_or_default().to_owned())
}

async fn a_frame_of_one_tenant_ends_no_session_of_another(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let (acme, beta) = service.twice_alice().await?;
    let issuer = service.world.provider.issuer();
    let frame = |path: &str, sid: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("iss", issuer), ("sid", sid)])
            .finish();
        format!("{path}?{query}")
    };
    let (of_acme, of_beta) = (sid(&acme).await?, sid(&beta).await?);
    let stranger = service.world.browser()?;
    for path in [
        "/frontchannel-logout/beta",
        "/frontchannel-logout/other",
        "/frontchannel-logout",
    ] {
        stranger.get(&frame(path, &of_acme)).await?;
        acme.get(&frame(path, &of_acme)).await?;
        assert_eq!(tenant(&acme).await?, "acme alice", "{path}");
    }
    let page = stranger
        .get(&frame("/frontchannel-logout/acme", &of_acme))
        .await?;
    assert_eq!(page.status, 200, "{page}");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains(issuer) && !policy.contains(service.other.issuer()),
        "{policy}"
    );
    assert_eq!(tenant(&acme).await?, "-");
    assert_eq!(tenant(&beta).await?, "beta alice");
    let page = beta
        .get(&frame("/frontchannel-logout/beta", &of_beta))
        .await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(tenant(&beta).await?, "-");
    Ok(())
}

async fn the_application_ends_sessions_of_a_tenants_person(setup: Setup) -> Result<(), Failure> {
    let heard = Arc::<Mutex<Vec<Logout>>>::default();
    let ear = Arc::clone(&heard);
    let setup = setup.gate(move |gate| {
        let ear = Arc::clone(&ear);
        gate.on_logout(move |end| {
            ear.lock().unwrap_or_else(PoisonError::into_inner).push(end);
            async { Ok::<_, Failure>(()) }
        })
    });
    let service = service(setup).await?;
    let (acme, beta) = service.twice_alice().await?;
    let gate = &service.world.gate;
    let issuer = service.world.provider.issuer();
    // The issuer vouches for other people of the same names at other places.
    gate.end_sessions_of(issuer, "alice").await?;
    assert_eq!(tenant(&acme).await?, "acme alice");
    let unknown = gate.end_sessions_of_tenant("nobody", "alice").await;
    assert_eq!(unknown.map_err(|error| error.code()), Err("tenant_unknown"));
    gate.end_sessions_of_tenant("acme", "alice").await?;
    gate.drain().await;
    let ends = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told = ends.last().ok_or("the application has heard nothing")?;
    assert_eq!(
        (told.tenant.as_deref(), told.subject.as_deref()),
        (Some("acme"), Some("alice"))
    );
    assert_eq!(tenant(&acme).await?, "-");
    assert_eq!(tenant(&beta).await?, "beta alice");
    // Somebody ends their own: everywhere else, which means at the same tenant.
    let acme = service.signed_in("acme").await?;
    let second = service.signed_in("beta").await?;
    assert_eq!(second.fetch("POST", "/elsewhere").await?.status, 204);
    assert_eq!(tenant(&beta).await?, "-");
    assert_eq!(tenant(&second).await?, "beta alice");
    assert_eq!(tenant(&acme).await?, "acme alice");
    Ok(())
}

/// The same person at the same provider, but another client there.
async fn a_login_at_another_tenant_revokes_the_token_before_it(
    setup: Setup,
) -> Result<(), Failure> {
    let service = service(setup).await?;
    let world = &service.world;
    let mut browser = service.signed_in("acme").await?;
    browser.open("/login/acme?return_to=/tenant").await?;
    world.gate.drain().await;
    assert_eq!(world.calls(Endpoint::Revocation), 0, "at the same tenant");
    browser.open("/login/beta?return_to=/tenant").await?;
    assert_eq!(tenant(&browser).await?, "beta alice");
    world.gate.drain().await;
    assert_eq!(world.calls(Endpoint::Revocation), 1);
    Ok(())
}
