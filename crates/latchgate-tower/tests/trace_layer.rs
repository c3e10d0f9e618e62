//! What a `TraceLayer` around the login writes of a callback's `code` and `state`: everything, unless it is told to leave
//! the query out, as the README does.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use latchgate_tower::LoginLayer;
use latchgate_tower::{ClientAuth, Gate, Provider};
use tower::{Service, ServiceExt, service_fn};
use tower_http::trace::{MakeSpan, TraceLayer};
use tower_layer::Layer;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the log has of a callback, down to `TRACE`.
async fn told(span: impl MakeSpan<Full<Bytes>> + Clone) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let provider = Provider::new("https://op.example", "app").client_auth(ClientAuth::None);
    let gate = Gate::builder("http://127.0.0.1:3000", provider)
        .build()
        .unwrap();
    let app = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let app = LoginLayer::new(gate).layer(app);
    let mut app = TraceLayer::new_for_http().make_span_with(span).layer(app);
    let request = Request::get("/callback?code=spent-once&state=known-to-us");
    let request = request.body(Full::default()).unwrap();
    let answer = app.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(answer.status(), 400);
    let told = log.0.lock().unwrap().clone();
    String::from_utf8(told).unwrap()
}

#[tokio::test]
async fn the_layer_as_it_comes_tells_code_and_state() {
    let default = tower_http::trace::DefaultMakeSpan::default();
    let told = told(default).await;
    assert!(
        told.contains("spent-once") && told.contains("known-to-us"),
        "{told}"
    );
}

#[tokio::test]
async fn a_span_with_the_path_alone_does_not() {
    let path_only = |request: &Request<Full<Bytes>>| tracing::info_span!("request", method = %request.method(), path = request.uri().path());
    let told = told(path_only).await;
    assert!(told.contains("path=\"/callback\""), "{told}");
    assert!(told.contains("no_login_under_way"), "{told}");
    assert!(
        !told.contains("spent-once") && !told.contains("known-to-us"),
        "{told}"
    );
}
