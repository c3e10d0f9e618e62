//! How a browser reaches servers.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use reqwest::redirect;
use url::{Position, Url};

use super::BrowserError;

/// Sends a browser's requests.
pub trait Transport {
    /// Sends one request, whose URI is absolute, and reads the response to its end. Redirects are not followed.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, BrowserError>>;
}

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    http: reqwest::Client,
    detour: Option<Detour>,
}

/// Where an origin is really reached.
#[derive(Clone, Debug)]
struct Detour {
    origin: String,
    address: String,
}

impl Network {
    pub(super) fn new() -> Result<Self, BrowserError> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .build();
        Ok(Self {
            http: http.map_err(|error| BrowserError::Message(error.into()))?,
            detour: None,
        })
    }

    pub(super) fn detour(&mut self, site: &str, address: &str) {
        let origin = origin(site);
        self.detour = origin
            .filter(|origin| origin != address)
            .map(|origin| Detour {
                origin,
                address: address.to_owned(),
            });
    }
}

impl Transport for Network {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, BrowserError> {
        let url = request.uri().to_string();
        if let Some(detour) = &self.detour
            && is_at(request.uri(), &detour.origin)
        {
            let target = format!("{}{}", detour.address, path(request.uri()));
            let host = host(request.uri())?;
            request.headers_mut().insert(HOST, host);
            *request.uri_mut() = target.parse()?;
        }
        let lost = |error: reqwest::Error| no_response(&url, error);
        let is_empty = request.body().is_empty();
        let mut request = reqwest::Request::try_from(request).map_err(lost)?;
        if is_empty {
            *request.body_mut() = None;
        }
        let response = self.http.execute(request).await.map_err(lost)?;
        let mut read = Response::new(Bytes::new());
        *read.status_mut() = response.status();
        *read.headers_mut() = response.headers().clone();
        *read.body_mut() = response.bytes().await.map_err(lost)?;
        Ok(read)
    }
}

pub(super) fn no_response(
    url: &str,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> BrowserError {
    BrowserError::NoResponse {
        url: url.to_owned(),
        source: source.into(),
    }
}

/// The origin of a URL.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}

/// Whether a request goes to this origin.
pub(super) fn is_at(uri: &Uri, origin: &str) -> bool {
    self::origin(&uri.to_string()).is_some_and(|own| own == origin)
}

/// The path and the query, as a server sees them.
pub(super) fn path(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// The `Host` of a request.
pub(super) fn host(uri: &Uri) -> Result<HeaderValue, BrowserError> {
    let url = Url::parse(&uri.to_string());
    let url = url.map_err(|source| BrowserError::Url {
        text: uri.to_string(),
        source,
    })?;
    Ok(HeaderValue::from_str(
        &url[Position::BeforeHost..Position::AfterPort],
    )?)
}
