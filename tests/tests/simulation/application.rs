//! The application behind the gate: what its handlers answer is what the invariants are held against.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use latchgate::Gate;
use latchgate_tower::{
    AccessToken, LoginLayer, RefreshedAccessToken, Rejection, SessionData, User,
};
use serde::{Deserialize, Serialize};

use crate::time::wait;

/// What the application keeps in a session: the numbers somebody has written.
pub(crate) type Written = Vec<u64>;

/// What every page says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The session that the gate has let in.
    pub(crate) sid: String,
    pub(crate) written: Option<Written>,
    pub(crate) token: Option<String>,
}

/// How long a handler thinks once its arguments are there, in milliseconds, and the number that is written.
#[derive(Debug, Default, Deserialize)]
struct Wish {
    thinks: u64,
    number: u64,
}

#[derive(Deserialize)]
struct Sid {
    sid: String,
}

/// The session's name: the gate hands it out among the claims.
pub(crate) fn sid_of(user: &latchgate::User) -> String {
    let claims: Sid = user.claims().unwrap();
    claims.sid
}

pub(crate) fn router(gate: Gate) -> Router {
    let gate = Arc::new(gate);
    Router::new()
        .route("/me", get(me))
        .route("/token", get(token))
        .route("/force", post(force))
        .route("/write", post(write))
        .route("/everywhere", post(everywhere))
        .route("/elsewhere", post(elsewhere))
        .with_state(Arc::clone(&gate))
        .layer(LoginLayer::new(Gate::clone(&gate)))
}

async fn think(wish: &Wish) {
    if wish.thinks > 0 {
        wait(Duration::from_millis(wish.thinks)).await;
    }
}

async fn me(user: User, written: SessionData<Written>, Query(wish): Query<Wish>) -> Json<Page> {
    let page = Page {
        sid: sid_of(&user),
        written: Some(written.to_vec()),
        token: None,
    };
    think(&wish).await;
    Json(page)
}

async fn token(user: User, token: AccessToken, Query(wish): Query<Wish>) -> Json<Page> {
    think(&wish).await;
    Json(Page {
        sid: sid_of(&user),
        written: None,
        token: Some(token.secret().to_owned()),
    })
}

async fn force(user: User, token: RefreshedAccessToken, Query(wish): Query<Wish>) -> Json<Page> {
    think(&wish).await;
    Json(Page {
        sid: sid_of(&user),
        written: None,
        token: Some(token.secret().to_owned()),
    })
}

async fn write(
    user: User,
    mut written: SessionData<Written>,
    Query(wish): Query<Wish>,
) -> Result<Json<Page>, Rejection> {
    think(&wish).await;
    let written = written.update(|written| written.push(wish.number)).await?;
    Ok(Json(Page {
        sid: sid_of(&user),
        written: Some(written.clone()),
        token: None,
    }))
}

async fn everywhere(State(gate): State<Arc<Gate>>, user: User) -> Response {
    match gate.end_sessions_of(user.issuer(), user.subject()).await {
        Ok(()) => said(&user),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn elsewhere(State(gate): State<Arc<Gate>>, user: User) -> Response {
    match gate.end_other_sessions_of(&user).await {
        Ok(()) => said(&user),
        Err(error) => error.status().into_response(),
    }
}

fn said(user: &User) -> Response {
    Json(Page {
        sid: sid_of(user),
        ..Page::default()
    })
    .into_response()
}
