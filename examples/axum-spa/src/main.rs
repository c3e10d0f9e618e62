//! A single-page application in plain JavaScript (`page/`). Its scripts have no token: they call the API through this
//! server, which adds the access token of the session.
//!
//! Run: `cargo run -p latchgate-example-axum-spa`, then open the address it prints.
//! Nothing else is needed: without any `LATCHGATE_…` variable it logs in against a development provider of
//! its own. To use a real provider, set the variables that the README lists, and `LATCHGATE_API_AUDIENCE` to what its
//! access tokens are for. `PORT` is read, too.

mod api;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::{Router, routing::MethodRouter, routing::get};
use latchgate_dev_provider::DevProvider;
use latchgate_proxy::ApiProxy;
use latchgate_tower::{LoginLayer, Settings};
use tokio::net::TcpListener;

const HTML: &str = include_str!("../page/index.html");
const APP: &str = include_str!("../page/app.js");
const SESSION: &str = include_str!("../page/session.js");
const STYLE: &str = include_str!("../page/style.css");

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
        let api = format!("resource = \"{url}/api\"\napi_audience = \"{url}/api\"\n");
        settings = Settings::from_toml(&(provider.settings(&url) + &api));
    }
    let gate = settings.builder().session_path("/session");
    let gate = gate.csrf_protection().build()?;

    let upstream = TcpListener::bind("127.0.0.1:0").await?; // The API, which is usually elsewhere.
    let proxy = ApiProxy::new(format!("http://{}", upstream.local_addr()?))?;
    let api = api::notes(settings.build_api()?);
    tokio::spawn(axum::serve(upstream, api).into_future());

    let app = Router::new()
        .route("/", file("text/html; charset=utf-8", HTML))
        .route("/app.js", file("text/javascript", APP))
        .route("/session.js", file("text/javascript", SESSION))
        .route("/style.css", file("text/css", STYLE))
        .nest_service("/api", proxy)
        .layer(LoginLayer::new(gate));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on {url}");
    Ok(axum::serve(listener, app).await?)
}

/// A file of the page, which loads files from here only and runs no script but those.
fn file(kind: &'static str, text: &'static str) -> MethodRouter {
    let policy = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy)];
    get(async move || (headers, text))
}
