//! An application on axum or tower, in this process.

use std::error::Error;
use std::future::poll_fn;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::transport::{host, is_at, no_response, origin, path};
use super::{BrowserError, Network, TestBrowser, Transport};

/// An application in this process, and the network for everything else.
#[derive(Clone, Debug)]
pub struct TowerService<S> {
    origin: String,
    service: S,
    network: Network,
}

impl<S, B> TestBrowser<TowerService<S>>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// A browser whose home is an application in this process, without a socket: an axum `Router`, or any other
    /// [`Service`]. `base_url` is the gate's.
    ///
    /// # Errors
    ///
    /// If this machine cannot make connections, which other servers need.
    pub fn of(base_url: &str, service: S) -> Result<Self, BrowserError> {
        let service = TowerService {
            origin: origin(base_url).unwrap_or_default(),
            service,
            network: Network::new()?,
        };
        Ok(Self::over(service).at_home(base_url))
    }
}

impl<S, B> Transport for TowerService<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, BrowserError> {
        if !is_at(request.uri(), &self.origin) {
            return self.network.send(request).await;
        }
        let url = request.uri().to_string();
        let host = host(request.uri())?;
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = path(request.uri()).parse()?;
        let mut service = self.service.clone();
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        ready.map_err(|error| no_response(&url, error))?;
        let response = service.call(request.map(Full::new)).await;
        let (parts, body) = response
            .map_err(|error| no_response(&url, error))?
            .into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| no_response(&url, error))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}
