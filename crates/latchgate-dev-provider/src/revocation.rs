//! Token revocation ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)).

use std::sync::Arc;

use axum::extract::{Request, State};
use http::StatusCode;

use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::token_error::TokenError;

/// `POST /revoke`. An unknown token counts as revoked. The token type hint is ignored.
pub(crate) async fn revoke(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Result<StatusCode, TokenError> {
    let headers = request.headers().clone();
    let parameters = Parameters::read_once(request).await?;
    let client = provider.authenticate_client(&headers, &parameters)?;
    let token = parameters
        .get("token")
        .ok_or_else(|| TokenError::InvalidRequest("the parameter token is missing".to_owned()))?;
    provider.ledger().revoke_token(token, &client.client_id)?;
    Ok(StatusCode::OK)
}
