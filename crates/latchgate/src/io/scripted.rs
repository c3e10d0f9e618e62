//! The doors as tests hold them: time that stands still, chance that repeats, a provider that says
//! what it is told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};

use super::{Clock, HttpClient, HttpError, HttpFuture, Random, RandomError};

/// A clock that stands at this time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoppedClock(pub(crate) u64);

impl Clock for StoppedClock {
    fn now(&self) -> u64 {
        self.0
    }
}

/// A clock that starts at this time and passes only while all tasks wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassingClock {
    start: u64,
    since: tokio::time::Instant,
}

impl PassingClock {
    pub(crate) fn from(start: u64) -> Self {
        let since = tokio::time::Instant::now();
        Self { start, since }
    }
}

impl Clock for PassingClock {
    fn now(&self) -> u64 {
        self.start + self.since.elapsed().as_secs()
    }
}

/// Chance that can be foretold: the first draw is all ones, the second all twos, and so on; 32 bytes at most count as one.
#[derive(Debug, Default)]
pub(crate) struct CountingRandom(AtomicU8);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        for bytes in bytes.chunks_mut(32) {
            bytes.fill(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        }
        Ok(())
    }
}

/// A generator that is out of order.
#[derive(Debug)]
pub(crate) struct BrokenRandom;

impl Random for BrokenRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

/// A provider that gives prepared answers in order, then none: it keeps what it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedHttp(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<String>,
}

/// One prepared answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A status, a `Cache-Control` field and a body.
    Says(u16, &'static str, String),
    /// The same, after a while.
    After(Duration, String),
    /// No connection.
    Refuses,
    /// Never a word.
    Hangs,
}

impl ScriptedHttp {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Script {
            answers: answers.into_iter().collect(),
            asked: Vec::new(),
        };
        Self(Arc::new(Mutex::new(script)))
    }

    pub(crate) fn then(&self, answer: Answer) {
        self.0.lock().unwrap().answers.push_back(answer);
    }

    /// The URLs that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl HttpClient for ScriptedHttp {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            let answer = {
                let mut script = self.0.lock().unwrap();
                script.asked.push(request.uri().to_string());
                script.answers.pop_front()
            };
            // Whoever asks at the same moment gets a turn before the answer arrives.
            tokio::task::yield_now().await;
            let says = |status: u16, caching: &str, body: String| {
                let answer = Response::builder().status(status);
                let answer = answer.header("cache-control", caching);
                answer.body(body.into_bytes()).unwrap()
            };
            match answer {
                Some(Answer::Says(status, caching, body)) => Ok(says(status, caching, body)),
                Some(Answer::After(while_, body)) => {
                    let forever = std::future::pending::<()>();
                    let _ = tokio::time::timeout(while_, forever).await;
                    Ok(says(200, "", body))
                }
                Some(Answer::Hangs) => std::future::pending().await,
                Some(Answer::Refuses) | None => Err(HttpError::Transport("refused".into())),
            }
        })
    }
}
