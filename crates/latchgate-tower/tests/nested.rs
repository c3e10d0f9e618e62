//! Layers inside layers: each passes on its own sessions only.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use latchgate_tower::adapter::RequestSession;
use latchgate_tower::{ClientAuth, Gate, LoginLayer, Provider};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;

/// A gate whose session cookie has the given name. Its provider is never asked.
fn layer(cookie: &str) -> LoginLayer {
    let provider = Provider::new("https://op.example", "app").client_auth(ClientAuth::None);
    let gate = Gate::builder("http://127.0.0.1:3000", provider)
        .cookie_name(cookie)
        .build();
    LoginLayer::new(gate.unwrap())
}

#[tokio::test]
async fn a_session_of_an_outer_gate_is_none_of_an_inner_ones() {
    let has_a_session = service_fn(async |request: Request<Full<Bytes>>| {
        let has = request.extensions().get::<RequestSession>().is_some();
        Ok::<_, Infallible>(Response::new(Full::from(has.to_string())))
    });
    let request = || {
        let request = Request::get("/").header("cookie", "outer=x");
        request.body(Full::<Bytes>::default()).unwrap()
    };
    let alone = layer("outer").layer(has_a_session);
    let nested = layer("outer").layer(layer("inner").layer(has_a_session));
    let text = async |response: Response<Body>| {
        use http_body_util::BodyExt;
        response.into_body().collect().await.unwrap().to_bytes()
    };
    assert_eq!(text(alone.oneshot(request()).await.unwrap()).await, "true");
    assert_eq!(
        text(nested.oneshot(request()).await.unwrap()).await,
        "false"
    );
}
