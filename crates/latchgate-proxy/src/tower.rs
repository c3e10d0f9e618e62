//! The proxy as a service in a tower stack.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Extensions, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use latchgate::adapter::{Challenge, RequestSession, RequestToken};
use tower_service::Service;

use crate::body::ProxyBody;
use crate::forward::{Forwarded, Incoming};
use crate::proxy::ApiProxy;
use crate::upload::BoxError;

impl<B> Service<Request<B>> for ApiProxy
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ProxyBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ProxyBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let proxy = self.clone();
        let (incoming, switching) = incoming(request);
        Box::pin(async move {
            Ok(match proxy.forward(incoming).await {
                Ok(forwarded) => switched(forwarded, switching),
                Err(challenge) => unanswered(challenge),
            })
        })
    }
}

/// The response. If it switches protocols, the connections are joined once the client has it.
fn switched(forwarded: Forwarded, switching: Option<OnUpgrade>) -> Response<ProxyBody> {
    if let (Some(tunnel), Some(switching)) = (forwarded.tunnel, switching) {
        tokio::spawn(async move {
            if let Ok(client) = switching.await {
                tunnel.join(TokioIo::new(client)).await;
            }
        });
    }
    forwarded.response
}

/// The request, and how the server switches to another protocol if it can.
fn incoming<B>(request: Request<B>) -> (Incoming, Option<OnUpgrade>)
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let mut proxy_at = String::new();
    if let Some(sent) = original(&parts.extensions) {
        let below = parts.uri.path();
        let at = sent.path().strip_suffix(below);
        // A router that is nested at `/api` makes `/` of `/api`.
        let at = at.or_else(|| (below == "/").then(|| sent.path()));
        // The slash begins what is below.
        proxy_at = at.unwrap_or_default().trim_end_matches('/').to_owned();
        parts.uri = sent;
    }
    let session = parts.extensions.get::<RequestSession>().cloned();
    let token = parts.extensions.get::<RequestToken>().cloned();
    let body = (!body.is_end_stream()).then(|| Received(Box::pin(body)).boxed_unsync());
    let switching = parts.extensions.remove::<OnUpgrade>();
    let incoming = Incoming {
        head: Request::from_parts(parts, ()),
        proxy_at,
        session,
        token,
        body,
        can_switch: switching.is_some(),
    };
    (incoming, switching)
}

/// A body of any kind of data.
struct Received<B>(Pin<Box<B>>);

impl<B> Body for Received<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let whole = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        let frame = ready!(self.0.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(whole)),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The URL as it was before axum has taken the paths of nested routers off.
#[cfg(feature = "axum")]
fn original(extensions: &Extensions) -> Option<Uri> {
    let original = extensions.get::<axum::extract::OriginalUri>();
    original.map(|original| original.0.clone())
}

#[cfg(not(feature = "axum"))]
fn original(_: &Extensions) -> Option<Uri> {
    None
}

/// A placeholder that the login layer replaces. Its text is for developers who forgot the layer.
fn unanswered(challenge: Challenge) -> Response<ProxyBody> {
    let text = "Sign-in is required, but there is no latchgate LoginLayer around this router to answer it.";
    let mut response = Response::new(ProxyBody::text(text));
    *response.status_mut() = challenge.status();
    response.extensions_mut().insert(challenge);
    response
}
