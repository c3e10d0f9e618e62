//! The token request and its successful response ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1), [OpenID
//! Connect Core §3.1.3.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse)).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use super::id_token::Occasion;
use crate::client::Client;
use crate::grants::Grant;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::scope::Scope;
use crate::settings::ExpiresIn;
use crate::token_error::TokenError;

/// `POST /token`
pub(crate) async fn token(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Result<Response, TokenError> {
    let headers = request.headers().clone();
    let parameters = Parameters::read_once(request).await?;
    let client = provider.authenticate_client(&headers, &parameters)?;
    let mut answer = match parameters.get("grant_type") {
        Some("authorization_code") => provider.redeem_code(&client, &parameters)?,
        Some("refresh_token") => provider.refresh(&client, &parameters)?,
        Some(_) => return Err(TokenError::UnsupportedGrantType),
        None => {
            return Err(TokenError::InvalidRequest(
                "the parameter grant_type is missing".to_owned(),
            ));
        }
    };
    provider.mischief.alter_token_response(&mut answer);
    let no_store = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    Ok((no_store, Json(answer)).into_response())
}

impl Provider {
    fn redeem_code(&self, client: &Client, parameters: &Parameters) -> Result<Value, TokenError> {
        let redeemed = self
            .ledger()
            .redeem(parameters, &client.client_id, self.now())?;
        let grant = redeemed.grant;
        let occasion = Occasion::Login(redeemed.nonce);
        Ok(self.token_response(client, &grant, &grant.scope, parameters, &occasion))
    }

    fn refresh(&self, client: &Client, parameters: &Parameters) -> Result<Value, TokenError> {
        let refreshed = self.ledger().refresh(parameters, &client.client_id)?;
        let (grant, scope) = (refreshed.grant, refreshed.scope);
        Ok(self.token_response(client, &grant, &scope, parameters, &Occasion::Refresh))
    }

    fn token_response(
        &self,
        client: &Client,
        grant: &Grant,
        scope: &Scope,
        parameters: &Parameters,
        occasion: &Occasion,
    ) -> Value {
        let access_token = self.issue_access_token(client, grant, scope, parameters);
        let mut answer = json!({"token_type": "Bearer", "scope": scope.to_string()});
        if scope.contains("openid") {
            answer["id_token"] =
                json!(self.issue_id_token(client, grant, scope, &access_token, occasion));
        }
        if grant.scope.contains("offline_access") {
            let prefix = &self.settings.refresh_token_prefix;
            answer["refresh_token"] = json!(self.ledger().issue_refresh_token(grant, prefix));
        }
        if self.settings.expires_in == ExpiresIn::Sent {
            answer["expires_in"] = json!(self.settings.access_token_lifetime.as_secs());
        }
        answer["access_token"] = json!(access_token);
        answer
    }
}
