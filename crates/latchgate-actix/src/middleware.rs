//! The middleware that puts the gate in front of an application.

use std::fmt;
use std::future::{Ready, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{
    Extensions, Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready,
};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use latchgate::Gate;
use latchgate::adapter::{Challenge, Pass, RouteRequest, Verdict};

use crate::extract::Rejection;
use crate::failure::{Failure, Failures};
use crate::head::{Head, Headers, status};

/// Puts a [`Gate`] in front of an application, by [`App::wrap`](actix_web::App::wrap).
///
/// What happens to a request, in this order:
///
/// 1. A request to a route of the gate (`/login`, `/callback`, `/logout`, `/backchannel-logout`,
///    `/frontchannel-logout` unless configured otherwise, and `/login/initiate` if
///    [`initiate_login_path`](latchgate::GateBuilder::initiate_login_path) says so, and `/session` if
///    [`session_path`](latchgate::GateBuilder::session_path) does) is answered by the gate. The application never sees it.
/// 2. Any other request goes to the application. If it carries a session cookie, a
///    [`RequestSession`](latchgate::adapter::RequestSession) goes along in its extensions; nothing is decrypted yet. If
///    [access tokens are accepted](latchgate::GateBuilder::api) and it presents one, a
///    [`RequestToken`](latchgate::adapter::RequestToken) goes along instead.
/// 3. A response that carries a [`Challenge`], put there by an extractor or by
///    [`GuardMiddleware`](crate::GuardMiddleware), is replaced by the gate's answer to it: a redirect to the provider
///    for navigations, a status and a problem document for the rest. Headers that middleware in
///    between has set are kept, unless they describe the replaced response.
/// 4. Every response, errors and streams included, gets the cookies that have changed, and
///    `Vary: Cookie` if the application asked who is there.
///
/// For the order among other middleware, see [where the middleware
/// goes](crate#where-the-middleware-goes).
///
/// Behind a proxy: redirect URIs are made from the configured base URL, never from `Host`, so
/// no proxy has to be trusted. If the proxy removes the path of the base URL, say so with
/// [`base_path`](latchgate::GateBuilder::base_path).
///
/// Build the gate once, outside of the factory closure, and clone it into every worker, so that they
/// share their token refreshes.
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginMiddleware {
    gate: Gate,
}

impl LoginMiddleware {
    /// The middleware of a gate. Clones share the gate.
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S, B> Transform<S, ServiceRequest> for LoginMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = LoginService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(LoginService {
            inner: Rc::new(inner),
            gate: self.gate.clone(),
        }))
    }
}

/// The service behind [`LoginMiddleware`].
#[derive(Debug)]
pub struct LoginService<S> {
    inner: Rc<S>,
    gate: Gate,
}

impl<S, B> Service<ServiceRequest> for LoginService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let verdict = self.gate.admit(&Head(request.request()));
        serve(verdict, request, &*self.inner)
    }
}

/// Makes the response to a request, by the application or instead of it.
pub(crate) fn serve<S, B>(
    verdict: Verdict,
    mut request: ServiceRequest,
    application: &S,
) -> LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<B>>, Error>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match verdict {
        Verdict::Respond(route) => Box::pin(async move {
            let answer = run(*route, request.take_payload()).await;
            Ok(request.into_response(respond(answer)).map_into_right_body())
        }),
        Verdict::Answer(answer) => {
            let response = request.into_response(respond(*answer));
            Box::pin(ready(Ok(response.map_into_right_body())))
        }
        Verdict::Pass(mut pass) => {
            let outer = replace(&mut request.extensions_mut(), pass.session().cloned());
            let outer_token = replace(&mut request.extensions_mut(), pass.token().cloned());
            let failures = Failures::default();
            if pass.session().is_some() || pass.token().is_some() {
                request.extensions_mut().insert(failures.mailbox());
            }
            let response = pass.poll(|| application.call(request));
            Box::pin(async move {
                let passed = pass_through(&mut pass, response, failures).await;
                let response = leave(&pass, passed).await?;
                replace(&mut response.request().extensions_mut(), outer);
                replace(&mut response.request().extensions_mut(), outer_token);
                Ok(response)
            })
        }
    }
}

/// Puts a value into a request's extensions in place of another middleware's, which is returned.
fn replace<T: 'static>(extensions: &mut Extensions, value: Option<T>) -> Option<T> {
    let outer = extensions.remove::<T>();
    if let Some(value) = value {
        extensions.insert(value);
    }
    outer
}

/// What became of a request within the application.
enum Passed<B> {
    Answered(Result<ServiceResponse<B>, Error>),
    /// An extractor could not tell who is there, so no handler answered.
    Failed(Failure),
}

async fn pass_through<B>(
    pass: &mut Pass,
    response: impl Future<Output = Result<ServiceResponse<B>, Error>>,
    failures: Failures,
) -> Passed<B> {
    let mut response = pin!(response);
    poll_fn(|cx| {
        if let Poll::Ready(answered) = pass.poll(|| response.as_mut().poll(cx)) {
            return Poll::Ready(Passed::Answered(answered));
        }
        failures.poll(cx).map(Passed::Failed)
    })
    .await
}

/// Turns a challenge into its answer, and adds the cookies that have changed.
async fn leave<B: MessageBody + 'static>(
    pass: &Pass,
    passed: Passed<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let mut response = match passed {
        Passed::Answered(Ok(mut response)) => {
            let response_head = response.response_mut();
            let status = response_head.status().as_u16();
            let challenge = response_head.extensions_mut().remove::<Challenge>();
            match challenge.or_else(|| pass.silent_login(status)) {
                Some(challenge) => {
                    let headers = Headers(response_head.headers_mut());
                    let answer = pass.answer(challenge, &headers).await;
                    response
                        .into_response(respond(answer))
                        .map_into_right_body()
                }
                None => response.map_into_left_body(),
            }
        }
        Passed::Failed(Failure { challenge, request }) => {
            let headers = &mut HeaderMap::new();
            let answer = pass.answer(challenge, &Headers(headers)).await;
            ServiceResponse::new(request, respond(answer)).map_into_right_body()
        }
        // Another middleware failed: the cookies travel with its error.
        Passed::Answered(Err(cause)) => {
            let headers = &mut HeaderMap::new();
            let answer = match cause.as_error::<Rejection>() {
                Some(rejection) => {
                    let answer = pass.answer(rejection.challenge(), &Headers(headers));
                    Some(answer.await)
                }
                None => None,
            };
            let pass = pass.clone();
            return Err(Departed {
                cause,
                answer,
                pass,
            }
            .into());
        }
    };
    pass.apply_to(&mut Headers(response.headers_mut()));
    Ok(response)
}

async fn run(route: RouteRequest, mut payload: Payload) -> http::Response<Bytes> {
    let Some(limit) = route.body_limit() else {
        return route.run(Bytes::new()).await;
    };
    let mut read = Vec::new();
    // A body that breaks off is passed as far as it came: what is missing will be missed.
    while let Some(Ok(data)) = payload.next().await {
        // One byte more than the limit is enough for the route to refuse.
        let wanted = data.len().min(limit + 1 - read.len());
        read.extend(data.into_iter().take(wanted));
        if read.len() > limit {
            break;
        }
    }
    route.run(read.into()).await
}

/// A response of the gate's (`http` 1) as one of actix-web's (`http` 0.2).
fn respond(answer: http::Response<Bytes>) -> HttpResponse {
    let status = status(answer.status());
    let (head, body) = answer.into_parts();
    let mut response = HttpResponse::with_body(status, BoxBody::new(body));
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// An error of the application's middleware, to which cookies and the gate's answer are added.
struct Departed {
    cause: Error,
    /// The gate's answer, if the error is an extractor's rejection.
    answer: Option<http::Response<Bytes>>,
    pass: Pass,
}

impl fmt::Debug for Departed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.cause, f)
    }
}

impl fmt::Display for Departed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}

impl ResponseError for Departed {
    fn status_code(&self) -> StatusCode {
        match &self.answer {
            Some(answer) => status(answer.status()),
            None => self.cause.as_response_error().status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = match &self.answer {
            Some(answer) => respond(answer.clone()),
            None => self.cause.error_response(),
        };
        self.pass.apply_to(&mut Headers(response.headers_mut()));
        response
    }
}
