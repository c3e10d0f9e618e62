//! The error that an authorization response carries.

/// The errors of [RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1) and [OpenID Connect Core
/// §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorizationError {
    InvalidRequest(&'static str),
    InvalidScope,
    InvalidAuthorizationDetails,
    UnsupportedResponseType,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    RequestNotSupported,
    RequestUriNotSupported,
}

impl AuthorizationError {
    /// The `error` and `error_description` of the response.
    pub(crate) fn code_and_description(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidRequest(reason) => ("invalid_request", reason),
            Self::InvalidScope => ("invalid_scope", "scope must contain openid"),
            Self::InvalidAuthorizationDetails => (
                "invalid_authorization_details",
                "authorization_details must be a list of objects with a type",
            ),
            Self::UnsupportedResponseType => {
                ("unsupported_response_type", "response_type must be code")
            }
            Self::AccessDenied => ("access_denied", "the person pressed Deny"),
            Self::LoginRequired => (
                "login_required",
                "nobody is signed in who meets the request",
            ),
            Self::ConsentRequired => ("consent_required", "nobody has consented to this scope yet"),
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
