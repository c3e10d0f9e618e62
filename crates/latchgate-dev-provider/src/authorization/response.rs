//! The authorization response, successful or not ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)), with
//! `iss` ([RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)).

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::authorization_request::{AuthorizationError, ResponseMode, ReturnAddress};
use crate::pages::form_post;
use crate::provider::Provider;
use crate::settings::ResponseIssuer;

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
        match to.response_mode {
            ResponseMode::FormPost => form_post(&to.redirect_uri, &parameters),
            ResponseMode::Query => {
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
}
