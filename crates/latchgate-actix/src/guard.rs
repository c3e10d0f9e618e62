//! Guards for scopes and resources.

use std::fmt;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, HttpMessage};
use futures_util::future::LocalBoxFuture;
use latchgate::Guard;
use latchgate::adapter::{Extract, RequestSession, RequestToken};

use crate::extract::Rejection;
use crate::head::Head;

/// Admits only requests that meet a [`Guard`].
///
/// Wrap it around the scope or resource it protects, inside an application wrapped in
/// [`LoginMiddleware`](crate::LoginMiddleware): the guard decides, the login middleware answers. It applies to
/// the route that the framework matched, so no path pattern can disagree with the router.
///
/// ```
/// use actix_web::{HttpResponse, web};
/// use latchgate_actix::{Guard, GuardMiddleware};
///
/// let admin = web::resource("/admin")
///     .wrap(GuardMiddleware::new(Guard::signed_in().role("admin")))
///     .to(HttpResponse::Ok);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct GuardMiddleware {
    guard: Arc<Guard>,
}

impl GuardMiddleware {
    /// The middleware of a guard.
    pub fn new(guard: Guard) -> Self {
        Self {
            guard: Arc::new(guard),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for GuardMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = GuardService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(GuardService {
            inner: Rc::new(inner),
            guard: Arc::clone(&self.guard),
        }))
    }
}

/// The service behind [`GuardMiddleware`].
pub struct GuardService<S> {
    inner: Rc<S>,
    guard: Arc<Guard>,
}

impl<S, B> Service<ServiceRequest> for GuardService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let inner = Rc::clone(&self.inner);
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let session = request.extensions().get::<RequestSession>().cloned();
            let token = request.extensions().get::<RequestToken>().cloned();
            let head = Head(request.request());
            let extract = Extract::new(session.as_ref(), &head).presenting(token.as_ref());
            let admitted = extract.guarded(&guard).await;
            match admitted {
                Ok(_) => inner
                    .call(request)
                    .await
                    .map(ServiceResponse::map_into_left_body),
                Err(challenge) => {
                    let rejection = Rejection::from(challenge);
                    Ok(request.error_response(rejection).map_into_right_body())
                }
            }
        })
    }
}

impl<S> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
