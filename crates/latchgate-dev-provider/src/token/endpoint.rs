//! The token request and its successful response ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1), [OpenID
//! Connect Core §3.1.3.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse)).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::further_grants::TOKEN_EXCHANGE;
use super::id_token::Occasion;
use super::plain::plain_response;
use crate::client::{Client, Protocol, TokenBinding};
use crate::confirmation::Confirmation;
use crate::dpop::{ProofError, ProvedRequest, Server};
use crate::grants::Grant;
use crate::journal::Endpoint;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::scope::Scope;
use crate::settings::ExpiresIn;
use crate::token_error::TokenError;

/// `POST /token`
pub(crate) async fn token(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let answer = provider.issue_tokens(&headers, request).await;
    let mut response = answer.into_response();
    provider.add_nonce(&headers, Server::Authorization, response.headers_mut());
    response
}

impl Provider {
    async fn issue_tokens(
        &self,
        headers: &HeaderMap,
        request: Request,
    ) -> Result<Response, TokenError> {
        let parameters = Parameters::read_once(request).await?;
        let client = self.authenticate_client(headers, &parameters)?;
        let answer = self.answer(headers, &client, &parameters);
        if client.protocol == Protocol::PlainOAuth2 {
            let answer = answer.unwrap_or_else(|error| error.to_json());
            return Ok(plain_response(headers, &answer));
        }
        let no_store = [
            (header::CACHE_CONTROL, "no-store"),
            (header::PRAGMA, "no-cache"),
        ];
        Ok((no_store, Json(answer?)).into_response())
    }

    fn answer(
        &self,
        headers: &HeaderMap,
        client: &Client,
        parameters: &Parameters,
    ) -> Result<Value, TokenError> {
        // Before anything is spent: a request without a nonce is sent again.
        let confirmation = &Confirmation {
            jkt: self.key_of_client(headers, client)?,
            certificate: self.certificate_for_tokens(headers, client)?,
        };
        let mut answer = match parameters.get("grant_type") {
            Some("authorization_code") => self.redeem_code(client, parameters, confirmation)?,
            Some("refresh_token") => self.refresh(client, parameters, confirmation)?,
            Some("client_credentials") => {
                self.client_credentials(client, parameters, confirmation)?
            }
            Some(TOKEN_EXCHANGE) => self.exchange(client, parameters, confirmation)?,
            Some(_) => return Err(TokenError::UnsupportedGrantType),
            None => {
                return Err(TokenError::InvalidRequest(
                    "the parameter grant_type is missing".to_owned(),
                ));
            }
        };
        self.mischief.alter_token_response(&mut answer);
        Ok(answer)
    }

    /// The thumbprint of the key that a token request proves to have, if it has a proof.
    fn key_of_client(
        &self,
        headers: &HeaderMap,
        client: &Client,
    ) -> Result<Option<String>, TokenError> {
        let request = ProvedRequest {
            server: Server::Authorization,
            method: "POST",
            url: self.url_of(Endpoint::Token, headers),
            access_token: None,
            now: self.now(),
        };
        let refused = |code, description| TokenError::Other { code, description };
        match self
            .proofs
            .verify(self.settings.dpop_nonces, headers, &request)
        {
            Ok(None) if client.token_binding == TokenBinding::Required => Err(refused(
                "invalid_dpop_proof",
                "this client has to send a proof of possession",
            )),
            Ok(jkt) => Ok(jkt),
            Err(ProofError::Invalid(reason)) => Err(refused("invalid_dpop_proof", reason)),
            Err(ProofError::NonceWanted) => Err(refused(
                "use_dpop_nonce",
                "the proof needs the nonce of this answer",
            )),
        }
    }

    /// The thumbprint of the certificate that the client's tokens are bound to, if they are.
    fn certificate_for_tokens(
        &self,
        headers: &HeaderMap,
        client: &Client,
    ) -> Result<Option<String>, TokenError> {
        if client.token_binding != TokenBinding::Certificate {
            return Ok(None);
        }
        let missing = TokenError::InvalidRequest("this client has to present a certificate".into());
        self.certificate_of(headers).ok_or(missing).map(Some)
    }

    fn redeem_code(
        &self,
        client: &Client,
        parameters: &Parameters,
        confirmation: &Confirmation,
    ) -> Result<Value, TokenError> {
        let redeemed = self.ledger().redeem(
            parameters,
            &client.client_id,
            confirmation.key(),
            self.now(),
        )?;
        let grant = redeemed.grant;
        let occasion = Occasion::Login(redeemed.nonce);
        Ok(self.token_response(
            client,
            &grant,
            &grant.scope,
            parameters,
            &occasion,
            confirmation,
        ))
    }

    fn refresh(
        &self,
        client: &Client,
        parameters: &Parameters,
        confirmation: &Confirmation,
    ) -> Result<Value, TokenError> {
        let refreshed = self
            .ledger()
            .refresh(parameters, &client.client_id, confirmation.key())?;
        let (grant, scope) = (refreshed.grant, refreshed.scope);
        Ok(self.token_response(
            client,
            &grant,
            &scope,
            parameters,
            &Occasion::Refresh,
            confirmation,
        ))
    }

    fn token_response(
        &self,
        client: &Client,
        grant: &Grant,
        scope: &Scope,
        parameters: &Parameters,
        occasion: &Occasion,
        confirmation: &Confirmation,
    ) -> Value {
        let access_token = self.issue_access_token(client, grant, scope, parameters, confirmation);
        let token_type = confirmation.token_type();
        let mut answer = json!({"token_type": token_type, "scope": scope.to_string()});
        if scope.contains("openid") {
            answer["id_token"] =
                json!(self.issue_id_token(client, grant, scope, &access_token, occasion));
        }
        if grant.scope.contains("offline_access") {
            let prefix = &self.settings.refresh_token_prefix;
            answer["refresh_token"] = json!(self.ledger().issue_refresh_token(
                grant,
                prefix,
                confirmation.key()
            ));
        }
        if let Some(details) = &grant.authorization_details {
            answer["authorization_details"] = details.clone();
        }
        if self.settings.expires_in == ExpiresIn::Sent {
            answer["expires_in"] = json!(self.settings.access_token_lifetime.as_secs());
        }
        answer["access_token"] = json!(access_token);
        answer
    }
}
