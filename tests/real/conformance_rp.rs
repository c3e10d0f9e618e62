//! The relying party for the OpenID Foundation's conformance suite, with the development provider in the suite's place.

use std::fs;
use std::sync::Arc;

use latchgate::ClientKey;
use latchgate_dev_provider::{Client, DevProvider, DpopNonces, Endpoint, SigningAlg};
use latchgate_tests::browser::Browser;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::case::{Case, Failure};
use crate::child::file_of_case;
use crate::example::{Address, CONFORMANCE_RP, Running};
use crate::need::Need;
use crate::provider::CLIENT_KEY;

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    let needs = &[Need::Examples];
    vec![
        Case::new("conformance_rp::login_refresh_and_resource", needs, openid),
        Case::new("conformance_rp::fapi2", needs, fapi2),
        Case::new("conformance_rp::client_certificate", needs, certificate),
    ]
}

/// Starts the relying party with what every plan of OpenID Connect sets, and these variables.
async fn start(
    provider: &DevProvider,
    resource: &str,
    variables: &[(&str, &str)],
) -> Result<Running, Failure> {
    provider.auto_sign_in(Some("alice"));
    let mut all = vec![
        ("LATCHGATE_ISSUER", provider.issuer()),
        ("LATCHGATE_CLIENT_ID", provider.client_id()),
        ("RESOURCE_URL", resource),
    ];
    all.extend(variables);
    CONFORMANCE_RP.start(&Address::free()?, &all).await
}

fn userinfo(provider: &DevProvider) -> String {
    format!("{}/userinfo", provider.issuer().trim_end_matches('/'))
}

async fn log_in(app: &Running) -> Result<Browser, Failure> {
    let mut browser = Browser::new()?;
    let page = browser.open(&app.url("/me")).await?;
    ensure!(page.json(200)?["sub"] == "alice", "{page}");
    Ok(browser)
}

async fn calls_the_resource(app: &Running, browser: &Browser) -> Result<(), Failure> {
    let page = browser.get(&app.url("/call-resource")).await?;
    ensure!(page.json(200)?["sub"] == "alice", "{page}");
    Ok(())
}

/// Userinfo at login, a forced refresh, the resource, a logout; and one line for a login that is rejected.
async fn openid() -> Result<(), Failure> {
    let provider = DevProvider::builder().issuer_with_slash().start().await?;
    let variables = [
        ("LATCHGATE_CLIENT_SECRET", provider.client_secret()),
        ("LATCHGATE_USERINFO", "true"),
        ("LATCHGATE_SCOPES", "openid profile email offline_access"),
    ];
    let app = start(&provider, &userinfo(&provider), &variables).await?;
    let mut browser = log_in(&app).await?;
    ensure!(provider.calls(Endpoint::Userinfo) == 1, "no userinfo");
    let page = browser.get(&app.url("/refresh")).await?;
    ensure!(page.status == 200, "{page}");
    ensure!(provider.calls(Endpoint::Userinfo) == 2, "not refreshed");
    calls_the_resource(&app, &browser).await?;
    let home = browser.open(&app.url("/")).await?;
    browser.submit(&home.form_to("/logout")?, &[]).await?;
    ensure!(provider.sessions().is_empty(), "the provider was not told");

    provider.mischief().on_id_token(|_, claims| {
        claims.insert("iss".to_owned(), json!("https://evil.example"));
    });
    let page = Browser::new()?.open(&app.url("/me")).await?;
    ensure!(page.code() == "id_token_iss", "{page}");
    let said = app.said();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("event=\"rejection\""))
        .collect();
    ensure!(
        lines.len() == 1 && lines[0].contains("code=\"id_token_iss\""),
        "not one line: {said}"
    );
    Ok(())
}

/// Pushed requests, private_key_jwt, and a token that is bound to a key, with a nonce for each proof.
async fn fapi2() -> Result<(), Failure> {
    let key = ClientKey::from_pem(fs::read(CLIENT_KEY)?)?;
    let jwks = ClientKey::public_jwks([&key]);
    let id = Client::development().client_id().to_owned();
    let client = Client::with_keys(id, jwks).dpop_bound_access_tokens();
    let provider = DevProvider::builder()
        .client(client)
        .id_token_alg(SigningAlg::Ps256)
        .dpop_nonces(DpopNonces::Once)
        .require_pushed_requests();
    let provider = provider.start().await?;
    let variables = [
        ("LATCHGATE_PROFILE", "fapi2"),
        ("LATCHGATE_CLIENT_KEY_FILE", CLIENT_KEY),
        ("LATCHGATE_SCOPES", "openid"),
    ];
    let app = start(&provider, &userinfo(&provider), &variables).await?;
    let browser = log_in(&app).await?;
    calls_the_resource(&app, &browser).await?;
    let called = provider.last_request(Endpoint::Userinfo);
    let bound = called.is_some_and(|called| called.header("dpop").is_some());
    ensure!(bound, "the token is not bound");
    Ok(())
}

/// The resource is behind TLS, and demands a certificate.
async fn certificate() -> Result<(), Failure> {
    let provider = DevProvider::start().await?;
    let origin = provider.issuer().trim_start_matches("http://").to_owned();
    let door = Door::before(origin).await?;
    let variables = [
        ("LATCHGATE_CLIENT_SECRET", provider.client_secret()),
        ("LATCHGATE_CA_FILE", &door.ca_file),
    ];
    let resource = format!("https://127.0.0.1:{}/userinfo", door.port);
    let without = start(&provider, &resource, &variables).await?;
    let browser = log_in(&without).await?;
    let page = browser.get(&without.url("/call-resource")).await?;
    ensure!(page.status == 502, "no certificate was demanded: {page}");
    drop(without);
    let mut variables = variables.to_vec();
    variables.push(("LATCHGATE_CLIENT_CERT_FILE", &door.client_file));
    let app = start(&provider, &resource, &variables).await?;
    calls_the_resource(&app, &log_in(&app).await?).await
}

/// A server that demands a certificate, and passes everything on.
struct Door {
    port: u16,
    ca_file: String,
    /// A certificate that it accepts, with its key.
    client_file: String,
}

impl Door {
    async fn before(origin: String) -> Result<Self, Failure> {
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
        let (own, clients) = (KeyPair::generate()?, KeyPair::generate()?);
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let certificate = certificate.signed_by(&own, &ca)?;
        let mut client = CertificateParams::new(vec!["relying-party".to_owned()])?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&clients, &ca)?;

        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone())?;
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots);
        let demand = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&crypto));
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let config = ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(demand.build()?)
            .with_single_cert(vec![certificate.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                let (acceptor, origin) = (acceptor.clone(), origin.clone());
                tokio::spawn(async move {
                    let mut visitor = acceptor.accept(visitor).await?;
                    let mut inside = TcpStream::connect(origin).await?;
                    copy_bidirectional(&mut visitor, &mut inside).await
                });
            }
        });
        let both = format!("{}{}", client.pem(), clients.serialize_pem());
        Ok(Self {
            port,
            ca_file: file("ca.pem", &ca.pem())?,
            client_file: file("client.pem", &both)?,
        })
    }
}

fn file(name: &str, text: &str) -> Result<String, Failure> {
    let path = file_of_case(name)?;
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}
