//! Layers beside tower-http's: in one stack, in either order, and what becomes of their headers.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, Method, Request, Response, StatusCode};
use latchgate::{Gate, Guard};
use latchgate_tests::Failure;
use latchgate_tower::{GuardLayer, LoginLayer, User};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::SITE;

const SHOP: &str = "https://shop.example";

fn pages() -> Router {
    Router::new()
        .route("/me", get(|_: User| async { "hello" }))
        .route("/", get(|_: Option<User>| async { "home ".repeat(100) }))
}

fn cors() -> CorsLayer {
    let origin = [http::HeaderValue::from_static(SHOP)];
    CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(true)
        .allow_methods([Method::GET])
}

fn compression() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().compress_when(SizeAbove::new(1))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30))
}

/// Everything inside the login layer, in one stack.
fn inside(gate: &Gate) -> Router {
    pages().layer(
        ServiceBuilder::new()
            .layer(LoginLayer::new(gate.clone()))
            .layer(RequestBodyLimitLayer::new(1_000_000))
            .layer(TraceLayer::new_for_http())
            .layer(cors())
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(compression())
            .layer(timeout()),
    )
}

/// Everything around it, in a tuple.
fn around(gate: &Gate) -> Router {
    pages().layer((
        RequestBodyLimitLayer::new(1_000_000),
        TraceLayer::new_for_http(),
        SetRequestIdLayer::x_request_id(MakeRequestUuid),
        PropagateRequestIdLayer::x_request_id(),
        cors(),
        compression(),
        timeout(),
        LoginLayer::new(gate.clone()),
    ))
}

/// A guard in the middle.
fn guarded(gate: &Gate) -> Router {
    let guard = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(GuardLayer::new(Guard::signed_in()))
        .layer(compression());
    pages()
        .route_layer(guard)
        .layer(LoginLayer::new(gate.clone()))
}

async fn ask(app: &Router, path: &str, accept: &str) -> Result<Response<Body>, Failure> {
    let request = Request::get(path)
        .header("accept", accept)
        .header("accept-encoding", "gzip")
        .header("origin", SHOP)
        .header("x-request-id", "of-the-client");
    Ok(app.clone().oneshot(request.body(Body::empty())?).await?)
}

fn has(response: &Response<Body>, name: &str, value: &str) -> bool {
    let values = response.headers().get_all(name);
    values.iter().any(|found| found == value)
}

#[tokio::test]
async fn layers_of_tower_http_go_inside_and_around() -> Result<(), Failure> {
    let (provider, gate) = crate::gate(SITE).await?;
    for (title, app) in [("inside", inside(&gate)), ("around", around(&gate))] {
        let home = ask(&app, "/", "*/*").await?;
        assert_eq!(home.status(), StatusCode::OK, "{title}");
        assert!(has(&home, "content-encoding", "gzip"), "{title}");
        assert!(
            has(&home, "vary", "cookie"),
            "{title}: {:?}",
            home.headers()
        );
        let login = ask(&app, "/me", "text/html").await?;
        assert_eq!(login.status(), StatusCode::SEE_OTHER, "{title}");
        let location = login.headers()["location"].to_str()?;
        assert!(location.starts_with(provider.issuer()), "{title}");
    }
    let app = guarded(&gate);
    assert_eq!(
        ask(&app, "/", "*/*").await?.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        ask(&app, "/", "text/html").await?.status(),
        StatusCode::SEE_OTHER
    );
    Ok(())
}

/// A script of another origin can read a 401 only with the headers of CORS.
#[tokio::test]
async fn an_answer_keeps_the_headers_of_the_layers_inside() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    for (title, app) in [("inside", inside(&gate)), ("around", around(&gate))] {
        for (accept, status) in [("*/*", 401), ("text/html", 303)] {
            let answer = ask(&app, "/me", accept).await?;
            assert_eq!(answer.status(), status, "{title}");
            assert!(has(&answer, "access-control-allow-origin", SHOP), "{title}");
            let credentials = "access-control-allow-credentials";
            assert!(has(&answer, credentials, "true"), "{title}");
            assert!(has(&answer, "cache-control", "no-store"), "{title}");
            if title == "around" {
                assert!(has(&answer, "x-request-id", "of-the-client"), "{title}");
            }
        }
    }
    // The body that was replaced had been compressed, and the new one is not.
    let answer = ask(&inside(&gate), "/me", "*/*").await?;
    let name = HeaderName::from_static("content-encoding");
    assert_eq!(answer.headers().get(name), None);
    assert!(has(&answer, "content-type", "application/problem+json"));
    let body = axum::body::to_bytes(answer.into_body(), 100_000).await?;
    let problem: serde_json::Value = serde_json::from_slice(&body)?;
    assert_eq!(problem["code"], "sign_in_required");
    Ok(())
}
