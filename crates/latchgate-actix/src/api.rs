//! The middleware that puts an API in front of an application.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use futures_util::future::LocalBoxFuture;
use latchgate::Api;

use crate::head::Head;
use crate::middleware::serve;

/// Puts an [`Api`] in front of an application, by [`App::wrap`](actix_web::App::wrap): one that accepts access tokens, and
/// has no login.
///
/// What happens to a request, in this order:
///
/// 1. A request for the metadata of the resource (`/.well-known/oauth-protected-resource`, RFC 9728) is answered.
/// 2. Any other request goes to the application. If it presents an access token, a
///    [`RequestToken`](latchgate::adapter::RequestToken) goes along in its extensions; nothing is verified yet.
/// 3. A response that carries a [`Challenge`](latchgate::adapter::Challenge), put there by an extractor or by
///    [`GuardMiddleware`](crate::GuardMiddleware), is replaced by a `401`, `403` or `503` with a `WWW-Authenticate` header
///    (RFC 6750 §3) and a problem document.
///
/// A route that asks for no [`User`](crate::User) and has no guard is open to everybody. See [`Api`] for how a token is
/// checked, and [`GateBuilder::api`](latchgate::GateBuilder::api) for a server that has a login as well.
///
/// Behind a proxy: DPoP proofs are checked against the configured base URL, never against `Host`. A proxy that ends mutual
/// TLS has to pass on the certificate, as a [`CertificateThumbprint`](latchgate::CertificateThumbprint) in the
/// request's extensions, put there by a middleware around this one; a server that ends TLS itself puts it into the
/// connection's (`HttpServer::on_connect`).
///
/// ```
/// use actix_web::{App, web};
/// use latchgate_actix::{Api, ApiMiddleware, User};
///
/// # fn app() -> Result<(), latchgate_actix::ConfigError> {
/// let api = Api::builder("https://login.example.com/", "https://api.example.com").build()?;
/// let app = App::new()
///     .wrap(ApiMiddleware::new(api))
///     .route("/me", web::get().to(async |user: User| user.subject().to_owned()));
/// # drop(app);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiMiddleware {
    api: Api,
}

impl ApiMiddleware {
    /// The middleware of an API. Clones share the API.
    pub fn new(api: Api) -> Self {
        Self { api }
    }
}

impl<S, B> Transform<S, ServiceRequest> for ApiMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = ApiService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(ApiService {
            inner: Rc::new(inner),
            api: self.api.clone(),
        }))
    }
}

/// The service behind [`ApiMiddleware`].
#[derive(Debug)]
pub struct ApiService<S> {
    inner: Rc<S>,
    api: Api,
}

impl<S, B> Service<ServiceRequest> for ApiService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let verdict = self.api.admit(&Head(request.request()));
        serve(verdict, request, &*self.inner)
    }
}
