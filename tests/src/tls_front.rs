//! The server that ends TLS in front of the development provider, for clients with certificates (RFC 8705): it passes a
//! client's certificate on in the field `Client-Cert` (RFC 9440).

use std::sync::{Arc, OnceLock};

use base64_simd::STANDARD;
use latchgate::ClientCertificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::authority::Authority;
use crate::failure::Failure;
use crate::setup::Setup;

/// Ends TLS on loopback. Dropping it stops it.
pub struct TlsFront {
    authority: Authority,
    url: String,
    provider: Arc<OnceLock<String>>,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Listens, with an authority of its own. It asks for certificates of this authority and demands none.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self, Failure> {
        let authority = Authority::new()?;
        let own = authority.issue("127.0.0.1")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der()))?;
        let cryptography = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&cryptography));
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(cryptography)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
            .with_single_cert(vec![CertificateDer::from(own.der)], key)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://{}", listener.local_addr()?);
        let provider = Arc::<OnceLock<String>>::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self {
            authority,
            url,
            task: tokio::spawn(accept(listener, acceptor, Arc::clone(&provider))),
            provider,
        })
    }

    /// Where it is, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A new certificate of its authority, in DER, and the same with its key.
    ///
    /// # Errors
    /// There is no key.
    pub fn issue(&self) -> Result<(Vec<u8>, ClientCertificate), Failure> {
        let issued = self.authority.issue("my-app")?;
        let with_key = ClientCertificate::from_pem(issued.pem, issued.key.serialize_pem());
        Ok((issued.der, with_key))
    }

    /// The certificate of its authority, in PEM.
    #[must_use]
    pub fn root_pem(&self) -> String {
        self.authority.pem()
    }

    /// A world whose provider announces this server, and whose application trusts it.
    pub fn before(&self, setup: Setup) -> Setup {
        let (url, roots) = (self.url.clone(), self.authority.pem());
        setup
            .provider(move |provider| provider.mtls_base_url(&url))
            .gate(move |gate| gate.extra_roots(roots.clone()))
    }

    /// Passes requests on to the provider of this issuer from now on.
    pub fn lead_to(&self, issuer: &str) {
        let address = issuer.trim_start_matches("http://").to_owned();
        let _ = self.provider.set(address);
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for TlsFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsFront")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, provider: Arc<OnceLock<String>>) {
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, provider) = (acceptor.clone(), Arc::clone(&provider));
        // A connection that fails is one that its client sees fail.
        tokio::spawn(async move {
            let provider = provider.get().ok_or("the provider is not known yet")?;
            pass_on(&acceptor, connection, provider).await
        });
    }
}

/// One request and its answer.
async fn pass_on(
    acceptor: &TlsAcceptor,
    connection: TcpStream,
    provider: &str,
) -> Result<(), Failure> {
    let mut client = acceptor.accept(connection).await?;
    let certificates = client.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(|chain| chain.first()).cloned();
    let mut request = Vec::new();
    let head = loop {
        ensure!(client.read_buf(&mut request).await? > 0, "no request");
        if let Some(at) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            break at;
        }
    };
    let lines = std::str::from_utf8(&request[..head])?.to_owned();
    let field = |line: &&str, name: &str| line.to_ascii_lowercase().starts_with(name);
    let length = lines
        .lines()
        .find(|line| field(line, "content-length:"))
        .map(|line| line["content-length:".len()..].trim().parse::<usize>());
    let end = head + 4 + length.transpose()?.unwrap_or_default();
    while request.len() < end {
        ensure!(client.read_buf(&mut request).await? > 0, "half a body");
    }
    let mut passed = String::new();
    for line in lines
        .lines()
        .filter(|line| !field(line, "client-cert:") && !field(line, "connection:"))
    {
        passed.push_str(line);
        passed.push_str("\r\n");
    }
    if let Some(certificate) = certificate {
        let certificate = STANDARD.encode_to_string(&certificate);
        passed.push_str(&format!("Client-Cert: :{certificate}:\r\n"));
    }
    passed.push_str("Connection: close\r\n\r\n");
    let mut server = TcpStream::connect(provider).await?;
    server.write_all(passed.as_bytes()).await?;
    server.write_all(&request[head + 4..]).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    client.write_all(&answer).await?;
    client.shutdown().await?;
    Ok(())
}
