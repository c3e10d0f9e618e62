//! The HTTP door on reqwest and rustls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

use super::client_certificate::ClientCertificate;
use super::reach::{NotPublic, Reach, ReachableNames};
use super::{HttpClient, HttpError, HttpFuture};

/// The default [`HttpClient`]: reqwest with rustls, no redirects, no proxies, no decompression,
/// 10 s for a whole exchange.
#[derive(Clone)]
pub struct ReqwestClient {
    client: reqwest::Client,
    reach: Reach,
}

/// The client could not be built: the PEM bundle contains no certificate or an unusable one, or TLS is
/// unavailable.
#[derive(thiserror::Error)]
#[error(
    "the HTTP client cannot be built; a root certificate must be PEM (`-----BEGIN CERTIFICATE-----`)"
)]
pub struct ReqwestClientError(#[source] Option<reqwest::Error>);

debug_with_causes!(ReqwestClientError);

impl ReqwestClient {
    /// A client that trusts the platform's roots and, if given, the certificates of a PEM bundle.
    ///
    /// # Errors
    ///
    /// If the bundle contains no usable certificate.
    pub fn new(extra_roots_pem: Option<&[u8]>) -> Result<Self, ReqwestClientError> {
        Self::reaching(Reach::Anywhere, extra_roots_pem, None)
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
        Self::reaching(Reach::Anywhere, extra_roots_pem, Some(certificate))
    }

    /// A client for URLs that somebody else has chosen: it sends requests by https and to public addresses only, which is
    /// checked when a connection is made, after its host name was resolved. Private, loopback, link-local and multicast
    /// addresses, those of carrier-grade NAT and of clouds' metadata services, and whatever wraps one of them are refused
    /// ([`HttpError::NotPublic`]).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn public_only(extra_roots_pem: Option<&[u8]>) -> Result<Self, ReqwestClientError> {
        Self::reaching(Reach::Public, extra_roots_pem, None)
    }

    pub(crate) fn reaching(
        reach: Reach,
        extra_roots_pem: Option<&[u8]>,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self, ReqwestClientError> {
        let mut builder = builder(extra_roots_pem)?;
        if let Some(certificate) = certificate {
            let identity =
                reqwest::Identity::from_pem(certificate.secret_pem()).map_err(unusable)?;
            builder = builder.identity(identity);
        }
        if reach != Reach::Anywhere {
            builder = builder.dns_resolver(Arc::new(ReachableNames::new(reach)));
        }
        let client = builder.build().map_err(unusable)?;
        Ok(Self { client, reach })
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
            if !self.reach.allows(request.url()) {
                return Err(HttpError::NotPublic);
            }
            let mut answer = self.client.execute(request).await.map_err(transport)?;
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
    let mut cause = std::error::Error::source(&error);
    while let Some(found) = cause {
        if found.is::<NotPublic>() {
            return HttpError::NotPublic;
        }
        cause = found.source();
    }
    if error.is_timeout() {
        HttpError::Timeout
    } else {
        // The URL may carry an identifier of ours; the cause is what helps.
        HttpError::Transport(Box::new(error.without_url()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What becomes of a request for a URL of this listener, and whether it has seen a connection.
    async fn sent(reach: Reach, url: &str) -> (Result<(), String>, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let client = ReqwestClient::reaching(reach, None, None).unwrap();
        let request = Request::get(url.replace("PORT", &port)).body(Vec::new());
        let sending = client.send(request.unwrap());
        let sent = tokio::time::timeout(Duration::from_millis(500), sending).await;
        let sent = sent.unwrap_or(Err(HttpError::Timeout));
        let refused = sent.map(drop).map_err(|error| error.to_string());
        (refused, listener.accept().is_ok())
    }

    #[tokio::test]
    async fn names_and_addresses_of_this_machine_are_not_connected_to() {
        for url in [
            "https://localhost:PORT/",
            "https://127.0.0.1:PORT/",
            "https://2130706433:PORT/",
            "https://[::ffff:127.0.0.1]:PORT/",
            "http://localhost:PORT/",
        ] {
            let (refused, connected) = sent(Reach::Public, url).await;
            assert_eq!(
                refused.unwrap_err(),
                HttpError::NotPublic.to_string(),
                "{url}"
            );
            assert!(!connected, "{url}");
        }
        for (reach, url) in [
            (Reach::Anywhere, "https://localhost:PORT/"),
            (Reach::PublicAndLoopback, "https://localhost:PORT/"),
            (Reach::PublicAndLoopback, "http://127.0.0.1:PORT/"),
        ] {
            let (refused, connected) = sent(reach, url).await;
            assert_ne!(
                refused.unwrap_err(),
                HttpError::NotPublic.to_string(),
                "{url}"
            );
            assert!(connected, "{url}");
        }
    }
}
