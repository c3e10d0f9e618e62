//! The HTTP door on reqwest and rustls.

use std::fmt;
use std::time::Duration;

use http::{Request, Response};

use super::client_certificate::ClientCertificate;
use super::{HttpClient, HttpError, HttpFuture};

/// The default [`HttpClient`]: reqwest with rustls, no redirects, no proxies, no decompression,
/// 10 s for a whole exchange.
#[derive(Clone)]
pub struct ReqwestClient(reqwest::Client);

/// The client could not be built: the PEM bundle contains no certificate or an unusable one, or TLS is
/// unavailable.
pub struct ReqwestClientError(Option<reqwest::Error>);

impl fmt::Display for ReqwestClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the HTTP client cannot be built; a root certificate must be PEM (`-----BEGIN CERTIFICATE-----`)")
    }
}

impl std::error::Error for ReqwestClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|source| source as _)
    }
}

debug_with_causes!(ReqwestClientError);

impl ReqwestClient {
    /// A client that trusts the platform's roots and, if given, the certificates of a PEM bundle.
    ///
    /// # Errors
    ///
    /// If the bundle contains no usable certificate.
    pub fn new(extra_roots_pem: Option<&[u8]>) -> Result<Self, ReqwestClientError> {
        let client = builder(extra_roots_pem)?;
        client.build().map(Self).map_err(unusable)
    }

    /// The same, which presents a certificate to servers that ask for one
    /// ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); also if there is no certificate, no private key, or the two do not belong together.
    pub fn with_certificate(
        extra_roots_pem: Option<&[u8]>,
        certificate: &ClientCertificate,
    ) -> Result<Self, ReqwestClientError> {
        let identity = reqwest::Identity::from_pem(certificate.secret_pem()).map_err(unusable)?;
        let client = builder(extra_roots_pem)?.identity(identity);
        client.build().map(Self).map_err(unusable)
    }
}

impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestClient")
    }
}

impl HttpClient for ReqwestClient {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(transport)?;
            let mut answer = self.0.execute(request).await.map_err(transport)?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(transport)? {
                if body.len() + chunk.len() > HttpError::MAX_BYTES {
                    return Err(HttpError::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            let mut response = Response::new(body);
            *response.status_mut() = answer.status();
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(response)
        })
    }
}

fn builder(extra_roots_pem: Option<&[u8]>) -> Result<reqwest::ClientBuilder, ReqwestClientError> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(10))
        .user_agent(concat!("latchgate/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = extra_roots_pem {
        let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?;
        if roots.is_empty() {
            return Err(ReqwestClientError(None));
        }
        builder = builder.tls_certs_merge(roots);
    }
    Ok(builder)
}

fn unusable(error: reqwest::Error) -> ReqwestClientError {
    ReqwestClientError(Some(error))
}

fn transport(error: reqwest::Error) -> HttpError {
    if error.is_timeout() {
        HttpError::Timeout
    } else {
        // The URL may carry an identifier of ours; the cause is what helps.
        HttpError::Transport(Box::new(error.without_url()))
    }
}
