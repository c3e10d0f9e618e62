//! axum-login with sessions in memory. It keeps a user's id in the session, and asks the application for the user with each
//! request: here that is a clone of the record.

use std::convert::Infallible;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use axum_login::tower_sessions::{MemoryStore, SessionManagerLayer};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend};
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, Record};

#[derive(Clone, Debug)]
struct User(Record);

impl AuthUser for User {
    type Id = u64;

    fn id(&self) -> u64 {
        1
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.0.refresh_token.as_bytes()[..32]
    }
}

#[derive(Clone)]
struct Backend(User);

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = ();
    type Error = Infallible;

    async fn authenticate(&self, (): ()) -> Result<Option<User>, Infallible> {
        Ok(Some(self.0.clone()))
    }

    async fn get_user(&self, _: &u64) -> Result<Option<User>, Infallible> {
        Ok(Some(self.0.clone()))
    }
}

type AuthSession = axum_login::AuthSession<Backend>;

async fn begin(mut session: AuthSession) -> StatusCode {
    let user = User(Record::example());
    session.login(&user).await.expect("a session");
    StatusCode::NO_CONTENT
}

async fn me(session: AuthSession) -> Response {
    match session.user {
        Some(User(record)) => Json(record.claims).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn main() {
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    let auth = AuthManagerLayerBuilder::new(Backend(User(Record::example())), sessions).build();
    let app = Router::new()
        .route("/begin", get(begin))
        .route("/me", get(me))
        .layer(auth);
    peer_harness::on_threads(std::future::ready(Axum::new(app)), |app| {
        peer_harness::run(bare, app, Entry::Begin)
    });
}
