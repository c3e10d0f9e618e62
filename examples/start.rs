//! How the login examples start: a log, a port and, if nothing is configured, a provider. And a token as JSON.

use std::io;

use latchgate_dev_provider::{DevProvider, StartError};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use super::Settings;

/// Starts the log, at the level in `RUST_LOG` or else `info`. Returns the port to listen on: `PORT`, or else 3000.
pub(crate) fn begin() -> Result<u16, &'static str> {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy());
    log.init();
    let port = std::env::var("PORT").map_or(Ok(3000), |port| port.parse());
    port.map_err(|_| "PORT is not a port number such as 3000")
}

/// The error when the port cannot be used.
pub(crate) fn taken(port: u16, error: io::Error) -> String {
    format!("cannot listen on port {port}: {error}; choose another with PORT, such as PORT=3001")
}

/// The settings as they are. If no `LATCHGATE_…` variable is set at all, those of a demo, with
/// the provider that people sign in at.
pub(crate) async fn or_demo(
    settings: Settings,
    port: u16,
) -> Result<(Settings, Option<DevProvider>), StartError> {
    if !settings.is_empty() {
        return Ok((settings, None));
    }
    println!("No LATCHGATE_… variable is set: this is a demo with a DEVELOPMENT PROVIDER.");
    let provider = DevProvider::start().await?;
    let url = format!("http://127.0.0.1:{port}");
    // What `/token` shows is a token for `/api`.
    let api = format!("resource = {url:?}\napi_audience = {url:?}\n");
    let table = provider.settings(&url) + &api;
    Ok((Settings::from_toml(&table), Some(provider)))
}

/// An access token as JSON.
pub(crate) fn token(token: &super::AccessToken) -> serde_json::Value {
    let (secret, expires_in, scope) = (token.secret(), token.expires_in(), token.scope());
    serde_json::json!({ "access_token": secret, "expires_in": expires_in, "scope": scope })
}
