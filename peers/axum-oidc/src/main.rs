//! axum-oidc, with tower-sessions in memory as in its example.

use axum::error_handling::HandleErrorLayer;
use axum::response::{IntoResponse, Json};
use axum::{Router, routing::get};
use axum_oidc::error::MiddlewareError;
use axum_oidc::{EmptyAdditionalClaims, OidcAuthLayer, OidcClaims, OidcLoginLayer};
use peer_harness::on_axum::{Axum, bare};
use peer_harness::{Entry, ORIGIN, Provider};
use tower::ServiceBuilder;
use tower_sessions_014::{MemoryStore, SessionManagerLayer};

async fn me(claims: OidcClaims<EmptyAdditionalClaims>) -> impl IntoResponse {
    Json(claims.0)
}

async fn failed(error: MiddlewareError) -> impl IntoResponse {
    error.into_response()
}

fn main() {
    let application = async {
        let at = Provider::from_env();
        let scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned);
        let client = OidcAuthLayer::<EmptyAdditionalClaims>::discover_client(
            ORIGIN.parse().expect("a URL"),
            at.issuer,
            at.client_id,
            Some(at.client_secret),
            scopes.into(),
        );
        let client = client.await.expect("the provider");
        let login = ServiceBuilder::new()
            .layer(HandleErrorLayer::new(failed))
            .layer(OidcLoginLayer::<EmptyAdditionalClaims>::new());
        let oidc = ServiceBuilder::new()
            .layer(HandleErrorLayer::new(failed))
            .layer(client);
        let app = Router::new()
            .route("/me", get(me))
            .layer(login)
            .layer(oidc)
            .layer(SessionManagerLayer::new(MemoryStore::default()).with_secure(false));
        Axum::new(app)
    };
    peer_harness::on_threads(application, |app| {
        peer_harness::run(bare, app, Entry::Login)
    });
}
