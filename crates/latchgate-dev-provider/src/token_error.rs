//! The error response ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::parameters::ParametersError;

/// Why an endpoint for clients refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenError {
    InvalidRequest(String),
    InvalidClient(&'static str),
    InvalidGrant(&'static str),
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    /// What another endpoint would have answered.
    Other {
        code: &'static str,
        description: &'static str,
    },
}

impl TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::Other { code, .. } => code,
        }
    }

    /// The members of the response.
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": self.code(), "error_description": self.to_string()})
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(reason) => f.write_str(reason),
            Self::InvalidClient(reason) | Self::InvalidGrant(reason) => f.write_str(reason),
            Self::UnsupportedGrantType => {
                f.write_str("grant_type must be authorization_code, refresh_token, client_credentials or token-exchange")
            }
            Self::InvalidScope => f.write_str("a refresh may narrow the scope, not widen it"),
            Self::Other { description, .. } => f.write_str(description),
            Self::InvalidTarget => f.write_str("this resource was not requested at authorization"),
        }
    }
}

impl From<ParametersError> for TokenError {
    fn from(error: ParametersError) -> Self {
        Self::InvalidRequest(error.to_string())
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let body = Json(self.to_json());
        let status = match self {
            Self::InvalidClient(_) => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"latchgate-dev-provider\""),
            );
        }
        response
    }
}
