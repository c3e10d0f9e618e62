//! The services that [`LoginLayer`](crate::LoginLayer) and [`ApiLayer`](crate::ApiLayer) make, and their future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::{Buf, Bytes};
use http::{Extensions, Request, Response};
use http_body_util::BodyExt;
use latchgate::adapter::{Challenge, Pass, RequestSession, RequestToken, RouteRequest, Verdict};
use latchgate::{Api, Gate};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::head::Head;

/// A service behind a [`Gate`].
#[derive(Clone, Debug)]
pub struct LoginService<S> {
    inner: S,
    gate: Gate,
}

impl<S> LoginService<S> {
    pub(crate) fn new(inner: S, gate: Gate) -> Self {
        Self { inner, gate }
    }
}

impl<S, B, R> Service<Request<B>> for LoginService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verdict = self.gate.admit(&Head::of(&request));
        ResponseFuture::new(verdict, request, |request| self.inner.call(request))
    }
}

/// A service behind an [`Api`].
#[derive(Clone, Debug)]
pub struct ApiService<S> {
    inner: S,
    api: Api,
}

impl<S> ApiService<S> {
    pub(crate) fn new(inner: S, api: Api) -> Self {
        Self { inner, api }
    }
}

impl<S, B, R> Service<Request<B>> for ApiService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verdict = self.api.admit(&Head::of(&request));
        ResponseFuture::new(verdict, request, |request| self.inner.call(request))
    }
}

/// Puts a value into a request's extensions in place of another layer's.
fn replace<T: Clone + Send + Sync + 'static>(extensions: &mut Extensions, value: Option<&T>) {
    match value {
        Some(value) => drop(extensions.insert(value.clone())),
        None => drop(extensions.remove::<T>()),
    }
}

async fn run<B: http_body::Body>(route: RouteRequest, body: B) -> Response<Bytes> {
    let Some(limit) = route.body_limit() else {
        return route.run(Bytes::new()).await;
    };
    let mut read = Vec::new();
    let mut body = std::pin::pin!(body);
    // A body that breaks off is passed as far as it came: what is missing will be missed.
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        // One byte more than the limit is enough for the route to refuse.
        let wanted = data.remaining().min(limit + 1 - read.len());
        read.extend_from_slice(&data.copy_to_bytes(wanted));
        if read.len() > limit {
            break;
        }
    }
    route.run(read.into()).await
}

type Answer = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

pin_project! {
    /// The future of [`LoginService`] and [`ApiService`].
    pub struct ResponseFuture<F> {
        #[pin]
        stage: Stage<F>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Application {
            #[pin]
            response: F,
            pass: Pass,
        },
        Answer {
            answer: Answer,
            pass: Option<Pass>,
        },
    }
}

impl<F> ResponseFuture<F> {
    /// What becomes of a request.
    fn new<B>(verdict: Verdict, mut request: Request<B>, call: impl FnOnce(Request<B>) -> F) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let stage = match verdict {
            Verdict::Respond(route) => Stage::Answer {
                answer: Box::pin(run(*route, request.into_body())),
                pass: None,
            },
            Verdict::Answer(answer) => Stage::Answer {
                answer: Box::pin(std::future::ready(*answer)),
                pass: None,
            },
            Verdict::Pass(mut pass) => {
                replace::<RequestSession>(request.extensions_mut(), pass.session());
                replace::<RequestToken>(request.extensions_mut(), pass.token());
                Stage::Application {
                    response: pass.poll(|| call(request)),
                    pass,
                }
            }
        };
        Self { stage }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            let response = match stage.as_mut().project() {
                StageProjection::Application { response, pass } => {
                    let mut response = ready!(pass.poll(|| response.poll(cx)))?;
                    let status = response.status().as_u16();
                    let challenge = response.extensions_mut().remove::<Challenge>();
                    if let Some(challenge) = challenge.or_else(|| pass.silent_login(status)) {
                        let answer = pass.answer(challenge, response.headers());
                        let pass = Some(pass.clone());
                        stage.set(Stage::Answer { answer, pass });
                        continue;
                    }
                    pass.apply_to(response.headers_mut());
                    // A body of axum's is taken as it is.
                    response.map(Body::new)
                }
                StageProjection::Answer { answer, pass } => {
                    let mut answer = ready!(answer.as_mut().poll(cx));
                    if let Some(pass) = pass {
                        pass.apply_to(answer.headers_mut());
                    }
                    answer.map(Body::from)
                }
            };
            return Poll::Ready(Ok(response));
        }
    }
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}
