//! The same application on other session libraries. Their sessions hold the claims parsed, beside
//! the access token and the refresh token; they keep no ID token, so they hold less than ours.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

const NAME: &str = "session";

/// What a peer's session holds.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) claims: Map<String, Value>,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) expires_at: u64,
}

/// `PrivateCookieJar` of axum-extra. `POST /begin` begins a session.
pub(crate) fn private_cookie(record: Record) -> Router {
    Router::new()
        .route("/begin", post(seal))
        .layer(Extension(record))
        .route("/me", get(unseal))
        .with_state(Key::generate())
}

async fn seal(State(key): State<Key>, Extension(record): Extension<Record>) -> PrivateCookieJar {
    let record = serde_json::to_string(&record).unwrap();
    PrivateCookieJar::new(key).add(Cookie::new(NAME, record))
}

async fn unseal(jar: PrivateCookieJar) -> Response {
    let Some(cookie) = jar.get(NAME) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let record: Record = serde_json::from_str(cookie.value()).unwrap();
    Json(record.claims).into_response()
}

/// tower-sessions with its store in memory. `POST /begin` begins a session.
pub(crate) fn memory_store(record: Record) -> Router {
    Router::new()
        .route("/begin", post(store))
        .layer(Extension(record))
        .route("/me", get(load))
        .layer(SessionManagerLayer::new(MemoryStore::default()))
        .with_state(())
}

async fn store(session: Session, Extension(record): Extension<Record>) {
    session.insert(NAME, record).await.unwrap();
}

async fn load(session: Session) -> Response {
    match session.get::<Record>(NAME).await.unwrap() {
        Some(record) => Json(record.claims).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
