//! An API that writes down what it is sent.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use latchgate_tests::Failure;
use tokio::task::AbortHandle;

/// A server that writes down the requests it gets, and sends some elsewhere.
#[derive(Clone, Default)]
struct Recorder {
    seen: Arc<Mutex<Vec<String>>>,
    /// Where `/v1/away` leads.
    away: String,
}

/// Such a server, running. Dropping it stops it.
pub(super) struct Recording {
    pub(super) address: String,
    recorder: Recorder,
    serving: AbortHandle,
}

impl Recording {
    pub(super) async fn start(away: &str) -> Result<Self, Failure> {
        let recorder = Recorder {
            away: away.to_owned(),
            ..Recorder::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let answers = recorder.clone();
        let app = Router::new().fallback(any(move |request: Request| async move {
            answers.answer(&request)
        }));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            address,
            recorder,
            serving: serving.abort_handle(),
        })
    }

    /// The requests so far: method, path, scheme and `DPoP` if there is a proof.
    pub(super) fn take(&self) -> Vec<String> {
        let mut seen = self.recorder.seen.lock();
        std::mem::take(seen.as_mut().unwrap_or_else(|poisoned| poisoned.get_mut()))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Recorder {
    fn answer(&self, request: &Request) -> Response {
        let scheme = request.headers().get("authorization");
        let scheme = scheme.and_then(|field| field.to_str().ok()?.split(' ').next());
        let proof = request
            .headers()
            .get("dpop")
            .map_or("", |_| " with a proof");
        let line = format!(
            "{} {} {}{proof}",
            request.method(),
            request.uri().path(),
            scheme.unwrap_or("-")
        );
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(line);
        match request.uri().path() {
            "/v1/slash" => Redirect::temporary("/v1/slash/").into_response(),
            "/v1/other" => Redirect::to("/v1/created").into_response(),
            "/v1/up" => Redirect::temporary("/admin").into_response(),
            "/v1/away" => Redirect::temporary(&self.away).into_response(),
            "/v1/round" => Redirect::temporary("/v1/round").into_response(),
            _ => (StatusCode::OK, "here").into_response(),
        }
    }
}
