//! The proxy as a service of actix-web, which has `http` 0.2 and bodies of its own.

use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, Version};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, LocalBoxFuture, select};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use latchgate::ForwardError;
use latchgate::adapter::{Challenge, RequestSession, RequestToken};
use tokio::sync::mpsc;

use crate::body::ProxyBody;
use crate::forward::Incoming;
use crate::proxy::ApiProxy;
use crate::upload::{BoxError, ClientBody};

/// How many pieces of a body wait for the API.
const PIECES: usize = 2;

impl ServiceFactory<ServiceRequest> for ApiProxy {
    type Response = ServiceResponse;
    type Error = Error;
    type Config = ();
    type Service = Self;
    type InitError = ();
    type Future = Ready<Result<Self, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        ready(Ok(self.clone()))
    }
}

impl Service<ServiceRequest> for ApiProxy {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse, Error>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let proxy = self.clone();
        Box::pin(async move {
            let payload = request.take_payload();
            let (request, _) = request.into_parts();
            let incoming = incoming(&request, payload);
            let head_only = request.method() == actix_web::http::Method::HEAD;
            let response = match incoming {
                Some(incoming) => match proxy.forward(incoming).await {
                    Ok(response) => passed_on(response, head_only),
                    Err(challenge) => unanswered(challenge),
                },
                None => HttpResponse::new(StatusCode::BAD_REQUEST),
            };
            Ok(ServiceResponse::new(request, response))
        })
    }
}

/// The request in `http` 1. `None` if that has no such request, which no client's can be.
fn incoming(request: &HttpRequest, payload: Payload) -> Option<Incoming> {
    let mut head = Request::new(());
    *head.method_mut() = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    *head.uri_mut() = request.uri().to_string().parse().ok()?;
    for (name, value) in request.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let value = http::HeaderValue::from_bytes(value.as_bytes()).ok()?;
        head.headers_mut().append(name, value);
    }
    // RFC 9112 §6.3: a request that tells no length has no body.
    let is_http_1 = request.version() <= Version::HTTP_11;
    let framed = [CONTENT_LENGTH, TRANSFER_ENCODING];
    let framed = framed.iter().any(|name| head.headers().contains_key(name));
    let body = match payload {
        Payload::None => None,
        _ if is_http_1 && !framed => None,
        payload => Some(client_body(payload, length(head.headers()))),
    };
    let extensions = request.extensions();
    Some(Incoming {
        proxy_at: proxy_at(request),
        session: extensions.get::<RequestSession>().cloned(),
        token: extensions.get::<RequestToken>().cloned(),
        head,
        body,
    })
}

fn length(headers: &http::HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The part of the path that scopes have matched, as the client has written it. What they tell of it is decoded, except
/// for slashes.
fn proxy_at(request: &HttpRequest) -> String {
    let matched = request.match_info();
    let scopes = matched.as_str().strip_suffix(matched.unprocessed());
    let depth = scopes.unwrap_or_default().matches('/').count();
    let path = request.uri().path();
    let ends = path.match_indices('/').map(|(at, _)| at);
    let end = ends.chain([path.len()]).nth(depth);
    path[..end.unwrap_or(path.len())].to_owned()
}

/// The body as something that may go to another thread, piece by piece.
fn client_body(mut payload: Payload, length: Option<u64>) -> ClientBody {
    let (pieces, received) = mpsc::channel(PIECES);
    actix_web::rt::spawn(async move {
        loop {
            let closed = pin!(pieces.closed());
            let (piece, is_last) = match select(payload.next(), closed).await {
                Either::Left((Some(Ok(data)), _)) => (Piece::Data(data), false),
                Either::Left((None, _)) => (Piece::End, true),
                // Whoever reads misses the end then.
                Either::Left((Some(Err(_)), _)) | Either::Right(_) => return,
            };
            if pieces.send(piece).await.is_err() || is_last {
                return;
            }
        }
    });
    let body = Pieces {
        received,
        length,
        ended: false,
    };
    body.boxed_unsync()
}

enum Piece {
    Data(Bytes),
    End,
}

/// The pieces of a body as they come from the connection's thread.
struct Pieces {
    received: mpsc::Receiver<Piece>,
    length: Option<u64>,
    ended: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.received.poll_recv(cx)) {
            Some(Piece::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            // A body without its end must not look whole.
            None => Some(Err(ForwardError::BodyBroken.into())),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// The API's response as one of actix-web's.
fn passed_on(response: Response<ProxyBody>, head_only: bool) -> HttpResponse {
    let (head, body) = response.into_parts();
    let told = length(&head.headers).filter(|_| head_only);
    let size = match told.or_else(|| body.size_hint().exact()) {
        Some(length) => BodySize::Sized(length),
        None => BodySize::Stream,
    };
    let body = BoxBody::new(SizedBody { body, size });
    let mut response = HttpResponse::with_body(status(head.status), body);
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

struct SizedBody {
    body: ProxyBody,
    size: BodySize,
}

impl MessageBody for SizedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            return Poll::Ready(match frame {
                None => None,
                Some(Err(error)) => Some(Err(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_) => continue,
                },
            });
        }
    }
}

/// A placeholder that the login middleware replaces. Its text is for developers who forgot the middleware.
fn unanswered(challenge: Challenge) -> HttpResponse {
    let mut response = HttpResponse::build(status(challenge.status())).body(
        "Sign-in is required, but there is no latchgate LoginMiddleware around this app to answer it.",
    );
    response.extensions_mut().insert(challenge);
    response
}

fn status(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
