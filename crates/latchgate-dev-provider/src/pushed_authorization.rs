//! The pushed authorization request endpoint ([RFC 9126 §2](https://www.rfc-editor.org/rfc/rfc9126#section-2)).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::authorization_request::{AuthorizationRequest, Refusal};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::pushed_requests;
use crate::request_object::unpack;
use crate::settings::Requests;
use crate::token_error::TokenError;

/// `POST /par`
pub(crate) async fn push(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Result<Response, TokenError> {
    let headers = request.headers().clone();
    let parameters = Parameters::read_once(request).await?;
    let client = provider.authenticate_client(&headers, &parameters)?;
    if parameters.get("client_id") != Some(client.client_id.as_str()) {
        let reason = "client_id is missing, or not the one of the client that authenticated";
        return Err(TokenError::InvalidRequest(reason.to_owned()));
    }
    let refused = |description| TokenError::Other {
        code: "invalid_request_object",
        description,
    };
    let is_signed = parameters.get("request").is_some();
    if provider.settings.requests == Requests::Signed && !is_signed {
        return Err(refused("authorization requests must be signed"));
    }
    let parameters = unpack(&client, &provider.issuer, provider.now(), parameters);
    let parameters = parameters.map_err(refused)?;
    let found = Arc::clone(&client);
    match AuthorizationRequest::parse(|_| Some(found), &parameters) {
        Ok(_) => {}
        Err(Refusal::Page(reason)) => return Err(TokenError::InvalidRequest(reason)),
        Err(Refusal::Redirect(_, error)) => {
            let (code, description) = error.code_and_description();
            return Err(TokenError::Other { code, description });
        }
    }
    let now = provider.now();
    let reference = provider
        .pushed_requests
        .put(&client.client_id, parameters, now);
    let answer = json!({ "request_uri": reference, "expires_in": pushed_requests::LIFETIME });
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(answer)).into_response())
}
