//! latchgate on axum: with sealed cookies, or, if `STORE` is `memory`, with its store in memory.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use latchgate_tower::{Gate, LoginLayer, MemoryStore, Provider, SessionKey, User};
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, ORIGIN};

async fn me(user: User) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "application/json")],
        user.claims_json().into_owned(),
    )
}

fn main() {
    let at = peer_harness::Provider::from_env();
    let provider = Provider::new(&at.issuer, &at.client_id)
        .client_secret(at.client_secret)
        .scopes(["openid", "profile", "email", "offline_access"]);
    let gate = Gate::builder(ORIGIN, provider)
        .session_keys([SessionKey::from_bytes(*b"latchgate, sealed while measured")]);
    let gate = match std::env::var("STORE").as_deref() {
        Ok("memory") => gate.store(MemoryStore::default()),
        _ => gate,
    };
    let gate = gate.build().expect("a gate");
    let app = Router::new()
        .route("/me", get(me))
        .layer(LoginLayer::new(gate));
    peer_harness::on_threads(std::future::ready(Axum::new(app)), |app| {
        peer_harness::run(bare, app, Entry::Login)
    });
}
