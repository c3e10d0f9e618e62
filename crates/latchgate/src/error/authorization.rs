//! Whose fault a refusal by the provider is.

use super::Fault;

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
