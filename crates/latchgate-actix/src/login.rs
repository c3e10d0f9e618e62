//! The middleware that puts the gate in front of an application.

use std::fmt;
use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use latchgate::{Challenge, Errand, Gate, Verdict, Visit};

use crate::extract::Rejection;
use crate::head::{Head, Headers};

/// Puts a [`Gate`] in front of an application, by [`App::wrap`](actix_web::App::wrap).
///
/// For every request it is decided, in this order:
///
/// 1. A request to a route of the gate (`/login`, `/callback`, `/logout`, `/backchannel-logout`
///    unless configured otherwise) is answered by the gate. The application is never asked.
/// 2. Any other request goes to the application. If it carries a session cookie, a
///    [`Visit`] goes along in its extensions; nothing is decrypted yet.
/// 3. A response that carries a [`Challenge`], put there by an extractor or by
///    [`Require`](crate::Require), is replaced by the gate's answer to it: a redirect to the provider
///    for navigations, a status and a problem document for the rest.
/// 4. Every response, errors and streams included, gets the cookies that the visit changed.
///
/// Behind a proxy: redirect URIs are made from the configured base URL, never from `Host`, so
/// nothing about the proxy needs to be trusted. The proxy must pass the path on as the browser sent
/// it.
///
/// Build the gate once, outside of the factory closure, and clone it into every worker: sessions
/// then share their token refreshes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Login {
    gate: Gate,
}

impl Login {
    /// The middleware of a gate. Clones share the gate.
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Login
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

/// The service behind [`Login`].
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

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let verdict = self.gate.admit(&Head(request.request()));
        match verdict {
            Verdict::Respond(errand) => Box::pin(async move {
                let answer = run(*errand, request.take_payload()).await;
                Ok(request.into_response(respond(answer)).map_into_right_body())
            }),
            Verdict::Pass(visit) => {
                // A visit of an outer gate is none of this one's.
                match &visit {
                    Some(visit) => drop(request.extensions_mut().insert(visit.clone())),
                    None => drop(request.extensions_mut().remove::<Visit>()),
                }
                let gate = self.gate.clone();
                let response = self.inner.call(request);
                Box::pin(async move { leave(&gate, visit, response.await).await })
            }
        }
    }
}

/// Turns a challenge into its answer, and lets the visit add its cookies.
async fn leave<B: MessageBody + 'static>(
    gate: &Gate,
    visit: Option<Visit>,
    outcome: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let mut response = match outcome {
        Ok(response) => response,
        // Another middleware failed: the cookies travel with its error.
        Err(cause) => {
            let answer = match cause.as_error::<Rejection>() {
                Some(rejection) => Some(gate.answer(rejection.challenge()).await),
                None => None,
            };
            return Err(Departed {
                cause,
                answer,
                visit,
            }
            .into());
        }
    };
    let challenge = response
        .response_mut()
        .extensions_mut()
        .remove::<Challenge>();
    let mut response = match challenge {
        Some(challenge) => {
            let answer = respond(gate.answer(challenge).await);
            response.into_response(answer).map_into_right_body()
        }
        None => response.map_into_left_body(),
    };
    if let Some(visit) = visit {
        visit.leave(&mut Headers(response.headers_mut()));
    }
    Ok(response)
}

async fn run(errand: Errand, mut payload: Payload) -> http::Response<Bytes> {
    let Some(limit) = errand.body_limit() else {
        return errand.run(Bytes::new()).await;
    };
    let mut read = Vec::new();
    // A body that breaks off is passed as far as it came: what is missing will be missed.
    while let Some(Ok(data)) = payload.next().await {
        // One byte more than the limit is enough for the errand to refuse.
        let wanted = data.len().min(limit + 1 - read.len());
        read.extend(data.into_iter().take(wanted));
        if read.len() > limit {
            break;
        }
    }
    errand.run(read.into()).await
}

fn status(answer: &http::Response<Bytes>) -> StatusCode {
    StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A response of the gate's (`http` 1) as one of actix-web's (`http` 0.2).
fn respond(answer: http::Response<Bytes>) -> HttpResponse {
    let status = status(&answer);
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

/// An error of the application's middleware, with what the visit has to say.
struct Departed {
    cause: Error,
    /// The gate's answer, when the middleware let an extractor's rejection through.
    answer: Option<http::Response<Bytes>>,
    visit: Option<Visit>,
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
            Some(answer) => status(answer),
            None => self.cause.as_response_error().status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = match &self.answer {
            Some(answer) => respond(answer.clone()),
            None => self.cause.error_response(),
        };
        if let Some(visit) = &self.visit {
            visit.leave(&mut Headers(response.headers_mut()));
        }
        response
    }
}
