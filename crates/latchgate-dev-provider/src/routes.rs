//! The routes of the provider, and what happens to every request before its endpoint.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;

use crate::authorization::{authorize, decide};
use crate::discovery::{jwks, metadata};
use crate::end_session::end_session;
use crate::introspection::introspect;
use crate::journal::{Endpoint, RecordedRequest};
use crate::loopback::is_addressed_to_loopback;
use crate::mischief::Instead;
use crate::pages::welcome;
use crate::parameters::BODY_LIMIT;
use crate::provider::Provider;
use crate::pushed_authorization::push;
use crate::revocation::revoke;
use crate::token::token;
use crate::userinfo::{emails, userinfo};
use crate::world::pass;

/// All routes, as one service.
pub(crate) fn routes(provider: &Arc<Provider>) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route(Endpoint::Discovery.path(), get(metadata))
        .route(Endpoint::AuthorizationServerMetadata.path(), get(metadata))
        .route(Endpoint::Jwks.path(), get(jwks))
        .route(Endpoint::Authorize.path(), get(authorize).post(authorize))
        .route("/authorize/decide", post(decide))
        .route(Endpoint::PushedAuthorization.path(), post(push))
        .route(Endpoint::Token.path(), post(token))
        .route(Endpoint::Userinfo.path(), get(userinfo).post(userinfo))
        .route(Endpoint::Emails.path(), get(emails))
        .route(
            Endpoint::EndSession.path(),
            get(end_session).post(end_session),
        )
        .route(Endpoint::Introspection.path(), post(introspect))
        .route(Endpoint::Revocation.path(), post(revoke))
        .layer(from_fn_with_state(Arc::clone(provider), observe))
        .with_state(Arc::clone(provider))
}

/// Records every request, and lets mischief step in before the endpoint.
async fn observe(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    if !is_addressed_to_loopback(request.headers()) {
        let reason =
            "the development provider can only be addressed as localhost, 127.0.0.1 or [::1]";
        return (StatusCode::MISDIRECTED_REQUEST, reason).into_response();
    }
    let Some(endpoint) = Endpoint::at(request.uri().path()) else {
        return next.run(request).await;
    };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path_and_query = head
        .uri
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    provider.journal.record(
        endpoint,
        RecordedRequest {
            method: head.method.clone(),
            path_and_query: path_and_query.to_owned(),
            headers: head.headers.clone(),
            body: body.clone(),
        },
    );
    let mut withheld = None;
    match provider.mischief.instead(endpoint) {
        Instead::Honest => {}
        Instead::HonestAfter(delay) => pass(delay).await,
        Instead::HonestOnceCleared(mut cleared) => {
            // The sender lives as long as the provider, which this request keeps alive.
            let _ = cleared.changed().await;
        }
        Instead::WithheldUntilCleared(cleared) => withheld = Some(cleared),
        Instead::Respond(response) => return response,
    }
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    if let Some(mut cleared) = withheld {
        let _ = cleared.changed().await;
    }
    answer
}
