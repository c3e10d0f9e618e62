//! Handlers that ask for what the application keeps for visitors: with a login layer around them, and without.

use axum::body::Body;
use axum::extract::Request as Asked;
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::get};
use latchgate_test::{Answer, LoginAssertions, Person, SignedInRequest};
use latchgate_tower::{LoginLayer, User, Visitor};
use serde_json::{Value, json};
use tower::ServiceExt;

fn shop() -> Router {
    let cart = async |visitor: Visitor| Json(visitor.get::<Value>("cart"));
    let whose = async |user: User, visitor: Visitor| {
        let cart: Vec<u64> = visitor.get("cart").unwrap_or_default();
        format!("{}: {}", user.subject(), cart.len())
    };
    Router::new()
        .route("/cart", get(cart))
        .route("/whose", get(whose))
}

async fn send(app: Router, request: Request<Body>) -> Answer {
    app.oneshot(request).await.unwrap().into_answer()
}

#[tokio::test]
async fn a_request_brings_the_values_of_a_visitor() {
    let gate = latchgate_test::gate();
    let app = shop().layer(LoginLayer::new(gate.clone()));
    let values = json!({ "cart": [7, 8], "language": "de" });
    let request = Request::get("/cart").visitor(&gate, &values);
    let request = request.body(Body::empty()).unwrap();
    let answer = send(app.clone(), request).await.assert_admitted();
    assert_eq!(answer.body.as_deref(), Some("[7,8]"));

    let request = Request::get("/whose").visitor(&gate, &values);
    let request = request.signed_in(&gate, Person::new("alice")).await;
    let request = request.body(Body::empty()).unwrap();
    let answer = send(app.clone(), request).await.assert_admitted();
    assert_eq!(answer.body.as_deref(), Some("alice: 2"));

    let nobody = Request::get("/cart").body(Body::empty()).unwrap();
    let answer = send(app, nobody).await.assert_admitted();
    assert_eq!(answer.body.as_deref(), Some("null"));
}

#[test]
#[should_panic(expected = "the visitor's values cannot be stored")]
fn values_without_names_are_refused() {
    let gate = latchgate_test::gate();
    let _ = Request::get("/cart").visitor(&gate, [7, 8]);
}

/// Runs handlers in a task of their own, as applications do that finish what they have begun.
async fn spawned(request: Asked, next: Next) -> Response {
    let running = tokio::spawn(next.run(request));
    match running.await {
        Ok(response) => response,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[tokio::test]
async fn where_there_is_no_layer_an_error_says_so() {
    let request = || Request::get("/cart").body(Body::empty()).unwrap();
    let alone = send(shop(), request()).await;
    assert_eq!(alone.status, StatusCode::INTERNAL_SERVER_ERROR);

    let gate = latchgate_test::gate();
    let elsewhere = shop().layer(from_fn(spawned)).layer(LoginLayer::new(gate));
    let answer = send(elsewhere, request()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.code().as_deref(), Some("layer_missing"));
}

#[cfg(feature = "actix")]
mod on_actix {
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, web};
    use latchgate_actix::{LoginMiddleware, Visitor};

    use super::*;

    async fn cart(visitor: Visitor) -> web::Json<Option<Value>> {
        web::Json(visitor.get("cart"))
    }

    #[actix_web::test]
    async fn a_request_brings_the_values_of_a_visitor() {
        let gate = latchgate_test::gate();
        let app = App::new().wrap(LoginMiddleware::new(gate.clone()));
        let app = init_service(app.route("/cart", web::get().to(cart))).await;
        let request = TestRequest::get().uri("/cart");
        let request = request.visitor(&gate, json!({ "cart": [7, 8] }));
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(answer.assert_admitted().body.as_deref(), Some("[7,8]"));
    }

    #[actix_web::test]
    async fn where_there_is_no_layer_an_error_says_so() {
        let app = init_service(App::new().route("/cart", web::get().to(cart))).await;
        let request = TestRequest::get().uri("/cart").to_request();
        assert_eq!(call_service(&app, request).await.status(), 500);
    }
}
