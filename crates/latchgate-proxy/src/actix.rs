//! The proxy as a service of actix-web, which has `http` 0.2 and bodies of its own.

use std::convert::Infallible;
use std::future::{Ready, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, LocalBoxFuture, select};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use latchgate::ForwardError;
use latchgate::adapter::{Challenge, RequestSession, RequestToken};
use latchgate_reqwest::reqwest::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, split};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::body::ProxyBody;
use crate::forward::Incoming;
use crate::proxy::ApiProxy;
use crate::session_end::SessionWatch;
use crate::tunnel::{Tunnel, opens_socket, poll_end};
use crate::upload::{BoxError, ClientBody};

/// How many pieces of a body wait for the API.
const PIECES: usize = 2;

/// How many bytes of a WebSocket are read at once.
const BUFFER: usize = 16 * 1024;

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
            let received = received(&request, payload);
            let response = match received {
                Some((incoming, socket)) => match proxy.forward(incoming).await {
                    Ok(forwarded) => match forwarded.tunnel.zip(socket) {
                        Some((tunnel, client)) => switched(forwarded.response, tunnel, client),
                        None => passed_on(forwarded.response),
                    },
                    Err(challenge) => unanswered(challenge),
                },
                None => HttpResponse::new(StatusCode::BAD_REQUEST),
            };
            Ok(ServiceResponse::new(request, response))
        })
    }
}

/// The request in `http` 1, and what the client sends after a handshake. `None` if there is no such request in `http` 1, which
/// no client's can be.
fn received(request: &HttpRequest, payload: Payload) -> Option<(Incoming, Option<Payload>)> {
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
    let (body, socket) = match payload {
        payload if request.version() == Version::HTTP_11 && opens_socket(&head) => {
            (None, Some(payload))
        }
        Payload::None => (None, None),
        _ if is_http_1 && !framed => (None, None),
        payload => (Some(client_body(payload, length(head.headers()))), None),
    };
    let extensions = request.extensions();
    let incoming = Incoming {
        proxy_at: proxy_at(request),
        session: extensions.get::<RequestSession>().cloned(),
        token: extensions.get::<RequestToken>().cloned(),
        head,
        body,
        can_switch: socket.is_some(),
    };
    Some((incoming, socket))
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
fn passed_on(response: Response<ProxyBody>) -> HttpResponse {
    let (head, body) = response.into_parts();
    // Only that to a `HEAD` request tells its length.
    let told = length(&head.headers);
    let size = match told.or_else(|| body.size_hint().exact()) {
        Some(length) => BodySize::Sized(length),
        None => BodySize::Stream,
    };
    respond(head, BoxBody::new(SizedBody { body, size }))
}

fn respond(head: Parts, body: BoxBody) -> HttpResponse {
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

/// The end of a handshake. From then on the client's bytes are the request's body, and the API's the response's.
fn switched(response: Response<ProxyBody>, tunnel: Tunnel, client: Payload) -> HttpResponse {
    let (api, to_api) = split(tunnel.api);
    let (open, closed) = oneshot::channel();
    let (lasts, ended) = oneshot::channel();
    actix_web::rt::spawn(async move {
        let _lasts: oneshot::Sender<Infallible> = lasts;
        to_the_api(client, to_api, tunnel.session, closed).await;
    });
    let body = SocketBody {
        api,
        ended,
        buffer: vec![0; BUFFER].into(),
        _open: open,
        _permit: tunnel.permit,
    };
    let mut response = respond(response.into_parts().0, BoxBody::new(body));
    let head = response.head_mut();
    head.set_connection_type(ConnectionType::Upgrade);
    response
}

/// Copies what the client sends, until the response or the session ends. The session is watched here, for nobody asks for
/// more of the response of a client that does not read it.
async fn to_the_api(
    client: Payload,
    api: impl AsyncWrite + Unpin,
    mut session: SessionWatch,
    closed: oneshot::Receiver<Infallible>,
) {
    let mut copied = pin!(async {
        // Either has gone then, which is how such a connection ends. What the API still sends is the response.
        drop(copy(client, api).await);
        pending::<()>().await;
    });
    let ended = poll_fn(|cx| match poll_end(&mut session, cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => copied.as_mut().poll(cx),
    });
    drop(select(pin!(ended), closed).await);
}

async fn copy(mut client: Payload, mut api: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    while let Some(Ok(data)) = client.next().await {
        api.write_all(&data).await?;
        api.flush().await?;
    }
    api.shutdown().await
}

/// What the API sends after a handshake.
struct SocketBody {
    api: ReadHalf<Upgraded>,
    ended: oneshot::Receiver<Infallible>,
    buffer: Box<[u8]>,
    _open: oneshot::Sender<Infallible>,
    _permit: OwnedSemaphorePermit,
}

impl MessageBody for SocketBody {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        let this = &mut *self;
        if Pin::new(&mut this.ended).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let mut buffer = ReadBuf::new(&mut this.buffer);
        let read = ready!(Pin::new(&mut this.api).poll_read(cx, &mut buffer));
        Poll::Ready(match read {
            Ok(()) if buffer.filled().is_empty() => None,
            Ok(()) => Some(Ok(Bytes::copy_from_slice(buffer.filled()))),
            Err(error) => Some(Err(error)),
        })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::timeout;

    use super::*;
    use crate::session_end::tests::{end_it, watched};

    /// Nobody asks for more of the response then.
    #[tokio::test(start_paused = true)]
    async fn a_socket_ends_with_the_session_if_the_client_reads_nothing() {
        let (session, gate) = watched().await;
        let client: Payload = Payload::Stream {
            payload: Box::pin(futures_util::stream::pending()),
        };
        let (_open, closed) = oneshot::channel();
        let mut copied = pin!(to_the_api(client, tokio::io::sink(), session, closed));
        let minute = Duration::from_secs(60);
        assert!(timeout(minute, &mut copied).await.is_err());
        end_it(&gate).await;
        assert!(timeout(minute, copied).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_ends_with_the_session_if_the_client_is_never_silent() {
        let (session, gate) = watched().await;
        let piece = || Ok(Bytes::from_static(b"x"));
        let client: Payload = Payload::Stream {
            payload: Box::pin(futures_util::stream::repeat_with(piece)),
        };
        let (_open, closed) = oneshot::channel();
        let mut copied = pin!(to_the_api(client, tokio::io::sink(), session, closed));
        let second = Duration::from_secs(1);
        for _ in 0..60 {
            tokio::time::advance(second).await;
            assert_eq!(copied.as_mut().now_or_never(), None);
        }
        end_it(&gate).await;
        let mut lasted = 0;
        while lasted < 60 && copied.as_mut().now_or_never().is_none() {
            tokio::time::advance(second).await;
            lasted += 1;
        }
        assert!(lasted <= 16, "{lasted} seconds");
    }
}
