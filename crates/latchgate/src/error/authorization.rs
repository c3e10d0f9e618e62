//! What is wrong with an authorization response, and whose fault a refusal by the provider is.

use super::Fault;
use crate::authorization::AuthorizationError;

/// Whose fault an error code of the authorization endpoint is (RFC 6749 §4.1.2.1).
pub(super) fn refused_by(error: &str) -> Fault {
    match error {
        "invalid_request"
        | "unauthorized_client"
        | "unsupported_response_type"
        | "invalid_scope"
        | "invalid_target" => Fault::Configuration,
        "server_error" | "temporarily_unavailable" => Fault::Provider,
        _ => Fault::Visitor,
    }
}

/// The stable code of what is wrong with an authorization response.
pub(super) fn code(error: &AuthorizationError) -> &'static str {
    match error {
        AuthorizationError::Duplicate(_) => "duplicate_parameter",
        AuthorizationError::StateMissing => "state_missing",
        AuthorizationError::NoPendingLogin => "no_login_under_way",
        AuthorizationError::StateMismatch => "state_mismatch",
        AuthorizationError::OtherProvider => "other_provider",
        AuthorizationError::IssMismatch => "iss_mismatch",
        AuthorizationError::IssMissing => "iss_missing",
        AuthorizationError::Refused { .. } => "login_refused_by_provider",
        AuthorizationError::CodeMissing => "code_missing",
        AuthorizationError::ResponseMissing => "response_missing",
    }
}
