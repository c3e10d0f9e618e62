//! The application that is measured: bare, and behind the login layer.
//!
//! All end with `with_state(())`, as `axum::serve` ends them: it puts the layers around the handlers
//! once instead of for every request.

use axum::Router;
use axum::response::{IntoResponse, Json, Redirect};
use axum::routing::get;
use bytes::Bytes;
use http::header;
use latchgate_tower::Gate;
use latchgate_tower::{AccessToken, LoginLayer, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::layer::util::Identity;

/// The application without anybody signed in: it answers what it is told to.
pub(crate) fn bare(answer: Bytes) -> Router {
    let page = move || {
        let answer = answer.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], answer) }
    };
    Router::new()
        .route("/", get(|| async { "Hello" }))
        .route("/me", get(page.clone()))
        .route("/subject", get(page.clone()))
        .route("/typed", get(page.clone()))
        .route("/token", get(page))
        .route("/login", get(|| async { Redirect::to("/callback") }))
        .route("/callback", get(|| async { Redirect::to("/me") }))
        .with_state(())
}

/// The bare application in a layer that does nothing: what axum itself takes for any layer.
pub(crate) fn idle(answer: Bytes) -> Router {
    bare(answer).layer(Identity::new()).with_state(())
}

/// The application with people signed in, still without the layer that signs them in.
pub(crate) fn signed_in() -> Router {
    Router::new()
        .route("/", get(|| async { "Hello" }))
        .route("/me", get(me))
        .route("/subject", get(subject))
        .route("/typed", get(typed))
        .route("/token", get(token))
        .with_state(())
}

/// The application behind the login layer, the way it is written in the README.
pub(crate) fn latchgate(gate: &Gate) -> Router {
    signed_in()
        .layer(LoginLayer::new(gate.clone()))
        .with_state(())
}

async fn subject(user: User) -> String {
    user.subject().to_owned()
}

/// Claims of an application's own.
#[derive(Deserialize, Serialize)]
struct Claims {
    name: String,
    email: String,
    roles: Vec<String>,
}

async fn typed(user: User) -> Json<Option<Claims>> {
    Json(user.claims().ok())
}

async fn me(user: User) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, user.claims_json().into_owned())
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(
        json!({ "access_token": token.secret(), "expires_in": token.expires_in(), "scope": token.scope() }),
    )
}
