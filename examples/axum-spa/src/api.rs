//! The API behind the proxy. It knows nothing of sessions and cookies, and trusts access tokens only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{Json, Router, routing::get};
use latchgate_tower::{Api, ApiLayer, User};

/// Somebody's notes, with another one if the request brings it.
pub(crate) fn notes(api: Api) -> Router {
    let all: Arc<Mutex<HashMap<String, Vec<String>>>> = Arc::default();
    let notes = async move |user: User, new: String| {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(user.subject().to_owned()).or_default();
        own.extend(Some(new).filter(|new| !new.is_empty()));
        Json(own.clone())
    };
    let notes = get(notes.clone()).post(notes);
    Router::new()
        .route("/notes", notes)
        .layer(ApiLayer::new(api))
}
