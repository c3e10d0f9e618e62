//! The authorization response, successful or not ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)), with
//! `iss` ([RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)).

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use crate::authorization_request::{AuthorizationError, ResponseMode, ReturnAddress};
use crate::jws::{JsonObject, compact};
use crate::mischief::signature_of;
use crate::pages::form_post;
use crate::provider::Provider;
use crate::settings::ResponseIssuer;

/// How long a response JWT is valid, in seconds.
const RESPONSE_LIFETIME: u64 = 600;

impl Provider {
    /// Sends a code back to the client.
    pub(super) fn respond_with_code(&self, to: &ReturnAddress, code: String) -> Response {
        self.respond(to, vec![("code".to_owned(), code)])
    }

    /// Sends an error back to the client.
    pub(super) fn respond_with_error(
        &self,
        to: &ReturnAddress,
        error: AuthorizationError,
    ) -> Response {
        let (code, description) = error.code_and_description();
        let parameters = [("error", code), ("error_description", description)];
        self.respond(
            to,
            parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        )
    }

    fn respond(&self, to: &ReturnAddress, mut parameters: Vec<(String, String)>) -> Response {
        if let Some(state) = &to.state {
            parameters.push(("state".to_owned(), state.clone()));
        }
        if self.settings.response_issuer == ResponseIssuer::Advertised {
            parameters.push(("iss".to_owned(), self.issuer.clone()));
        }
        self.mischief.alter_authorization_response(&mut parameters);
        if matches!(
            to.response_mode,
            ResponseMode::QueryJwt | ResponseMode::FormPostJwt
        ) {
            parameters = vec![("response".to_owned(), self.response_jwt(to, parameters))];
        }
        match to.response_mode {
            ResponseMode::FormPost | ResponseMode::FormPostJwt => {
                form_post(&to.redirect_uri, &parameters)
            }
            ResponseMode::Query | ResponseMode::QueryJwt => {
                let mut location = to.parsed.clone();
                location.query_pairs_mut().extend_pairs(&parameters);
                let headers = [
                    (header::LOCATION, String::from(location)),
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                    (header::REFERRER_POLICY, "no-referrer".to_owned()),
                ];
                (StatusCode::SEE_OTHER, headers).into_response()
            }
        }
    }

    /// The parameters as a signed JWT ([JARM §2.1](https://openid.net/specs/oauth-v2-jarm-final.html#section-2.1)).
    fn response_jwt(&self, to: &ReturnAddress, parameters: Vec<(String, String)>) -> String {
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| (name, json!(value)));
        let mut claims: JsonObject = parameters.collect();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(to.client.client_id));
        claims.insert("exp".to_owned(), json!(self.now() + RESPONSE_LIFETIME));
        let keys = self.keys.current();
        let key = keys.key(self.settings.id_token_alg);
        let mut header = JsonObject::new();
        header.insert("alg".to_owned(), json!(key.alg().as_str()));
        header.insert("kid".to_owned(), json!(key.kid));
        let sign = signature_of(
            self.mischief.response_jwt_forgery(),
            &keys,
            self.settings.id_token_alg,
            &to.client,
            &mut header,
        );
        self.mischief.alter_response_jwt(&mut header, &mut claims);
        compact(&header, &claims, sign)
    }
}
