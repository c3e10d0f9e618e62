//! The FAPI 2.0 profiles, turned on by one switch. What the OpenID Foundation's modules do to a relying party that keeps to
//! them is in `conformance`.

use latchgate::{ClientKey, Provider, ResponseMode, Usage, UserinfoPolicy};
use latchgate_dev_provider::{Client, DpopNonces, Endpoint, Forgery, SigningAlg};
use latchgate_tests::{Browser, Failure, Setup, Transcript, World, jwt_part, scenarios};
use serde_json::{Value, json};
use url::Url;

scenarios!(
    metadata_that_contradicts_the_profile_is_named,
    response_jwts_that_are_wrong_are_not_followed,
    requests_are_signed_where_the_provider_requires_it,
    plain_answers_do_not_count_where_signed_ones_were_wanted;
    in either keeping:
    the_security_profile_works_with_and_without_nonces,
    message_signing_works_in_every_mode,
);

const KEY: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem");

/// A client with a key, at a provider that demands what FAPI 2.0 does.
fn client(
    setup: Setup,
    alter: impl Fn(Provider) -> Provider + Send + Sync + 'static,
) -> Result<Setup, Failure> {
    let key = ClientKey::from_pem(KEY)?;
    let jwks = ClientKey::public_jwks([&key]);
    Ok(setup
        .registration(move |registration| {
            alter(registration.client_key(key.clone())).userinfo(UserinfoPolicy::Always)
        })
        .provider(move |provider| {
            let id = Client::development().client_id().to_owned();
            let client = Client::with_keys(id, jwks.clone()).dpop_bound_access_tokens();
            provider
                .client(client)
                .id_token_alg(SigningAlg::Ps256)
                .dpop_nonces(DpopNonces::Once)
                .require_pushed_requests()
        }))
}

fn fapi2(setup: Setup) -> Result<Setup, Failure> {
    client(setup, Provider::fapi2)
}

fn message_signing(setup: Setup) -> Result<Setup, Failure> {
    client(setup, Provider::fapi2_message_signing)
}

async fn login_refresh_and_call(world: &World) -> Result<Browser, Failure> {
    let browser = world.signed_in().await?;
    assert_eq!(world.token(&browser).await?["token_type"], "DPoP");
    assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
    let url = format!("/call?{}/userinfo", world.provider.issuer());
    let said = browser.fetch("GET", &url).await?.body;
    assert!(said.starts_with("200 ") && said.contains("alice"), "{said}");
    Ok(browser)
}

fn names(url: &Url) -> Vec<String> {
    url.query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect()
}

async fn the_security_profile_works_with_and_without_nonces(setup: Setup) -> Result<(), Failure> {
    for nonces in [DpopNonces::Once, DpopNonces::Absent] {
        let setup = fapi2(setup.clone())?.provider(move |provider| provider.dpop_nonces(nonces));
        let world = setup.start().await?;
        world.gate.warm_up().await?;
        login_refresh_and_call(&world).await?;
        let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
        let pushed = pushed.ok_or("nothing was pushed")?;
        assert_eq!(pushed.parameter("request"), None);
        let assertion = pushed.parameter("client_assertion").unwrap_or_default();
        assert_eq!(jwt_part(&assertion, 1)?["aud"], world.provider.issuer());
        assert_eq!(jwt_part(&assertion, 0)?["alg"], "ES256");
    }
    Ok(())
}

async fn message_signing_works_in_every_mode(setup: Setup) -> Result<(), Failure> {
    for mode in [
        ResponseMode::Jwt,
        ResponseMode::QueryJwt,
        ResponseMode::FormPostJwt,
    ] {
        let setup = message_signing(setup.clone())?
            .registration(move |registration| registration.response_mode(mode))
            .provider(|provider| provider.require_signed_requests());
        let world = setup.start().await?;
        let browser = login_refresh_and_call(&world).await?;
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
        let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
        let pushed = pushed.ok_or("nothing was pushed")?;
        let object = pushed.parameter("request").unwrap_or_default();
        assert_eq!(jwt_part(&object, 0)?["typ"], "oauth-authz-req+jwt");
        let claims = jwt_part(&object, 1)?;
        assert_eq!(claims["aud"], world.provider.issuer());
        assert!(claims["code_challenge"].is_string() && claims.get("sub").is_none());
        assert_eq!(pushed.parameter("state"), None);
    }
    Ok(())
}

async fn metadata_that_contradicts_the_profile_is_named(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = message_signing(setup)?.start().await?;
    world.mischief().on_metadata(|metadata| {
        metadata["dpop_signing_alg_values_supported"] = json!(["RS256"]);
        metadata["authorization_signing_alg_values_supported"] = json!(["RS256"]);
    });
    let error = world.gate.warm_up().await.err().ok_or("it was accepted")?;
    for member in [
        "`dpop_signing_alg_values_supported` should contain `ES256`",
        "`authorization_signing_alg_values_supported` should contain `PS256`",
    ] {
        assert!(error.to_string().contains(member), "{error}");
    }
    let page = world.browser()?.get("/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "security_profile")
    );
    assert!(transcript.text().contains("turn on DPoP at the provider"));
    assert_eq!(world.calls(Endpoint::PushedAuthorization), 0);
    Ok(())
}

async fn response_jwts_that_are_wrong_are_not_followed(setup: Setup) -> Result<(), Failure> {
    let world = message_signing(setup)?.start().await?;
    let now = world.clock.now();
    let refused = (400, "authorization_response_jwt");
    for (claim, value) in [
        ("iss", json!(null)),
        ("iss", json!("https://evil.example")),
        ("aud", json!(null)),
        ("aud", json!("another")),
        ("aud", json!(["dev-client", "another"])),
        ("exp", json!(null)),
        ("exp", json!(now - 360)),
    ] {
        world.mischief().on_response_jwt(move |_, claims| {
            match &value {
                Value::Null => drop(claims.remove(claim)),
                value => drop(claims.insert(claim.to_owned(), value.clone())),
            };
        });
        let page = world.browser()?.open("/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            refused,
            "{claim} {page}"
        );
    }
    world.mischief().clear();
    for forgery in [
        Forgery::BrokenSignature,
        Forgery::OtherKey,
        Forgery::Rs256,
        Forgery::Hs256WithPublicKey,
    ] {
        world.mischief().sign_response_jwt_with(forgery);
        let page = world.browser()?.open("/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            refused,
            "{forgery:?} {page}"
        );
    }
    // One without a signature does not even name a login.
    world.mischief().sign_response_jwt_with(Forgery::None);
    let page = world.browser()?.open("/me").await?;
    assert_eq!((page.status, page.code().as_str()), (400, "state_missing"));
    assert_eq!(world.calls(Endpoint::Token), 0);
    // An error comes in a JWT too.
    world.mischief().clear();
    world.mischief().on_authorization_response(|pairs| {
        pairs.retain(|(name, _)| name != "code");
        pairs.push(("error".to_owned(), "access_denied".to_owned()));
    });
    let page = world.browser()?.open("/me").await?;
    assert_eq!(page.code(), "login_refused_by_provider", "{page}");
    world.mischief().clear();
    world.signed_in().await.map(drop)
}

async fn requests_are_signed_where_the_provider_requires_it(setup: Setup) -> Result<(), Failure> {
    let key = ClientKey::from_pem(KEY)?;
    let jwks = ClientKey::public_jwks([&key]);
    let setup = setup
        .registration(move |registration| registration.client_key(key.clone()))
        .provider(move |provider| {
            let id = Client::development().client_id().to_owned();
            let client = Client::with_keys(id, jwks.clone());
            provider.client(client).require_signed_requests()
        });
    let world = setup.clone().start().await?;
    let url = world.browser()?.get("/switch").await?.leads_to()?;
    assert_eq!(names(&url), ["client_id", "request"]);
    let object = url.query_pairs().find(|(name, _)| name == "request");
    let claims = jwt_part(
        &object
            .map(|(_, object)| object.into_owned())
            .unwrap_or_default(),
        1,
    )?;
    assert_eq!(claims["max_age"], 600);
    assert_eq!(claims["authorization_details"][0]["type"], "payment");
    world.signed_in().await?;

    let never = setup.registration(|registration| registration.signed_requests(Usage::Never));
    let page = never.start().await?.browser()?.get("/login").await?;
    assert_eq!((page.status, page.code().as_str()), (500, "request_object"));
    Ok(())
}

async fn plain_answers_do_not_count_where_signed_ones_were_wanted(
    setup: Setup,
) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.response_mode(ResponseMode::Jwt));
    let world = setup.start().await?;
    let browser = world.browser()?;
    let start = browser.get("/login").await?.leads_to()?;
    let state = start.query_pairs().find(|(name, _)| name == "state");
    let state = state
        .map(|(_, state)| state.into_owned())
        .unwrap_or_default();
    let issuer = world.provider.issuer();
    let page = browser
        .get(&format!("/callback?code=x&state={state}&iss={issuer}"))
        .await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "response_missing")
    );
    assert_eq!(world.calls(Endpoint::Token), 0);
    Ok(())
}
