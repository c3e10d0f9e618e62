//! An API and nothing else: it accepts access tokens, and has no login.
//!
//! Run: `cargo run -p latchgate-example-api`, then try the commands that it prints.
//! Nothing else is needed: without any `LATCHGATE_…` variable it trusts a development provider of its own. To use a real
//! authorization server, set `LATCHGATE_ISSUER` and `LATCHGATE_API_AUDIENCE`, and what else the README lists. `PORT` is
//! read, too.

use axum::{Json, Router, routing::get};
use latchgate_dev_provider::DevProvider;
use latchgate_tower::{ApiLayer, Guard, GuardLayer, Settings, User};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init();
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let url = format!("http://127.0.0.1:{port}");
    let mut settings = Settings::from_env();
    let provider; // Runs until it is dropped.
    if settings.is_empty() {
        println!("No LATCHGATE_… variable is set: this is a demo with a DEVELOPMENT PROVIDER.");
        provider = DevProvider::start().await?;
        let issuer = provider.issuer();
        settings = Settings::from_toml(&format!("issuer = {issuer:?}\napi_audience = {url:?}"));
        for scope in ["openid", "invoices:read"] {
            let token = provider.access_token("alice", &url, scope);
            println!("\ncurl -i {url}/invoices -H 'Authorization: Bearer {token}'");
        }
    }
    let app = Router::new()
        .route("/invoices", get(|| async { "One invoice, over 7 €." }))
        .route_layer(GuardLayer::new(Guard::signed_in().scope("invoices:read")))
        .route("/me", get(async |user: User| Json(user)))
        .route("/healthz", get(|| async { "ok" }))
        .layer(ApiLayer::new(settings.build_api()?));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("\nListening on {url}");
    Ok(axum::serve(listener, app).await?)
}
