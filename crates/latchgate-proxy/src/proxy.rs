//! The proxy of one API, and how it is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use latchgate::{ClientCertificate, TokenFor};
use latchgate_reqwest::{ApiClient, ApiClientBuilder, ApiClientError, BaseUrlError, reqwest};
use tokio::sync::Semaphore;
use url::Url;

use crate::error::ApiProxyError;
use crate::path::stays_below;
use crate::request_headers::may_be_set;

/// How long a connection to the API may take unless an HTTP client of the application's says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The proxy of one API: forwards requests of signed-in people to it, with their access token. Cheap to clone; clones share
/// connections and limits.
///
/// It is a service of the framework: `nest_service("/api", proxy)` in axum, `web::scope("/api").default_service(proxy)` in
/// actix-web. The gate's layer or middleware goes around it, as around every route.
///
/// ```
/// use axum::Router;
/// use latchgate_proxy::{ApiProxy, ApiProxyError};
///
/// # fn app() -> Result<Router, ApiProxyError> {
/// let orders = ApiProxy::new("https://orders.internal/v1")?;
/// // `/api/7?details=yes` is `https://orders.internal/v1/7?details=yes`.
/// let app = Router::new().nest_service("/api", orders);
/// // … .layer(LoginLayer::new(gate))
/// # Ok(app)
/// # }
/// ```
#[derive(Clone)]
pub struct ApiProxy(pub(crate) Arc<ProxyParts>);

/// What a proxy is made of.
pub(crate) struct ProxyParts {
    pub(crate) api: ApiClient,
    pub(crate) base: Url,
    pub(crate) mounted_at: Option<String>,
    /// The names of the cookies that pass.
    pub(crate) cookies: Vec<String>,
    /// The fields that every request gets.
    pub(crate) headers: HeaderMap,
    pub(crate) body_limit: Option<u64>,
    pub(crate) response_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    /// One permit for each request that may still begin.
    pub(crate) requests: Arc<Semaphore>,
}

/// Sets up an [`ApiProxy`]. Made by [`ApiProxy::builder`].
#[must_use]
pub struct ApiProxyBuilder {
    base_url: String,
    api: ApiClientBuilder,
    http: Option<reqwest::ClientBuilder>,
    mounted_at: Option<String>,
    cookies: Vec<String>,
    headers: HeaderMap,
    body_limit: Option<u64>,
    response_timeout: Duration,
    idle_timeout: Duration,
    max_requests: usize,
}

impl ApiProxy {
    /// The proxy of the API at this base URL, which accepts the access token of the login.
    ///
    /// # Errors
    ///
    /// [`ApiProxyError::Client`] unless it is `https://…`, or `http://…` on loopback, without a query.
    pub fn new(base_url: impl Into<String>) -> Result<Self, ApiProxyError> {
        Self::builder(base_url).build()
    }

    /// Starts to build the proxy of the API at this base URL.
    pub fn builder(base_url: impl Into<String>) -> ApiProxyBuilder {
        let base_url = base_url.into();
        ApiProxyBuilder {
            api: ApiClient::builder(base_url.clone()).return_redirects(),
            base_url,
            http: None,
            mounted_at: None,
            cookies: Vec::new(),
            headers: HeaderMap::new(),
            body_limit: None,
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            max_requests: 1_024,
        }
    }
}

impl ApiProxyBuilder {
    /// The access token that this API accepts, if it is not the login's: see [`ApiTokens`](latchgate::ApiTokens).
    pub fn token_for(mut self, token_for: TokenFor) -> Self {
        self.api = self.api.token_for(token_for);
        self
    }

    /// The path at which the proxy is, such as `/api`, where the framework does not say it: in tower stacks without axum's
    /// `nest_service`, and in routes of other shapes. Requests for other paths are refused.
    pub fn mounted_at(mut self, path: impl Into<String>) -> Self {
        self.mounted_at = Some(path.into());
        self
    }

    /// Lets a cookie of this name pass to the API, and lets the API set it. Call it for each; other cookies do not pass, and
    /// those of the gate never do.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookies.push(name.into());
        self
    }

    /// A header field that every request to the API gets, in place of one that the client may send: an API key, or
    /// `X-Forwarded-Host` for an API that makes links.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The longest body of a request, in bytes. Unlimited by default: bodies are not kept in memory.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// How long the API may take until its response begins, while nothing of the request's body moves: 60 seconds by
    /// default, including the time for a new access token. After that, the browser gets a `504`.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// How long the API's response may pause: 5 minutes by default. After that, it is cut off. An API that sends events should
    /// send a comment more often.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = limit;
        self
    }

    /// How many requests to the API may be under way, including responses that are still streaming: 1,024 by default. Others
    /// get a `503` at once.
    pub fn max_requests(mut self, most: usize) -> Self {
        self.max_requests = most;
        self
    }

    /// Settings of the HTTP client: root certificates, a client certificate, a proxy. Its redirect policy is replaced,
    /// and content stays encoded as the API sends it. It must have no cookie store, which all people would share. Its own time
    /// limits apply in addition to those of this proxy. By default, connecting may take 5 seconds.
    pub fn http_client(mut self, settings: reqwest::ClientBuilder) -> Self {
        self.http = Some(settings);
        self
    }

    /// Presents this certificate to the API, for tokens that are bound to it (RFC 8705). See
    /// [`ApiClientBuilder::client_certificate`].
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.api = self.api.client_certificate(certificate);
        self
    }

    /// Accepts a base URL with plain http, over which anybody on the network can read and use the tokens. Only for networks
    /// that encrypt by themselves, such as a service mesh.
    pub fn dangerous_plain_http(mut self) -> Self {
        self.api = self.api.dangerous_plain_http();
        self
    }

    /// Builds the proxy.
    ///
    /// # Errors
    ///
    /// [`ApiProxyError::Client`] if tokens may not be sent to the base URL, or the HTTP client cannot be built;
    /// [`ApiProxyError::MountedAt`] and [`ApiProxyError::Header`] for invalid settings.
    pub fn build(self) -> Result<ApiProxy, ApiProxyError> {
        if let Some(path) = self.mounted_at.as_ref().filter(|path| !is_mount(path)) {
            return Err(ApiProxyError::MountedAt(path.clone()));
        }
        if let Some(name) = self.headers.keys().find(|name| !may_be_set(name)) {
            return Err(ApiProxyError::Header(name.clone()));
        }
        let http = self
            .http
            .unwrap_or_else(|| reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT));
        let http = http.no_gzip().no_brotli().no_deflate().no_zstd();
        let api = self.api.http_client(http).build();
        let base = Url::parse(&self.base_url)
            .map_err(|_| ApiClientError::BaseUrl(self.base_url, BaseUrlError::NotAbsolute));
        let most = self.max_requests.min(Semaphore::MAX_PERMITS);
        Ok(ApiProxy(Arc::new(ProxyParts {
            api: api.map_err(ApiProxyError::Client)?,
            base: base.map_err(ApiProxyError::Client)?,
            mounted_at: self.mounted_at,
            cookies: self.cookies,
            headers: self.headers,
            body_limit: self.body_limit,
            response_timeout: self.response_timeout,
            idle_timeout: self.idle_timeout.max(Duration::from_millis(1)),
            requests: Arc::new(Semaphore::new(most)),
        })))
    }
}

fn is_mount(path: &str) -> bool {
    stays_below(path) && !path.ends_with('/') && !path.contains(['%', '?', '#', ' '])
}

impl fmt::Debug for ApiProxy {
    /// Fields that the application sets may be keys, so only their names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiProxy")
            .field("api", &self.0.api)
            .field("mounted_at", &self.0.mounted_at)
            .field("cookies", &self.0.cookies)
            .field("headers", &self.0.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiProxyBuilder")
            .field("api", &self.api)
            .field("mounted_at", &self.mounted_at)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        for url in [
            "orders",
            "http://orders.internal",
            "https://orders.internal/?a=b",
        ] {
            let error = ApiProxy::new(url).unwrap_err();
            assert!(matches!(error, ApiProxyError::Client(_)), "{url}: {error}");
        }
        let builder = || ApiProxy::builder("https://orders.internal");
        for path in ["api", "/api/", "/", "", "/a/../b", "/a%20b", "/a?b"] {
            let error = builder().mounted_at(path).build().unwrap_err();
            assert!(
                matches!(error, ApiProxyError::MountedAt(_)),
                "{path}: {error}"
            );
        }
        let with = |name| {
            builder()
                .header(name, HeaderValue::from_static("x"))
                .build()
        };
        let error = with(http::header::AUTHORIZATION).unwrap_err();
        assert!(matches!(error, ApiProxyError::Header(_)), "{error}");
        assert!(with(HeaderName::from_static("x-api-key")).is_ok());
        assert!(builder().mounted_at("/app/api").build().is_ok());
        let mesh = ApiProxy::builder("http://orders.svc").dangerous_plain_http();
        assert!(mesh.build().is_ok());
    }

    #[test]
    fn keys_of_the_application_are_not_shown() {
        let key = HeaderValue::from_static("k3y");
        let builder = ApiProxy::builder("https://orders.internal")
            .header(HeaderName::from_static("x-api-key"), key);
        assert!(!format!("{builder:?}").contains("k3y"));
        let proxy = builder.build().unwrap();
        let shown = format!("{proxy:?}");
        assert!(
            shown.contains("x-api-key") && !shown.contains("k3y"),
            "{shown}"
        );
    }
}
