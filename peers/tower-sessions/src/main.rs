//! tower-sessions by hand, with its store in memory.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, Record};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

async fn begin(session: Session) -> StatusCode {
    session
        .insert("session", Record::example())
        .await
        .expect("a session");
    StatusCode::NO_CONTENT
}

async fn me(session: Session) -> Response {
    match session.get::<Record>("session").await {
        Ok(Some(record)) => Json(record.claims).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn main() {
    let app = Router::new()
        .route("/begin", get(begin))
        .route("/me", get(me))
        .layer(SessionManagerLayer::new(MemoryStore::default()));
    peer_harness::on_threads(std::future::ready(Axum::new(app)), |app| {
        peer_harness::run(bare, app, Entry::Begin)
    });
}
