//! Accounts in the manner of GitHub, for clients that speak OAuth 2.0 without OpenID.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::access_token;
use crate::person::{EmailVerification, Person};
use crate::provider::Provider;

/// `GET /user/emails`
pub(crate) async fn emails(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let Ok((_, token)) = access_token(request).await else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let ledger = provider.ledger();
    let Some((access, grant)) = ledger.access_token(&token, provider.now()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if !access.scope.contains("user:email") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let addresses = grant.person.email.iter().map(|(email, verification)| {
        let verified = *verification == EmailVerification::Verified;
        json!({"email": email, "primary": true, "verified": verified, "visibility": null})
    });
    let other = "other@users.example";
    let other = json!({"email": other, "primary": false, "verified": true, "visibility": null});
    let all: Vec<Value> = std::iter::once(other).chain(addresses).collect();
    Json(all).into_response()
}

/// What GitHub says about somebody. The address is there only for people who publish it, which nobody does here.
pub(super) fn plain_profile(person: &Person) -> Value {
    // Stable, and no `sub`: FNV-1a.
    let id = person.sub.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    json!({
        "login": person.sub,
        "id": id,
        "node_id": format!("U_{id}"),
        "name": person.name,
        "email": null,
        "avatar_url": person.picture,
        "type": "User",
        "site_admin": false,
    })
}
