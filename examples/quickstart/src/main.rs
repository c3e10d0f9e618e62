//! A login in a few lines: a home page, and a page with the claims of whoever is signed in.
//!
//! Run: `cargo demo` (`cargo run -p latchgate-example-quickstart`), then open the address it prints.
//! Nothing else is needed: without any `LATCHGATE_…` variable it logs in against a development provider of
//! its own. To use a real provider, set the variables that the README lists. `PORT` is read, too.

use axum::{Json, Router, response::Html, routing::get};
use latchgate_dev_provider::DevProvider;
use latchgate_tower::{LoginLayer, Settings, User};

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
        settings = Settings::from_toml(&provider.settings(&url));
    }
    let app = Router::new()
        .route("/", get(home))
        .route("/me", get(async |user: User| Json(user)))
        .layer(LoginLayer::new(settings.build()?));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on {url}");
    Ok(axum::serve(listener, app).await?)
}

async fn home(user: Option<User>) -> Html<&'static str> {
    Html(match user {
        None => r#"<a href="/login?return_to=/me">Log in</a>"#,
        Some(_) => r#"<form method="post" action="/logout"><button>Log out</button></form>"#,
    })
}
