//! The authorization response, successful or not ([RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2)), with
//! `iss` ([RFC 9207 §2](https://www.rfc-editor.org/rfc/rfc9207#section-2)).

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use url::Url;

use crate::builder::ResponseIssuer;
use crate::pages::form_post;
use crate::provider::Provider;

/// Where a response goes and how; exists only for a redirect URI that is registered.
#[derive(Debug, Clone)]
pub(crate) struct ReturnAddress {
    /// As the client wrote it, for comparison at the token endpoint.
    pub(crate) redirect_uri: String,
    pub(super) parsed: Url,
    pub(super) response_mode: ResponseMode,
    pub(super) state: Option<String>,
}

/// How the parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    FormPost,
}

impl ResponseMode {
    pub(super) fn parse(mode: &str) -> Option<Self> {
        match mode {
            "query" => Some(Self::Query),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// The errors of [RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1) and [OpenID Connect Core
/// §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorizationError {
    InvalidRequest(&'static str),
    InvalidScope,
    UnsupportedResponseType,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    RequestNotSupported,
    RequestUriNotSupported,
}

impl AuthorizationError {
    fn code_and_description(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(reason) => ("invalid_request", reason),
            Self::InvalidScope => ("invalid_scope", "scope must contain openid"),
            Self::UnsupportedResponseType => {
                ("unsupported_response_type", "response_type must be code")
            }
            Self::AccessDenied => ("access_denied", "the person pressed Deny"),
            Self::LoginRequired => (
                "login_required",
                "nobody is signed in who satisfies the request",
            ),
            Self::ConsentRequired => ("consent_required", "nobody consented to this scope yet"),
            Self::RequestNotSupported => {
                ("request_not_supported", "request objects are not supported")
            }
            Self::RequestUriNotSupported => (
                "request_uri_not_supported",
                "request objects are not supported",
            ),
        }
    }
}

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
