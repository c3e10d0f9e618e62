//! WebSockets: [RFC 6455 §4](https://www.rfc-editor.org/rfc/rfc6455#section-4). The handshake is between the browser and the
//! API; here it gets an access token, and afterwards bytes are copied.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Request};
use latchgate_reqwest::reqwest::Upgraded;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::sync::OwnedSemaphorePermit;

use crate::hop_by_hop::named_in_connection;
use crate::session_end::SessionWatch;

/// The connection to an API that has become a WebSocket. It ends with the session.
pub(crate) struct Tunnel {
    pub(crate) api: Upgraded,
    pub(crate) session: SessionWatch,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Tunnel {
    /// Copies both ways until either side or the session ends.
    pub(crate) async fn join(self, client: impl AsyncRead + AsyncWrite + Unpin) {
        join(client, self.api, self.session).await;
        drop(self.permit);
    }
}

async fn join(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut api: impl AsyncRead + AsyncWrite + Unpin,
    mut session: SessionWatch,
) {
    let mut copied = pin!(copy_bidirectional(&mut client, &mut api));
    poll_fn(|cx| match poll_end(&mut session, cx) {
        Poll::Ready(()) => Poll::Ready(()),
        // Either may go, which is how such a connection ends.
        Poll::Pending => copied.as_mut().poll(cx).map(drop),
    })
    .await;
}

/// Whether the session has ended.
pub(crate) fn poll_end(session: &mut SessionWatch, cx: &mut Context<'_>) -> Poll<()> {
    session.poll_end(cx).map(|()| {
        tracing::debug!(
            event = "forward_broken",
            code = "session_ended",
            "a WebSocket of an API was closed, because the session has ended"
        );
    })
}

/// Whether a request opens a WebSocket.
pub(crate) fn opens_socket<B>(request: &Request<B>) -> bool {
    let named = named_in_connection(request.headers());
    request.method() == Method::GET && is_socket(request.headers()) && named.contains("upgrade")
}

/// Whether `Upgrade` is for a WebSocket and nothing else.
pub(crate) fn is_socket(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(UPGRADE).iter();
    let protocol = protocols.next().map(HeaderValue::as_bytes);
    protocols.next().is_none()
        && protocol.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
}

/// Asks for a WebSocket, or accepts one.
pub(crate) fn switch(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{repeat, sink};

    use super::*;
    use crate::session_end::tests::{end_it, watched};

    /// Has always more, and takes everything.
    fn endless() -> impl AsyncRead + AsyncWrite + Unpin {
        tokio::io::join(repeat(b'x'), sink())
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_never_silent_ends_with_the_session_as_well() {
        let (session, gate) = watched().await;
        let mut joined = pin!(join(endless(), endless(), session));
        let second = Duration::from_secs(1);
        for _ in 0..60 {
            tokio::time::advance(second).await;
            assert_eq!(joined.as_mut().now_or_never(), None);
        }
        end_it(&gate).await;
        let mut lasted = 0;
        while lasted < 60 && joined.as_mut().now_or_never().is_none() {
            tokio::time::advance(second).await;
            lasted += 1;
        }
        assert!(lasted <= 16, "{lasted} seconds");
    }

    #[test]
    fn a_handshake_asks_for_a_websocket_and_nothing_else() {
        let opens = |method: &str, fields: &[(&str, &str)]| {
            let mut request = Request::builder().method(method);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            opens_socket(&request.body(()).unwrap())
        };
        let upgrade = ("connection", "keep-alive, Upgrade");
        assert!(opens("GET", &[upgrade, ("upgrade", "WebSocket")]));
        assert!(!opens("POST", &[upgrade, ("upgrade", "websocket")]));
        assert!(!opens("GET", &[("upgrade", "websocket")]));
        assert!(!opens("GET", &[upgrade]));
        for protocol in ["h2c", "websocket, h2c", "h2c, websocket", "websockets"] {
            assert!(
                !opens("GET", &[upgrade, ("upgrade", protocol)]),
                "{protocol}"
            );
        }
        let two = [upgrade, ("upgrade", "websocket"), ("upgrade", "h2c")];
        assert!(!opens("GET", &two));
    }
}
