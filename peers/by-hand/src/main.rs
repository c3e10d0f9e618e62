//! The least that a login layer can do, written by hand for one provider: how far from the possible the others are. Nobody
//! should use it. It knows no logout, no refresh, no idle time, no other key and no other algorithm than those of the
//! provider when it started, and shows an error as a bare status.

mod id_token;
mod login;
mod seal;
mod session;

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use bytes::Bytes;
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, Provider};

use login::Login;
use session::Session;

/// The claims of whoever is signed in, as JSON.
struct Claims(Bytes);

impl FromRequestParts<Arc<Login>> for Claims {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, login: &Arc<Login>) -> Result<Self, Response> {
        let claims = Session::claims(&login.sealer, &parts.headers);
        claims.map(Self).ok_or_else(|| login.begin())
    }
}

async fn me(Claims(claims): Claims) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], claims)
}

async fn callback(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match login.finish(&headers, &query.unwrap_or_default()).await {
        Some(signed_in) => signed_in,
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn main() {
    let application = async {
        let login = Login::at(Provider::from_env()).await;
        let app = Router::new()
            .route("/me", get(me))
            .route("/callback", get(callback))
            .with_state(Arc::new(login));
        Axum::new(app)
    };
    peer_harness::on_threads(application, |app| {
        peer_harness::run(bare, app, Entry::Login)
    });
}
