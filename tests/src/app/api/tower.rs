//! The API on axum.

use std::net::TcpListener;

use axum::extract::Request;
use axum::middleware::map_request;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use latchgate::{Api, Guard};
use latchgate_tower::{AccessToken, ApiLayer, GuardLayer, User};

use super::super::{Serving, Slow, admins, readers, recent};
use super::{thumbprint, who};
use crate::failure::Failure;

pub(super) fn serve(listener: TcpListener, api: Api) -> Result<Serving, Failure> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let app = Router::new()
        .merge(guarded("/admin", admins()))
        .merge(guarded("/read", readers()))
        .merge(guarded("/recent", recent()))
        .route("/", get(home))
        .route("/me", get(me).post(me))
        .route("/who", get(async |user: User| Json(who(&user))))
        .route("/token", get(async |_: AccessToken| "token"))
        .layer(ApiLayer::new(api))
        .layer(map_request(certified));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let handle = serving.abort_handle();
    Ok(Serving::until(Slow::default(), move || handle.abort()))
}

async fn certified(mut request: Request) -> Request {
    if let Some(seen) = request.headers().get("x-certificate") {
        let seen = thumbprint(seen.as_bytes());
        request.extensions_mut().insert(seen);
    }
    request
}

fn guarded(path: &str, guard: Guard) -> Router {
    let admitted: MethodRouter = get(|| async { "admitted" });
    Router::new()
        .route(path, admitted)
        .route_layer(GuardLayer::new(guard))
}

async fn home(user: Option<User>) -> String {
    user.map_or_else(|| "anonymous".to_owned(), |user| user.subject().to_owned())
}

async fn me(user: User) -> Json<User> {
    Json(user)
}
