//! An application on actix-web, in this process.

use std::fmt;
use std::rc::Rc;

use actix_http::Request as ActixRequest;
use actix_web::HttpResponse;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};

use super::transport::{host, is_at, no_response, origin, path};
use super::{BrowserError, Network, TestBrowser, Transport};
use crate::actix::head;

/// An application on actix-web in this process, and the network for everything else.
pub struct ActixApp<S> {
    origin: String,
    service: Rc<S>,
    network: Network,
}

impl<S, B> TestBrowser<ActixApp<S>>
where
    S: Service<ActixRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    /// A browser whose home is an application in this process, without a socket: what `actix_web::test::init_service` returns.
    /// `base_url` is the gate's.
    ///
    /// # Errors
    ///
    /// If this machine cannot make connections, which other servers need.
    pub fn of_actix(base_url: &str, service: S) -> Result<Self, BrowserError> {
        let app = ActixApp {
            origin: origin(base_url).unwrap_or_default(),
            service: Rc::new(service),
            network: Network::new()?,
        };
        Ok(Self::over(app).at_home(base_url))
    }
}

impl<S, B> Transport for ActixApp<S>
where
    S: Service<ActixRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BrowserError> {
        if !is_at(request.uri(), &self.origin) {
            return self.network.send(request).await;
        }
        let url = request.uri().to_string();
        let method = request.method().as_str();
        let method = actix_web::http::Method::from_bytes(method.as_bytes());
        let mut sent = TestRequest::with_uri(path(request.uri()))
            .method(method.map_err(|error| BrowserError::Message(error.into()))?)
            .insert_header((HOST.as_str(), host(request.uri())?.as_bytes()));
        for (name, value) in request.headers() {
            sent = sent.append_header((name.as_str(), value.as_bytes()));
        }
        let sent = sent.set_payload(request.into_body()).to_request();
        match self.service.call(sent).await {
            Ok(answered) => read(&url, answered.into_parts().1).await,
            // A server answers with what its middleware returns as an error.
            Err(error) => read(&url, error.error_response()).await,
        }
    }
}

async fn read<B: MessageBody>(
    url: &str,
    answered: HttpResponse<B>,
) -> Result<Response<Bytes>, BrowserError> {
    let mut response = head(&answered);
    let body = to_bytes(answered.into_body()).await;
    *response.body_mut() = body.map_err(|error| {
        let error: Box<dyn std::error::Error> = error.into();
        no_response(url, error.to_string())
    })?;
    Ok(response)
}

impl<S> Clone for ActixApp<S> {
    fn clone(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            service: Rc::clone(&self.service),
            network: self.network.clone(),
        }
    }
}

impl<S> fmt::Debug for ActixApp<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActixApp")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
