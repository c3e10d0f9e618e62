//! `PrivateCookieJar` of axum-extra, and serde_json.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key};
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, Record};

async fn begin(State(key): State<Key>) -> PrivateCookieJar {
    let record = serde_json::to_string(&Record::example()).expect("JSON");
    PrivateCookieJar::new(key).add(Cookie::new("session", record))
}

async fn me(jar: PrivateCookieJar) -> Response {
    let record = jar.get("session");
    let record = record.and_then(|cookie| serde_json::from_str::<Record>(cookie.value()).ok());
    match record {
        Some(record) => Json(record.claims).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn main() {
    let app = Router::new()
        .route("/begin", get(begin))
        .route("/me", get(me))
        .with_state(Key::generate());
    peer_harness::on_threads(std::future::ready(Axum::new(app)), |app| {
        peer_harness::run(bare, app, Entry::Begin)
    });
}
