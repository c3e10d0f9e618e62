//! Login on axum: a home page, a protected page, a fresh access token, a page for admins.
//!
//! Run: `cargo run -p axum-login`, then open the address it prints. Nothing else is needed: without
//! `LATCHGATE_ISSUER` it logs in against a development provider of its own. To use a real provider,
//! set the `LATCHGATE_*` variables that the README lists.

use std::error::Error;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use latchgate_dev_provider::DevProvider;
use latchgate_tower::latchgate::{Guard, Settings};
use latchgate_tower::{AccessToken, GuardLayer, LoginLayer, RefreshedAccessToken, User};
use serde_json::{Value, json};

#[path = "../../page.rs"]
mod page;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let port: u16 = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let mut demo = None;
    let settings = if std::env::var_os("LATCHGATE_ISSUER").is_some() {
        Settings::from_env()?
    } else {
        let provider = demo.insert(DevProvider::start().await?);
        println!("No LATCHGATE_ISSUER: this is a demo with a DEVELOPMENT PROVIDER.");
        Settings::from_toml(&provider.settings(&format!("http://127.0.0.1:{port}")))?.with_env()?
    };
    let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
    let gate = settings.build()?;
    let app = Router::new()
        .route("/admin", get(|| async { "Only admins read this." }))
        .route_layer(GuardLayer::new(Guard::signed_in().role("admin")))
        .route("/", get(home))
        .route("/me", get(me))
        .route("/token", get(token))
        .route("/refresh", post(refresh))
        .route("/healthz", get(|| async { "ok" }))
        .layer(LoginLayer::new(gate));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("axum-login listens on http://127.0.0.1:{port}");
    Ok(axum::serve(listener, app).await?)
}

async fn home(user: Option<User>) -> Html<String> {
    let name = user.as_ref().map(|user| user.name().unwrap_or("friend"));
    Html(page::home(name))
}

async fn me(user: User, headers: HeaderMap) -> impl IntoResponse {
    let accept = format!("{:?}", headers.get("accept"));
    let (kind, body) = page::claims(&accept, &user.claims_json());
    ([(CONTENT_TYPE, kind)], body)
}

async fn token(token: AccessToken) -> Json<Value> {
    Json(
        json!({ "access_token": token.secret(), "expires_in": token.expires_in(), "scope": token.scope() }),
    )
}

async fn refresh(token: RefreshedAccessToken) -> Json<Value> {
    Json(json!({ "expires_in": token.expires_in() }))
}
