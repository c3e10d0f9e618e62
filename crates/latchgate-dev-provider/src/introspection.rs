//! Token introspection ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::token_error::TokenError;

/// `POST /introspect`
pub(crate) async fn introspect(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Result<Response, TokenError> {
    let headers = request.headers().clone();
    let parameters = Parameters::read_once(request).await?;
    provider.authenticate_confidential_client(&headers, &parameters)?;
    let token = parameters
        .get("token")
        .ok_or_else(|| TokenError::InvalidRequest("the parameter token is missing".to_owned()))?;
    let answer = provider.introspection(token);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

impl Provider {
    fn introspection(&self, token: &str) -> Value {
        let ledger = self.ledger();
        if let Some((access, grant)) = ledger.access_token(token, self.now()) {
            let mut answer = json!({
                "active": true,
                "token_type": access.confirmation.token_type(),
                "iss": self.issuer,
                "sub": grant.person.sub,
                "username": grant.person.display_name(),
                "aud": access.audience,
                "client_id": grant.client_id,
                "scope": access.scope.to_string(),
                "iat": access.issued_at,
                "exp": access.expires_at,
                "jti": access.jti,
            });
            if let Some(cnf) = access.confirmation.claim() {
                answer["cnf"] = cnf;
            }
            return answer;
        }
        if let Some(grant) = ledger.refresh_token(token) {
            return json!({
                "active": true,
                "iss": self.issuer,
                "sub": grant.person.sub,
                "username": grant.person.display_name(),
                "client_id": grant.client_id,
                "scope": grant.scope.to_string(),
            });
        }
        json!({"active": false})
    }
}
