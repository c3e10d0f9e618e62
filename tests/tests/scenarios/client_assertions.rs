//! A client that proves itself by signing (private_key_jwt, client_secret_jwt), wherever it has to prove itself.

use std::collections::BTreeSet;

use latchgate::{Algorithm, AssertionAudience, ClientAuth, ClientKey};
use latchgate_dev_provider::{Client, Endpoint, RecordedRequest, TokenEndpointAuthMethod};
use latchgate_tests::{Failure, Setup, World, scenarios};
use serde_json::Value;

scenarios!(
    every_kind_of_key_proves_the_client,
    the_secret_signs_and_does_not_travel,
    another_key_or_secret_lets_nobody_in,
    an_assertion_can_be_used_once;
    in either keeping:
    every_request_brings_an_assertion_of_its_own,
);

const RSA: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/rsa.pkcs8.pem");
const P256: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p256.sec1.pem");
const P384: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p384.pkcs8.pem");
const ED25519: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/ed25519.pkcs8.pem");
const SECRET: &str = "a secret that is long enough for every hash function, 64 bytes, +%";

fn id() -> String {
    Client::development().client_id().to_owned()
}

/// The application authenticates by this key, of which the provider knows the public half.
fn by_key(setup: Setup, key: &ClientKey) -> Setup {
    let jwks = ClientKey::public_jwks([key]);
    let key = key.clone();
    setup
        .registration(move |registration| registration.client_key(key.clone()))
        .provider(move |provider| provider.client(Client::with_keys(id(), jwks.clone())))
}

/// The provider knows this secret, and accepts nothing but what is signed with it.
fn knows_secret(setup: Setup) -> Setup {
    setup.provider(|provider| {
        let client = Client::confidential(id(), SECRET);
        let methods = [TokenEndpointAuthMethod::ClientSecretJwt];
        provider.client(client.token_endpoint_auth_methods(methods))
    })
}

fn last(world: &World, endpoint: Endpoint) -> Result<RecordedRequest, Failure> {
    let request = world.provider.last_request(endpoint);
    request.ok_or_else(|| format!("no request to {endpoint:?}").into())
}

/// The claims of the assertion that a request brought, which is its only proof.
fn asserted(request: &RecordedRequest) -> Result<Value, Failure> {
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.parameter("client_secret"), None);
    assert_eq!(
        request.parameter("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    let assertion = request
        .parameter("client_assertion")
        .ok_or("no assertion")?;
    let claims = assertion.split('.').nth(1).ok_or("no JWT")?;
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims)?;
    Ok(serde_json::from_slice(&claims)?)
}

async fn every_kind_of_key_proves_the_client(setup: Setup) -> Result<(), Failure> {
    let rsa = ClientKey::from_pem(RSA)?;
    for key in [
        rsa.clone(),
        rsa.clone().algorithm(Algorithm::Ps256)?.kid("2026"),
        rsa.algorithm(Algorithm::Rs512)?,
        ClientKey::from_pem(P256)?.kid("on P-256"),
        ClientKey::from_pem(P384)?,
        ClientKey::from_pem(ED25519)?,
    ] {
        let world = by_key(setup.clone(), &key).start().await?;
        let browser = world.signed_in().await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let claims = asserted(&last(&world, Endpoint::Token)?)?;
        assert_eq!(claims["aud"], world.provider.issuer(), "{key:?}");
    }
    Ok(())
}

async fn every_request_brings_an_assertion_of_its_own(setup: Setup) -> Result<(), Failure> {
    let key = ClientKey::from_pem(P256)?.kid("k1");
    let world = by_key(setup, &key).start().await?;
    let browser = world.signed_in().await?;
    let mut seen = vec![asserted(&last(&world, Endpoint::Token)?)?];
    for _ in 0..2 {
        browser.fetch("POST", "/refresh").await?.json(200)?;
        seen.push(asserted(&last(&world, Endpoint::Token)?)?);
    }
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    let asked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", asked).await?;
    seen.push(asserted(&last(&world, Endpoint::Revocation)?)?);
    for claims in &seen {
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&id().into(), &id().into())
        );
        let lifetime = claims["exp"].as_u64().zip(claims["iat"].as_u64());
        assert_eq!(lifetime.map(|(exp, iat)| exp - iat), Some(60));
    }
    let names: BTreeSet<_> = seen
        .iter()
        .map(|claims| claims["jti"].to_string())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
    Ok(())
}

async fn the_secret_signs_and_does_not_travel(setup: Setup) -> Result<(), Failure> {
    for (alg, audience) in [
        (None, AssertionAudience::Issuer),
        (Some(Algorithm::Hs512), AssertionAudience::TokenEndpoint),
    ] {
        let setup = knows_secret(setup.clone()).registration(move |registration| {
            let auth = ClientAuth::ClientSecretJwt(SECRET.into());
            let registration = registration.client_auth(auth).assertion_audience(audience);
            match alg {
                Some(alg) => registration.client_auth_alg(alg),
                None => registration,
            }
        });
        let world = setup.start().await?;
        let browser = world.signed_in().await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let claims = asserted(&last(&world, Endpoint::Token)?)?;
        let issuer = world.provider.issuer();
        let expected = match audience {
            AssertionAudience::TokenEndpoint => format!("{issuer}/token"),
            _ => issuer.to_owned(),
        };
        assert_eq!(claims["aud"], expected);
    }
    Ok(())
}

async fn another_key_or_secret_lets_nobody_in(setup: Setup) -> Result<(), Failure> {
    let known = ClientKey::from_pem(P256)?.kid("k1");
    let other = ClientKey::from_pem(P384)?.kid("k1");
    let with_key = by_key(setup.clone(), &known)
        .registration(move |registration| registration.client_key(other.clone()));
    let with_secret = knows_secret(setup.clone()).registration(|registration| {
        let other = SECRET.replace('+', "-");
        registration.client_auth(ClientAuth::ClientSecretJwt(other.into()))
    });
    let with_the_secret_itself = knows_secret(setup).registration(|registration| {
        registration.client_auth(ClientAuth::ClientSecretPost(SECRET.into()))
    });
    for setup in [with_key, with_secret, with_the_secret_itself] {
        let world = setup.start().await?;
        let mut browser = world.browser()?;
        let page = browser.open("/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (500, "token_request_refused"),
            "{page}"
        );
        assert_eq!(world.whoami(&browser).await?, None);
    }
    Ok(())
}

/// What somebody saw on the way, or in a log, opens nothing.
async fn an_assertion_can_be_used_once(setup: Setup) -> Result<(), Failure> {
    let key = ClientKey::from_pem(P256)?;
    let world = by_key(setup, &key).start().await?;
    world.signed_in().await?;
    let seen = last(&world, Endpoint::Token)?;
    let parameter = |name: &str| seen.parameter(name).unwrap_or_default();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "anything")
        .append_pair("client_assertion_type", &parameter("client_assertion_type"))
        .append_pair("client_assertion", &parameter("client_assertion"))
        .finish();
    let again = reqwest::Client::new()
        .post(format!("{}/revoke", world.provider.issuer()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await?;
    assert_eq!(again.status(), 401);
    let said = again.text().await?;
    assert!(said.contains("was used before"), "{said}");
    Ok(())
}
