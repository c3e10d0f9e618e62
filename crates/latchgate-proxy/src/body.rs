//! The body of a response on its way to the browser.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use latchgate_reqwest::reqwest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::session_end::SessionWatch;
use crate::upload::BoxError;

/// The body of an API's response, as it comes. It breaks off when the API pauses for too long, and when the session ends.
pub struct ProxyBody {
    body: reqwest::Body,
    watch: Option<Watch>,
}

/// What limits a body.
struct Watch {
    pause: Interval,
    /// The API has been waited for since the pause began.
    waiting: bool,
    session: SessionWatch,
    _permit: OwnedSemaphorePermit,
}

impl ProxyBody {
    pub(crate) fn new(
        body: reqwest::Body,
        longest_pause: Duration,
        session: SessionWatch,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let mut pause = interval(longest_pause);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = Watch {
            pause,
            waiting: false,
            session,
            _permit: permit,
        };
        Self {
            body,
            watch: Some(watch),
        }
    }

    /// A text of the proxy's own.
    pub(crate) fn text(text: &'static str) -> Self {
        Self {
            body: text.into(),
            watch: None,
        }
    }
}

impl Watch {
    /// Whether the API has paused for too long, where it has sent nothing.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        if !self.waiting {
            self.waiting = true;
            self.pause.reset();
        }
        if self.pause.poll_tick(cx).is_ready() {
            tracing::warn!(
                event = "forward_broken",
                code = "forward_timeout",
                "a response of an API paused for too long and was broken off; if it may pause longer, raise `idle_timeout`"
            );
            return Poll::Ready("the API has paused for too long");
        }
        Poll::Pending
    }

    /// Whether the session has ended.
    fn poll_session(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        self.session.poll_end(cx).map(|()| {
            tracing::debug!(
                event = "forward_broken",
                code = "session_ended",
                "a response of an API was broken off, because the session has ended"
            );
            "the session has ended"
        })
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        // First, for an API that never pauses leaves no other turn.
        if let Some(watch) = &mut this.watch
            && let Poll::Ready(why) = watch.poll_session(cx)
        {
            return Poll::Ready(Some(Err(why.into())));
        }
        while let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let Some(watch) = &mut this.watch {
                watch.waiting = false;
            }
            match frame {
                None => {
                    this.watch = None;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.without_url().into()))),
                // Trailers end here.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
            }
        }
        match &mut this.watch {
            Some(watch) => watch.poll_pause(cx).map(|why| Some(Err(why.into()))),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyBody").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::session_end::tests::{end_it, watched};

    /// A body that has always more.
    fn endless() -> reqwest::Body {
        let piece = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")));
        let pieces = futures_util::stream::repeat_with(piece);
        reqwest::Body::wrap(StreamBody::new(pieces))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_pauses_ends_with_the_session_as_well() {
        let (session, gate) = watched().await;
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let an_hour = Duration::from_secs(3_600);
        let mut body = ProxyBody::new(endless(), an_hour, session, permit);
        let second = Duration::from_secs(1);
        for _ in 0..60 {
            tokio::time::advance(second).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        end_it(&gate).await;
        let mut lasted = 0;
        while lasted < 60 && body.frame().await.unwrap().is_ok() {
            tokio::time::advance(second).await;
            lasted += 1;
        }
        assert!(lasted <= 16, "{lasted} seconds");
    }

    /// The limit is for each pause, and not for all of the response.
    #[tokio::test(start_paused = true)]
    async fn a_body_may_pause_again_and_again() {
        let (session, _gate) = watched().await;
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let minute = Duration::from_secs(60);
        let mut turns = interval(minute);
        let pieces = futures_util::stream::poll_fn(move |cx| {
            let piece = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")));
            turns.poll_tick(cx).map(|_| Some(piece()))
        });
        let slow = reqwest::Body::wrap(StreamBody::new(pieces));
        let mut body = ProxyBody::new(slow, 2 * minute, session, permit);
        for _ in 0..10 {
            assert!(body.frame().await.unwrap().is_ok());
        }
    }
}
