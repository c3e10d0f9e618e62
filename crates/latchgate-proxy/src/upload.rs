//! The body of a request on its way to the API.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use latchgate::ForwardError;
use latchgate_reqwest::reqwest;
use tokio::time::timeout;

use crate::session_end::SessionWatch;

/// An error of any framework's.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body that a framework has received. Its size is exact where the client has said how long it is.
pub(crate) type ClientBody = UnsyncBoxBody<Bytes, BoxError>;

/// Bodies up to this length are read before the request is sent, so that it can be sent again with another access token or a
/// nonce.
const REPLAYABLE: u64 = 64 * 1024;

/// What has become of a body so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    failure: OnceLock<ForwardError>,
}

impl Progress {
    /// How many bytes have gone to the API.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Why the body did not get to its end.
    pub(crate) fn failure(&self) -> Option<ForwardError> {
        self.failure.get().cloned()
    }
}

/// The body for the API: one that can be sent twice if it is short, else a stream, which breaks off when the session ends.
/// Somebody who does not read the response could go on with it otherwise.
///
/// # Errors
///
/// The body is too long, or a short one has not come whole.
pub(crate) async fn upload(
    body: Option<ClientBody>,
    limit: Option<u64>,
    pause: Duration,
    progress: &Arc<Progress>,
    watch: impl FnOnce() -> SessionWatch,
) -> Result<reqwest::Body, ForwardError> {
    let Some(body) = body else {
        return Ok(reqwest::Body::default());
    };
    let length = body.size_hint().exact();
    if let Some(limit) = limit
        && length.is_some_and(|length| length > limit)
    {
        return Err(ForwardError::BodyTooLarge { limit });
    }
    match length {
        Some(length) if length <= REPLAYABLE => Ok(whole(body, pause).await?.into()),
        _ => Ok(reqwest::Body::wrap(Upload {
            source: Mutex::new((body, watch())),
            length,
            limit,
            progress: Arc::clone(progress),
        })),
    }
}

async fn whole(mut body: ClientBody, pause: Duration) -> Result<Bytes, ForwardError> {
    let mut read = BytesMut::new();
    loop {
        match timeout(pause, body.frame()).await {
            Ok(None) => return Ok(read.freeze()),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return Err(ForwardError::BodyBroken),
        }
        // Longer than it has said: servers see to that, but nobody should have to rely on it.
        if u64::try_from(read.len()).is_ok_and(|length| length > REPLAYABLE) {
            return Err(ForwardError::BodyBroken);
        }
    }
}

/// A body that goes to the API as it comes.
struct Upload {
    /// Never locked: it makes of what is `Send` what is `Sync`, too, as the HTTP client wants it.
    source: Mutex<(ClientBody, SessionWatch)>,
    length: Option<u64>,
    limit: Option<u64>,
    progress: Arc<Progress>,
}

impl Upload {
    fn fail(&self, failure: ForwardError) -> Poll<Option<Result<Frame<Bytes>, ForwardError>>> {
        let _ = self.progress.failure.set(failure.clone());
        Poll::Ready(Some(Err(failure)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = ForwardError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ForwardError>>> {
        loop {
            let source = self.source.get_mut();
            let (body, session) = source.unwrap_or_else(PoisonError::into_inner);
            if session.poll_end(cx).is_ready() {
                return self.fail(ForwardError::BodyBroken);
            }
            let data = match ready!(Pin::new(body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(_)) => return self.fail(ForwardError::BodyBroken),
                Some(Ok(frame)) => frame.into_data(),
            };
            // Trailers end here.
            let Ok(data) = data else { continue };
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let before = self.progress.bytes.fetch_add(length, Ordering::Relaxed);
            return match self.limit {
                Some(limit) if before.saturating_add(length) > limit => {
                    self.fail(ForwardError::BodyTooLarge { limit })
                }
                _ => Poll::Ready(Some(Ok(Frame::data(data)))),
            };
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;

    use super::*;
    use crate::session_end::tests::{end_it, watched};

    #[tokio::test(start_paused = true)]
    async fn an_upload_ends_with_the_session() {
        let (session, gate) = watched().await;
        let piece = || Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x")));
        let endless = StreamBody::new(futures_util::stream::repeat_with(piece)).boxed_unsync();
        let (progress, second) = (Arc::default(), Duration::from_secs(1));
        let uploaded = upload(Some(endless), None, second, &progress, || session);
        let mut uploaded = uploaded.await.unwrap();
        for _ in 0..60 {
            tokio::time::advance(second).await;
            assert!(uploaded.frame().await.unwrap().is_ok());
        }
        end_it(&gate).await;
        let mut lasted = 0;
        while lasted < 60 && uploaded.frame().await.unwrap().is_ok() {
            tokio::time::advance(second).await;
            lasted += 1;
        }
        assert!(lasted <= 16, "{lasted} seconds");
        assert_eq!(progress.failure(), Some(ForwardError::BodyBroken));
    }

    /// A body that says it has `length` bytes, has these pieces, and then goes on for ever or breaks off.
    struct Short {
        length: u64,
        pieces: Vec<&'static [u8]>,
        breaks_off: bool,
    }

    impl Body for Short {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            match (self.pieces.pop(), self.breaks_off) {
                (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
                (None, true) => Poll::Ready(Some(Err("the client has gone".into()))),
                (None, false) => Poll::Pending,
            }
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.length)
        }
    }

    /// What has come of it would look whole to the API.
    #[tokio::test(start_paused = true)]
    async fn of_a_short_body_that_does_not_come_whole_nothing_is_sent() {
        const HELLO: &[u8] = b"hello";
        const LONG: &[u8] = &[b'x'; 65_537];
        for (piece, breaks_off) in [(HELLO, true), (HELLO, false), (LONG, false)] {
            let body = Short {
                length: 7,
                pieces: vec![piece],
                breaks_off,
            };
            let (progress, minute) = (Arc::default(), Duration::from_secs(60));
            let body = Some(body.boxed_unsync());
            let uploaded = upload(body, None, minute, &progress, || panic!("it is a stream"));
            let uploaded = timeout(2 * minute, uploaded).await.unwrap();
            assert_eq!(uploaded.map(drop), Err(ForwardError::BodyBroken));
        }
    }

    #[tokio::test]
    async fn the_limit_is_for_short_bodies_as_well() {
        for (limit, expected) in [
            (6, Err(ForwardError::BodyTooLarge { limit: 6 })),
            (7, Ok(())),
        ] {
            let body = http_body_util::Full::new(Bytes::from_static(b"7 bytes"));
            let body = body.map_err(|never| match never {}).boxed_unsync();
            let (progress, second) = (Arc::default(), Duration::from_secs(1));
            let uploaded = upload(Some(body), Some(limit), second, &progress, || {
                panic!("it is a stream")
            });
            assert_eq!(uploaded.await.map(drop), expected);
        }
    }
}
