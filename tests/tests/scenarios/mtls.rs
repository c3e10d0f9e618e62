//! The client's TLS certificate (RFC 8705): as its proof, and as what its tokens are bound to, by themselves and within
//! FAPI 2.0. TLS ends in front of the development provider, which is told of the certificate.

use latchgate::{ClientAuth, ClientCertificate, ClientKey, Provider, Usage, UserinfoPolicy};
use latchgate_dev_provider::{Client, Endpoint, RecordedRequest, SigningAlg};
use latchgate_tests::{Browser, Failure, Setup, TlsFront, Transcript, World, jwt_part, scenarios};
use latchgate_tower::{ApiClient, ApiClientError};
use serde_json::{Value, json};

scenarios!(
    a_provider_without_aliases_is_called_where_it_is,
    another_certificate_and_none_are_refused,
    a_provider_that_binds_nothing_is_named,
    tokens_that_are_bound_are_of_no_use_without_the_certificate,
    a_client_of_an_api_presents_the_certificate;
    in either keeping:
    the_certificate_is_the_clients_proof_at_every_alias,
    fapi2_works_with_certificates_for_either_purpose,
);

const KEY: &str =
    include_str!("../../../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem");

/// The certificates of a client and of a stranger, and the server that sees them.
struct Certificates {
    front: TlsFront,
    der: Vec<u8>,
    own: ClientCertificate,
    other: ClientCertificate,
}

impl Certificates {
    async fn issue() -> Result<Self, Failure> {
        let front = TlsFront::start().await?;
        let (der, own) = front.issue()?;
        let (_, other) = front.issue()?;
        Ok(Self {
            front,
            der,
            own,
            other,
        })
    }

    /// A world with this client, whose registration is what `alter` makes of it.
    async fn world(
        &self,
        setup: Setup,
        client: Client,
        alter: impl Fn(Provider) -> Provider + Send + Sync + 'static,
    ) -> Result<World, Failure> {
        let setup = self
            .front
            .before(setup)
            .provider(move |provider| provider.client(client.clone()))
            .registration(move |registration| alter(registration).userinfo(UserinfoPolicy::Always));
        let world = setup.start().await?;
        self.front.lead_to(world.provider.issuer());
        Ok(world)
    }

    fn client(&self) -> Client {
        Client::with_certificate(Client::development().client_id(), &self.der)
    }
}

fn last(world: &World, endpoint: Endpoint) -> Result<RecordedRequest, Failure> {
    let request = world.provider.last_request(endpoint);
    request.ok_or_else(|| format!("{endpoint:?} was not called").into())
}

/// Whether the newest request to an endpoint came with a certificate.
fn had_certificate(world: &World, endpoint: Endpoint) -> Result<bool, Failure> {
    Ok(last(world, endpoint)?.header("client-cert").is_some())
}

async fn call(
    world: &World,
    front: &TlsFront,
    browser: &Browser,
) -> Result<(String, Value), Failure> {
    assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
    let url = format!("/call?{}/userinfo", front.url());
    let said = browser.fetch("GET", &url).await?.body;
    Ok((said, world.token(browser).await?))
}

async fn the_certificate_is_the_clients_proof_at_every_alias(setup: Setup) -> Result<(), Failure> {
    for method in [
        ClientAuth::TlsClientAuth,
        ClientAuth::SelfSignedTlsClientAuth,
    ] {
        let certificates = Certificates::issue().await?;
        let own = certificates.own.clone();
        let world = certificates.world(setup.clone(), certificates.client(), move |registration| {
            registration
                .client_auth(method.clone())
                .client_certificate(own.clone())
                .par(Usage::Always)
        });
        let world = world.await?;
        let browser = world.signed_in().await?;
        let (said, _) = call(&world, &certificates.front, &browser).await?;
        assert!(said.starts_with("200 ") && said.contains("alice"), "{said}");
        for endpoint in [Endpoint::PushedAuthorization, Endpoint::Token] {
            let request = last(&world, endpoint)?;
            assert!(request.header("client-cert").is_some());
            assert_eq!(
                request.parameter("client_id").as_deref(),
                Some("dev-client")
            );
            assert_eq!(request.header("authorization"), None);
            assert_eq!(request.parameter("client_secret"), None);
            assert_eq!(request.parameter("client_assertion"), None);
        }
        assert!(had_certificate(&world, Endpoint::Userinfo)?);
        // What browsers visit, and what everybody may read, has no alias.
        assert!(!had_certificate(&world, Endpoint::Authorize)?);
        assert!(!had_certificate(&world, Endpoint::Jwks)?);
        browser.get("/logout").await?;
        while world.calls(Endpoint::Revocation) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(had_certificate(&world, Endpoint::Revocation)?);
    }
    Ok(())
}

/// RFC 8705 §5: what has no alias is called at its usual place.
async fn a_provider_without_aliases_is_called_where_it_is(setup: Setup) -> Result<(), Failure> {
    let certificates = Certificates::issue().await?;
    let own = certificates.own.clone();
    let world = certificates.world(setup, Client::development(), move |registration| {
        registration.client_certificate(own.clone())
    });
    let world = world.await?;
    world.mischief().on_metadata(|metadata| {
        metadata["mtls_endpoint_aliases"]["userinfo_endpoint"] = json!(null);
    });
    world.signed_in().await?;
    assert!(had_certificate(&world, Endpoint::Token)?);
    assert!(!had_certificate(&world, Endpoint::Userinfo)?);
    Ok(())
}

async fn another_certificate_and_none_are_refused(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let certificates = Certificates::issue().await?;
    let other = certificates.other.clone();
    let world = certificates.world(setup.clone(), certificates.client(), move |registration| {
        registration
            .client_auth(ClientAuth::TlsClientAuth)
            .client_certificate(other.clone())
    });
    let world = world.await?;
    let page = world.browser()?.open("/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "token_request_refused"),
        "{page}"
    );
    assert!(
        transcript
            .text()
            .contains("the certificate is not the one of the client")
    );

    // The application sends nothing but its id, as a public client would.
    let certificates = Certificates::issue().await?;
    let world = certificates.world(setup, certificates.client(), |registration| {
        registration.client_auth(ClientAuth::None)
    });
    let world = world.await?;
    let page = world.browser()?.open("/me").await?;
    assert_eq!(page.code(), "token_request_refused", "{page}");
    Ok(())
}

async fn a_provider_that_binds_nothing_is_named(setup: Setup) -> Result<(), Failure> {
    let certificates = Certificates::issue().await?;
    let own = certificates.own.clone();
    let world = certificates.world(setup, certificates.client(), move |registration| {
        registration
            .client_auth(ClientAuth::TlsClientAuth)
            .client_certificate(own.clone())
            .certificate_bound_tokens()
    });
    let world = world.await?;
    world.mischief().on_metadata(|metadata| {
        metadata["tls_client_certificate_bound_access_tokens"] = json!(false);
    });
    let error = world.gate.warm_up().await.err().ok_or("it was accepted")?;
    let said = error.to_string();
    assert!(
        said.contains("`tls_client_certificate_bound_access_tokens` should be true")
            && said.contains("set `certificate_bound_tokens` to `false`"),
        "{said}"
    );
    let page = world.browser()?.get("/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "security_profile")
    );
    Ok(())
}

async fn tokens_that_are_bound_are_of_no_use_without_the_certificate(
    setup: Setup,
) -> Result<(), Failure> {
    let certificates = Certificates::issue().await?;
    let client = certificates.client();
    let own = certificates.own.clone();
    let world = certificates.world(
        setup,
        client.tls_client_certificate_bound_access_tokens(),
        move |registration| {
            registration
                .client_auth(ClientAuth::SelfSignedTlsClientAuth)
                .client_certificate(own.clone())
                .certificate_bound_tokens()
        },
    );
    let world = world.await?;
    let browser = world.signed_in().await?;
    let (said, token) = call(&world, &certificates.front, &browser).await?;
    assert!(said.starts_with("200 "), "{said}");
    assert_eq!(token["token_type"], "Bearer");
    let stolen = token["access_token"].as_str().unwrap_or_default();
    assert!(jwt_part(stolen, 1)?["cnf"]["x5t#S256"].is_string());
    let thief = reqwest::Client::builder().no_proxy().build()?;
    let answer = thief
        .get(format!("{}/userinfo", world.provider.issuer()))
        .bearer_auth(stolen)
        .send()
        .await?;
    assert_eq!(answer.status().as_u16(), 401);
    Ok(())
}

async fn a_client_of_an_api_presents_the_certificate(setup: Setup) -> Result<(), Failure> {
    let certificates = Certificates::issue().await?;
    let own = certificates.own.clone();
    let client = certificates
        .client()
        .tls_client_certificate_bound_access_tokens();
    let world = certificates.world(setup, client, move |registration| {
        registration
            .client_auth(ClientAuth::SelfSignedTlsClientAuth)
            .client_certificate(own.clone())
            .certificate_bound_tokens()
    });
    let world = world.await?;
    let root = reqwest::Certificate::from_pem(certificates.front.root_pem().as_bytes())?;
    for certificate in [None, Some(certificates.own.clone())] {
        let expected = certificate.is_some();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_merge([root.clone()]);
        let api = ApiClient::builder(certificates.front.url()).http_client(http);
        let api = match certificate {
            Some(certificate) => api.client_certificate(certificate),
            None => api,
        };
        let api = api.build()?;
        // That the answer is no is a matter of the token, which is nobody's.
        let call = api.as_application(&world.gate).get("/userinfo").send();
        call.await?;
        assert_eq!(had_certificate(&world, Endpoint::Userinfo)?, expected);
    }
    // Half a certificate is a mistake that is found at start.
    let half = ClientCertificate::from_pem(certificates.front.root_pem(), "");
    let api = ApiClient::builder("https://api.example").client_certificate(half);
    assert!(matches!(api.build(), Err(ApiClientError::Client(_))));
    Ok(())
}

/// Each of the four combinations of the profile's tests: how the client authenticates, and what tokens are bound to.
async fn fapi2_works_with_certificates_for_either_purpose(setup: Setup) -> Result<(), Failure> {
    let key = ClientKey::from_pem(KEY)?;
    for (by_key, bound_to_certificate) in [(false, true), (false, false), (true, true)] {
        let certificates = Certificates::issue().await?;
        let client = match by_key {
            true => Client::with_keys(
                Client::development().client_id(),
                ClientKey::public_jwks([&key]),
            ),
            false => certificates.client(),
        };
        let client = match bound_to_certificate {
            true => client.tls_client_certificate_bound_access_tokens(),
            false => client.dpop_bound_access_tokens(),
        };
        let (own, key) = (certificates.own.clone(), key.clone());
        let setup = setup.clone().provider(|provider| {
            provider
                .id_token_alg(SigningAlg::Ps256)
                .require_pushed_requests()
        });
        let world = certificates.world(setup, client, move |registration| {
            let registration = match by_key {
                true => registration.client_key(key.clone()),
                false => registration.client_auth(ClientAuth::TlsClientAuth),
            };
            let registration = registration.client_certificate(own.clone()).fapi2();
            match bound_to_certificate {
                true => registration.certificate_bound_tokens(),
                false => registration,
            }
        });
        let world = world.await?;
        world.gate.warm_up().await?;
        let browser = world.signed_in().await?;
        let (said, token) = call(&world, &certificates.front, &browser).await?;
        assert!(said.starts_with("200 ") && said.contains("alice"), "{said}");
        let (expected, member) = match bound_to_certificate {
            true => ("Bearer", "x5t#S256"),
            false => ("DPoP", "jkt"),
        };
        assert_eq!(token["token_type"], expected);
        let claims = jwt_part(token["access_token"].as_str().unwrap_or_default(), 1)?;
        assert!(claims["cnf"][member].is_string(), "{claims}");
        let pushed = last(&world, Endpoint::PushedAuthorization)?;
        assert!(pushed.header("client-cert").is_some());
        assert_eq!(pushed.parameter("client_assertion").is_some(), by_key);
    }
    Ok(())
}
