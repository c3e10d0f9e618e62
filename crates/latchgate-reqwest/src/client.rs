//! The client of one API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use latchgate::{ApiTokens, ClientCertificate, Gate, TokenFor};
use reqwest_middleware::Middleware;

use crate::authorization::Authorization;
use crate::base_urls::{BaseUrls, PlainHttp, base_url};
use crate::caller::ApiCaller;
use crate::error::ApiClientError;
use crate::redirect::Redirects;
use crate::token_source::TokenSource;

/// The client of one API. Build it once, when the application starts; it is cheap to clone.
///
/// A call is made as a person, [`as_user`](Self::as_user), or as the application, [`as_application`](Self::as_application).
///
/// ```
/// use latchgate_reqwest::ApiClient;
///
/// # fn main() -> Result<(), latchgate_reqwest::ApiClientError> {
/// let orders = ApiClient::new("https://orders.example.com/v1")?;
/// # let _ = orders;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    middleware: Vec<Arc<dyn Middleware>>,
    urls: Arc<BaseUrls>,
    token_for: Option<TokenFor>,
    redirects: Redirects,
}

/// Builds an [`ApiClient`]. Made by [`ApiClient::builder`].
#[must_use]
pub struct ApiClientBuilder {
    base_url: String,
    more: Vec<String>,
    plain_http: PlainHttp,
    token_for: Option<TokenFor>,
    redirects: Redirects,
    http: Option<reqwest::ClientBuilder>,
    certificate: Option<ClientCertificate>,
    middleware: Vec<Arc<dyn Middleware>>,
}

impl ApiClient {
    /// The client of the API at this base URL, which accepts the access token of the login.
    ///
    /// # Errors
    ///
    /// [`ApiClientError::BaseUrl`] unless it is `https://…`, or `http://…` on loopback, without a query.
    pub fn new(base_url: impl Into<String>) -> Result<Self, ApiClientError> {
        Self::builder(base_url).build()
    }

    /// Starts to build the client of the API at this base URL.
    pub fn builder(base_url: impl Into<String>) -> ApiClientBuilder {
        ApiClientBuilder {
            base_url: base_url.into(),
            more: Vec::new(),
            plain_http: PlainHttp::OnLoopback,
            token_for: None,
            redirects: Redirects::Followed,
            http: None,
            certificate: None,
            middleware: Vec::new(),
        }
    }

    /// Calls as the person who makes the request, whose `ApiTokens` the handler has extracted: with the access token of
    /// the login, or with the one that [`ApiClientBuilder::token_for`] names.
    ///
    /// ```
    /// # use latchgate::{ApiTokens, Error};
    /// # use latchgate_reqwest::{ApiClient, call_error};
    /// async fn orders(api: &ApiClient, tokens: &ApiTokens) -> Result<u16, Error> {
    ///     let response = api.as_user(tokens).get("/orders").send().await.map_err(call_error)?;
    ///     Ok(response.status().as_u16())
    /// }
    /// ```
    pub fn as_user(&self, tokens: &ApiTokens) -> ApiCaller {
        let token_for = self.token_for.clone();
        self.caller(TokenSource::User(tokens.clone(), token_for))
    }

    /// Calls as the application itself, with its client credentials (RFC 6749 §4.4): for jobs that no person starts. The
    /// token is the one that [`ApiClientBuilder::token_for`] names; without that, it is requested for the base URL as its
    /// resource, as [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707#section-2) suggests.
    pub fn as_application(&self, gate: &Gate) -> ApiCaller {
        let by_url = || TokenFor::resource(self.urls.first().as_str());
        let token_for = self.token_for.clone().unwrap_or_else(by_url);
        self.caller(TokenSource::Application(gate.clone(), token_for))
    }

    fn caller(&self, source: TokenSource) -> ApiCaller {
        ApiCaller::new(
            self.http.clone(),
            &self.middleware,
            Authorization {
                urls: Arc::clone(&self.urls),
                source,
                redirects: self.redirects,
            },
        )
    }
}

impl ApiClientBuilder {
    /// The access token that this API accepts, if it is not the login's. See [`ApiTokens`].
    pub fn token_for(mut self, token_for: TokenFor) -> Self {
        self.token_for = Some(token_for);
        self
    }

    /// Another base URL of the same API, for absolute URLs and redirects. It gets the same tokens, so it must be run by the
    /// same people.
    pub fn also_at(mut self, base_url: impl Into<String>) -> Self {
        self.more.push(base_url.into());
        self
    }

    /// Returns redirects as results instead of following those within the API.
    pub fn return_redirects(mut self) -> Self {
        self.redirects = Redirects::Returned;
        self
    }

    /// Settings of the HTTP client: time limits, root certificates, a proxy. Its redirect policy is replaced. By default,
    /// connecting may take 5 seconds, and a pause in a response 30 seconds.
    pub fn http_client(mut self, settings: reqwest::ClientBuilder) -> Self {
        self.http = Some(settings);
        self
    }

    /// Presents this certificate to the API, which a token that is bound to it
    /// ([RFC 8705 §3](https://www.rfc-editor.org/rfc/rfc8705#section-3)) requires. Give the one that the provider gets
    /// ([`Provider::client_certificate`](latchgate::Provider::client_certificate)). It replaces a certificate
    /// of [`http_client`](Self::http_client).
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Adds the application's own middleware, such as tracing or retries. It runs before the access token is put into the
    /// request, so it does not see the token.
    pub fn with(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Accepts base URLs with plain http, over which anybody on the network can read and use the tokens. Only for networks
    /// that encrypt by themselves, such as a service mesh.
    pub fn dangerous_plain_http(mut self) -> Self {
        self.plain_http = PlainHttp::Anywhere;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// [`ApiClientError::BaseUrl`] if tokens may not be sent to a base URL; [`ApiClientError::Client`] if the HTTP
    /// client cannot be built, for example because the certificate and its key do not belong together.
    pub fn build(self) -> Result<ApiClient, ApiClientError> {
        let read = |text: String| match base_url(&text, self.plain_http) {
            Ok(url) => Ok(url),
            Err(why) => Err(ApiClientError::BaseUrl(text, why)),
        };
        let first = read(self.base_url)?;
        let more = self.more.into_iter().map(read).collect::<Result<_, _>>()?;
        let mut http = self.http.unwrap_or_else(|| {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(5))
                .read_timeout(Duration::from_secs(30))
        });
        if let Some(certificate) = self.certificate {
            let identity = reqwest::Identity::from_pem(certificate.secret_pem());
            http = http.identity(identity.map_err(ApiClientError::Client)?);
        }
        let http = http.redirect(reqwest::redirect::Policy::none()).build();
        Ok(ApiClient {
            http: http.map_err(ApiClientError::Client)?,
            middleware: self.middleware,
            urls: Arc::new(BaseUrls::new(first, more)),
            token_for: self.token_for,
            redirects: self.redirects,
        })
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("urls", &self.urls)
            .field("token_for", &self.token_for)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClientBuilder")
            .field("base_url", &self.base_url)
            .field("token_for", &self.token_for)
            .finish_non_exhaustive()
    }
}
