//! Login on axum: a home page, a protected page, a fresh access token, a page for admins, and one
//! that needs a recent login.
//!
//! Run: `cargo run -p latchgate-example-axum`, then open the address it prints.
//! Nothing else is needed: without any `LATCHGATE_…` variable it logs in against a development provider of
//! its own. To use a real provider, set those that the README lists. `PORT` and `RUST_LOG` are read, too.

use std::error::Error;
use std::time::Duration;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use latchgate_tower::{
    Access, AccessToken, Gate, Guard, GuardLayer, LoginLayer, RefreshedAccessToken, Rejection,
    Settings, User,
};
use serde_json::{Value, json};

#[path = "../../page.rs"]
mod page;
#[path = "../../start.rs"]
mod start;
#[cfg(test)]
mod tests;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = start::begin()?;
    let (settings, _provider) = start::or_demo(Settings::from_env(), port).await?;
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    let gate = settings.build()?;
    gate.warm_up().await?; // Optional: fail now, not at the first login, if the provider is not there.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| start::taken(port, error))?;
    println!("Listening on http://127.0.0.1:{port}");
    Ok(axum::serve(listener, app(gate)).await?)
}

fn app(gate: Gate) -> Router {
    Router::new()
        .route("/admin", get(|| async { "Only admins read this." }))
        .route_layer(GuardLayer::new(Guard::signed_in().role("admin")))
        .route("/step-up", get(step_up))
        .route("/", get(home))
        .route("/me", get(me))
        .route("/token", get(token))
        .route("/refresh", post(refresh))
        .route("/api", get(async |user: User| Json(user))) // By a session, or an access token.
        .route("/healthz", get(|| async { "ok" }))
        .layer(LoginLayer::new(gate))
}

async fn home(user: Option<User>) -> Html<String> {
    Html(page::home(user.as_ref()))
}

async fn me(user: User, headers: HeaderMap) -> impl IntoResponse {
    let accept = format!("{:?}", headers.get("accept"));
    let (kind, body) = page::claims(&accept, &user.claims_json());
    ([(CONTENT_TYPE, kind)], body)
}

async fn step_up(access: Access) -> Result<&'static str, Rejection> {
    let recent = Guard::signed_in().max_age(Duration::from_secs(60));
    access.require(&recent).await?;
    Ok("You have signed in within the last minute.")
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(start::token(&token))
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(json!({ "expires_in": token.expires_in() }))
}
