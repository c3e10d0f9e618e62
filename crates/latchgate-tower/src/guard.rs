//! Guards for groups of routes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use latchgate::Guard;
use latchgate::adapter::{Challenge, Extract, RequestSession, RequestToken};
use tower_layer::Layer;
use tower_service::Service;

use crate::head::Head;

/// Admits only requests that meet a [`Guard`].
///
/// Put it on the routes it protects (`Router::route_layer` in axum), inside a
/// [`LoginLayer`](crate::LoginLayer) or [`ApiLayer`](crate::ApiLayer): the guard decides, that layer answers. It applies to
/// the route that the framework matched, so no path pattern can disagree with the router.
///
/// ```
/// use latchgate_tower::{Guard, GuardLayer};
///
/// let admins_only = GuardLayer::new(Guard::signed_in().role("admin"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct GuardLayer {
    guard: Arc<Guard>,
}

impl GuardLayer {
    /// The layer of a guard.
    pub fn new(guard: Guard) -> Self {
        Self {
            guard: Arc::new(guard),
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService {
            inner,
            guard: Arc::clone(&self.guard),
        }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone that is ready goes with the request; a fresh one stays.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            // A body need not be `Sync`, and a guard does not look at it.
            let (parts, body) = request.into_parts();
            let request = Request::from_parts(parts, ());
            let session = request.extensions().get::<RequestSession>().cloned();
            let token = request.extensions().get::<RequestToken>().cloned();
            let head = Head::of(&request);
            let extract = Extract::new(session.as_ref(), &head).presenting(token.as_ref());
            let admitted = extract.guarded(&guard).await;
            match admitted {
                Ok(_) => {
                    let response = inner.call(request.map(|()| body)).await?;
                    Ok(response.map(Body::new))
                }
                Err(challenge) => Ok(unanswered(challenge)),
            }
        })
    }
}

/// A placeholder that the [`LoginLayer`](crate::LoginLayer) or [`ApiLayer`](crate::ApiLayer) replaces. Its text is for developers who forgot the layer.
pub(crate) fn unanswered(challenge: Challenge) -> Response<Body> {
    let mut response = Response::new(Body::from(
        "Sign-in is required, but there is no latchgate LoginLayer (or ApiLayer) around this router to answer it.",
    ));
    *response.status_mut() = challenge.status();
    response.extensions_mut().insert(challenge);
    response
}
