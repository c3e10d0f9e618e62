//! A login with metrics for Prometheus, on axum. `dashboard.json` is a dashboard for Grafana, and the page of
//! `latchgate::telemetry` has alerts.
//!
//! Run: `cargo run -p latchgate-example-axum-metrics`, open the address it prints, and then its metrics.
//! Nothing else is needed: without any `LATCHGATE_…` variable it logs in against a development provider of
//! its own. To use a real provider, set the variables that the README lists. `PORT` and `METRICS_PORT` are read, too.

use std::{error::Error, future::ready, time::Duration};

use axum::{Json, Router, response::Html, routing::get};
use latchgate_dev_provider::DevProvider;
use latchgate_tower::telemetry::{COOKIE_BUCKETS, DURATION_BUCKETS};
use latchgate_tower::{Gate, LoginLayer, Settings, User};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

#[cfg(test)]
mod tests;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let metrics = recorder()?; // Before the gate, which describes its metrics to it.
    let (port, metrics_port) = (port("PORT", 3000)?, port("METRICS_PORT", 9464)?);
    let url = format!("http://127.0.0.1:{port}");
    let mut settings = Settings::from_env();
    let provider; // Runs until it is dropped.
    if settings.is_empty() {
        println!("No LATCHGATE_… variable is set: this is a demo with a DEVELOPMENT PROVIDER.");
        provider = DevProvider::start().await?;
        settings = Settings::from_toml(&provider.settings(&url));
    }
    let app = app(settings.build()?);
    // Nothing in them is secret, but they tell everybody how many people sign in, and what is broken. So they have a port
    // of their own, which the outside world does not reach.
    let inside = Router::new().route("/metrics", get(move || ready(metrics.render())));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let inside_listener = TcpListener::bind(("127.0.0.1", metrics_port)).await?;
    println!("Listening on {url}, and for Prometheus on http://127.0.0.1:{metrics_port}/metrics");
    tokio::spawn(async { axum::serve(inside_listener, inside).await });
    Ok(axum::serve(listener, app).await?)
}

fn port(variable: &str, default: u16) -> Result<u16, std::num::ParseIntError> {
    std::env::var(variable).map_or(Ok(default), |port| port.parse())
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&DURATION_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &COOKIE_BUCKETS)?
        .install_recorder()?;
    let kept = metrics.clone();
    tokio::spawn(async move {
        let mut minute = tokio::time::interval(Duration::from_secs(60));
        loop {
            minute.tick().await;
            kept.run_upkeep(); // Durations pile up while nobody asks for them.
        }
    });
    Ok(metrics)
}

fn app(gate: Gate) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/me", get(async |user: User| Json(user)))
        .layer(LoginLayer::new(gate))
}

async fn home(user: Option<User>) -> Html<&'static str> {
    Html(match user {
        None => r#"<a href="/login?return_to=/me">Log in</a>"#,
        Some(_) => r#"<form method="post" action="/logout"><button>Log out</button></form>"#,
    })
}
