//! Tokens without a code: the client credentials grant ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4))
//! and token exchange ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)) for another audience.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Client, TokenEndpointAuthMethod};
use crate::confirmation::Confirmation;
use crate::grants::Grant;
use crate::parameters::Parameters;
use crate::person::Person;
use crate::provider::Provider;
use crate::scope::Scope;
use crate::token_error::TokenError;
use crate::world::random_token;

pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Provider {
    /// A token of the client itself, for whatever it names.
    pub(super) fn client_credentials(
        &self,
        client: &Client,
        parameters: &Parameters,
        confirmation: &Confirmation,
    ) -> Result<Value, TokenError> {
        if client.token_endpoint_auth_methods == [TokenEndpointAuthMethod::None] {
            return Err(TokenError::Other {
                code: "unauthorized_client",
                description: "a public client has no credentials",
            });
        }
        let grant = Grant {
            id: random_token(),
            client_id: client.client_id.clone(),
            person: Arc::new(Person::new(client.client_id.clone())),
            scope: Scope::parse(parameters.get("scope").unwrap_or_default()),
            audience: audience(parameters),
            sid: random_token(),
            auth_time: self.now(),
            acr: "0".to_owned(),
            dpop_jkt: None,
            authorization_details: None,
        };
        Ok(self.further_token(client, grant, confirmation))
    }

    /// A token of the same person for another audience, with the same scope or less.
    pub(super) fn exchange(
        &self,
        client: &Client,
        parameters: &Parameters,
        confirmation: &Confirmation,
    ) -> Result<Value, TokenError> {
        for name in ["subject_token_type", "requested_token_type"] {
            if parameters.get(name) != Some(ACCESS_TOKEN) {
                return Err(TokenError::InvalidRequest(format!(
                    "{name} must be {ACCESS_TOKEN}"
                )));
            }
        }
        let subject = parameters.get("subject_token").unwrap_or_default();
        let invalid = |reason: &str| TokenError::InvalidRequest(reason.to_owned());
        let granted = match self.ledger().access_token(subject, self.now()) {
            Some((access, grant)) if access.confirmation.is_met_by(confirmation) => Grant {
                scope: access.scope.clone(),
                ..grant.clone()
            },
            Some(_) => return Err(invalid("subject_token is bound to another key")),
            None => return Err(invalid("subject_token is unknown or expired")),
        };
        let audience = audience(parameters);
        if granted.client_id != client.client_id || audience.is_empty() {
            return Err(TokenError::InvalidTarget);
        }
        let scope = match parameters.get("scope") {
            Some(narrower) => Scope::parse(narrower),
            None => granted.scope.clone(),
        };
        if !scope.is_within(&granted.scope) {
            return Err(TokenError::InvalidScope);
        }
        let grant = Grant {
            id: random_token(),
            scope,
            audience,
            ..granted
        };
        let mut answer = self.further_token(client, grant, confirmation);
        answer["issued_token_type"] = json!(ACCESS_TOKEN);
        Ok(answer)
    }

    fn further_token(&self, client: &Client, grant: Grant, confirmation: &Confirmation) -> Value {
        let grant = Arc::new(grant);
        self.ledger().enter_grant(&grant);
        let none = Parameters::default();
        let access_token =
            self.issue_access_token(client, &grant, &grant.scope, &none, confirmation);
        json!({
            "access_token": access_token,
            "token_type": confirmation.token_type(),
            "expires_in": self.settings.access_token_lifetime.as_secs(),
            "scope": grant.scope.to_string(),
        })
    }
}

fn audience(parameters: &Parameters) -> Vec<String> {
    let resources = parameters.all("resource");
    let named = resources.chain(parameters.get("audience"));
    named.map(str::to_owned).collect()
}
