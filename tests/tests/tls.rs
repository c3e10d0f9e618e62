//! Calls to the provider trust the platform's certificates and those of `ca_file`, and no others
//! (OpenID Connect Core 1.0 §16.17).

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::sync::Arc;

use latchgate::{FindingCode, Gate};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A server on loopback whose certificate names `name`, and the PEM text of its issuer.
async fn provider(name: &str) -> (u16, String) {
    let (port, ca, _) = demanding(name, false).await;
    (port, ca)
}

/// The same, which may demand a certificate of its issuer; and such a certificate, with its key.
async fn demanding(name: &str, demands: bool) -> (u16, String, (String, String)) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["my-app".to_owned()])
        .unwrap()
        .signed_by(&client_key, &ca)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let cryptography = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&cryptography));
    let verifier = match demands {
        true => verifier.build().unwrap(),
        false => WebPkiClientVerifier::no_client_auth(),
    };
    let config = ServerConfig::builder_with_provider(cryptography)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut connection) = acceptor.accept(connection).await else {
                continue;
            };
            let mut request = [0; 4_096];
            let _ = connection.read(&mut request).await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _ = connection.write_all(answer.as_bytes()).await;
            let _ = connection.shutdown().await;
        }
    });
    (port, ca.pem(), (client.pem(), client_key.serialize_pem()))
}

/// The code a warm-up fails with.
async fn warm_up(port: u16, ca_file: Option<&str>) -> &'static str {
    let ca_file = ca_file
        .map(|path| format!("ca_file = {path:?}"))
        .unwrap_or_default();
    fails_with(port, &format!("client_auth = \"none\"\n{ca_file}")).await
}

async fn fails_with(port: u16, settings: &str) -> &'static str {
    let gate = Gate::from_toml(&format!(
        "base_url = \"http://127.0.0.1:1\"\nissuer = \"https://127.0.0.1:{port}\"\n\
         client_id = \"a\"\n{settings}"
    ))
    .unwrap();
    gate.warm_up().await.unwrap_err().code()
}

/// RFC 8705: the server demands a certificate and does not even answer without one.
#[tokio::test]
async fn the_clients_certificate_is_presented_where_one_is_demanded() {
    let folder = std::env::temp_dir().join(format!("latchgate-mtls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (port, ca, (certificate, key)) = demanding("127.0.0.1", true).await;
    let (_, _, (strange_certificate, strange_key)) = demanding("127.0.0.1", true).await;
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = format!("ca_file = {:?}\n", file("ca.pem", &ca));
    let by_certificate = |certificate: &str, key: Option<&str>| {
        let key = key.map(|key| format!("client_key_file = {key:?}\n"));
        let key = key.unwrap_or_default();
        format!("{ca}client_auth = \"tls_client_auth\"\nclient_cert_file = {certificate:?}\n{key}")
    };
    let one = file("one.pem", &format!("{certificate}{key}"));
    let (certificate, key) = (file("certificate.pem", &certificate), file("key.pem", &key));
    let strange = file(
        "strange.pem",
        &format!("{strange_certificate}{strange_key}"),
    );

    // Reached: the answer is read, and its metadata is no good.
    for settings in [
        by_certificate(&certificate, Some(&key)),
        by_certificate(&one, None),
        format!("{ca}client_secret = \"s\"\nclient_cert_file = {one:?}\n"),
    ] {
        assert_eq!(fails_with(port, &settings).await, "provider_metadata");
    }
    for settings in [
        format!("{ca}client_auth = \"none\"\n"),
        by_certificate(&strange, None),
    ] {
        assert_eq!(fails_with(port, &settings).await, "provider_unreachable");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_check_says_what_is_wrong_with_a_certificate() {
    let checked = async |port: u16, settings: &str| {
        let gate = Gate::from_toml(&format!(
            "base_url = \"http://127.0.0.1:1\"\nissuer = \"https://127.0.0.1:{port}\"\n\
             client_id = \"a\"\nclient_auth = \"none\"\n{settings}"
        ));
        let report = gate.unwrap().check().await;
        let mut found = report.findings();
        let found = found.find(|found| found.code() == FindingCode::Tls);
        found.unwrap().cure().unwrap().to_owned()
    };
    let (port, _) = provider("127.0.0.1").await;
    let cure = checked(port, "").await;
    assert!(cure.contains("LATCHGATE_CA_FILE"), "{cure}");

    let folder = std::env::temp_dir().join(format!("latchgate-check-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (port, ca) = provider("provider.example").await;
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, ca).unwrap();
    let cure = checked(port, &format!("ca_file = {ca_file:?}\n")).await;
    assert!(cure.contains("a name that is in the certificate"), "{cure}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn only_trusted_certificates_for_the_right_host_are_accepted() {
    let folder = std::env::temp_dir().join(format!("latchgate-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (port, ca) = provider("127.0.0.1").await;
    let (misnamed_port, other_ca) = provider("provider.example").await;
    let ours = folder.join("ours.pem");
    let other = folder.join("other.pem");
    std::fs::write(&ours, ca).unwrap();
    std::fs::write(&other, other_ca).unwrap();
    let (ours, other) = (ours.to_str().unwrap(), other.to_str().unwrap());

    // Reached: the answer is read, and its metadata is no good.
    assert_eq!(warm_up(port, Some(ours)).await, "provider_metadata");
    assert_eq!(warm_up(port, None).await, "provider_unreachable");
    assert_eq!(warm_up(port, Some(other)).await, "provider_unreachable");
    assert_eq!(
        warm_up(misnamed_port, Some(other)).await,
        "provider_unreachable"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_file_that_holds_no_certificate_is_named() {
    let error = Gate::from_toml(
        "base_url = \"http://127.0.0.1:1\"\nissuer = \"https://op.example\"\nclient_id = \"a\"\n\
         client_auth = \"none\"\nca_file = \"/nowhere/ca.pem\"",
    )
    .unwrap_err();
    assert!(error.to_string().contains("LATCHGATE_CA_FILE"), "{error}");
}
