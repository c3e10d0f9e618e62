//! Answers that replace an endpoint's own.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use http_body::{Frame, SizeHint};
use tokio::sync::watch;

use crate::journal::Endpoint;

/// What an endpoint answers instead of its own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// This status, content type and body.
    Status {
        /// The status.
        status: StatusCode,
        /// The value of `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// A `302` to this URI.
    Redirect(String),
    /// Nothing, until the script is cleared or the connection goes.
    Hang,
    /// The honest answer, this much later: nothing happens until then.
    Slow(Duration),
    /// The honest answer to what happened at once, held back until the script is cleared or the connection goes.
    Withhold,
    /// A JSON string of this many bytes and no announced length, streamed.
    Huge(u64),
    /// The connection closes without an answer. A router that is called without a connection answers with a body that fails.
    Drop,
    /// This answer to the next request only.
    Once(Box<Answer>),
}

impl Answer {
    /// An empty answer with this status.
    pub fn status(status: StatusCode) -> Self {
        Self::Status {
            status,
            content_type: "text/plain".to_owned(),
            body: String::new(),
        }
    }

    /// A JSON answer with this status.
    pub fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::Status {
            status,
            content_type: "application/json".to_owned(),
            body: body.to_string(),
        }
    }

    /// This answer to the next request only.
    #[must_use]
    pub fn once(self) -> Self {
        Self::Once(Box::new(self))
    }
}

/// The answers that are set, and a signal for when they are cleared.
pub(super) struct Answers {
    set: Mutex<HashMap<Endpoint, Answer>>,
    cleared: watch::Sender<()>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            set: Mutex::default(),
            cleared: watch::Sender::new(()),
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.lock().iter()).finish()
    }
}

impl Answers {
    pub(super) fn set(&self, endpoint: Endpoint, answer: Answer) {
        self.lock().insert(endpoint, answer);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
        self.cleared.send_replace(());
    }

    /// What to do about one request. An answer that is good for one request is used up.
    pub(super) fn take(&self, endpoint: Endpoint) -> Instead {
        let mut set = self.lock();
        let answer = match set.get(&endpoint) {
            None => return Instead::Honest,
            Some(Answer::Once(once)) => {
                let answer = once.as_ref().clone();
                set.remove(&endpoint);
                answer
            }
            Some(answer) => answer.clone(),
        };
        match answer {
            Answer::Slow(delay) => Instead::HonestAfter(delay),
            Answer::Hang => Instead::HonestOnceCleared(self.cleared.subscribe()),
            Answer::Withhold => Instead::WithheldUntilCleared(self.cleared.subscribe()),
            other => Instead::Respond(other.into_response()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Answer>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to do about one request.
pub(crate) enum Instead {
    /// Answer honestly.
    Honest,
    /// Wait this long, then answer honestly.
    HonestAfter(Duration),
    /// Wait until the script is cleared, then answer honestly.
    HonestOnceCleared(watch::Receiver<()>),
    /// Do what is asked, and answer once the script is cleared.
    WithheldUntilCleared(watch::Receiver<()>),
    /// Send this.
    Respond(Response),
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Status {
                status,
                content_type,
                body,
            } => (status, [(header::CONTENT_TYPE, content_type)], body).into_response(),
            Self::Redirect(to) => {
                (StatusCode::FOUND, [(header::LOCATION, to)], Body::empty()).into_response()
            }
            Self::Huge(bytes) => {
                let json = [(header::CONTENT_TYPE, "application/json")];
                (json, Body::new(JsonString::of(bytes))).into_response()
            }
            Self::Drop => Response::new(Body::new(Broken)),
            Self::Once(answer) => answer.into_response(),
            Self::Hang | Self::Slow(_) | Self::Withhold => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

/// A body that fails at once: the server closes the connection before it has sent the head.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

/// A JSON string of a given length, made as it is read.
struct JsonString {
    length: u64,
    sent: u64,
    chunk: Arc<[u8]>,
}

impl JsonString {
    fn of(length: u64) -> Self {
        Self {
            length,
            sent: 0,
            chunk: vec![b'a'; 16 * 1024].into(),
        }
    }
}

impl http_body::Body for JsonString {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let left = self.length - self.sent;
        let size = left.min(self.chunk.len() as u64);
        let mut chunk: Vec<u8> = self.chunk.iter().copied().take(size as usize).collect();
        if self.sent == 0
            && let Some(first) = chunk.first_mut()
        {
            *first = b'"';
        }
        if left <= size
            && let Some(last) = chunk.last_mut()
        {
            *last = b'"';
        }
        self.sent += size;
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}
