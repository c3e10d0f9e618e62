//! Why a request was not forwarded to an API, or the API's response not passed on.

use http::StatusCode;

use super::fault::Fault;

/// Why a request was not forwarded to an API, or the API's response not passed on.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// The path might lead out of the API's base URL.
    #[error(
        "the path might lead outside the API's base URL: it has `..`, `//`, a backslash or a control character, encoded or not"
    )]
    Path,
    /// The body is longer than the limit.
    #[error("the body is longer than {limit} bytes, the limit of this API's proxy")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body broke off.
    #[error("the body was cut off before its end")]
    BodyBroken,
    /// As many requests as may be are being forwarded already.
    #[error(
        "this API already has as many pending requests as its proxy allows; if that is too few, raise `max_requests`"
    )]
    Busy,
    /// The API has not answered in time.
    #[error("the API did not answer in time; if it needs longer, raise `response_timeout`")]
    TimedOut,
    /// The API has answered with a redirect that leads out of it.
    #[error("the API redirects to {}", redirection(.origin.as_deref()))]
    Redirect {
        /// Scheme, host and port of where it leads, if that is a URL.
        origin: Option<String>,
    },
    /// The API rejects the access token, also a refreshed one.
    #[error(
        "the API rejects the access token, even a refreshed one; is it for this API (audience, issuer, scope)? If the API needs another token, name it with `token_for`"
    )]
    TokenRejected,
}

impl ForwardError {
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Path | Self::BodyTooLarge { .. } | Self::BodyBroken => Fault::Visitor,
            Self::TokenRejected => Fault::Configuration,
            Self::Busy | Self::TimedOut | Self::Redirect { .. } => Fault::Application,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Path | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Redirect { .. } => StatusCode::BAD_GATEWAY,
            Self::TokenRejected => StatusCode::UNAUTHORIZED,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Path => "forward_path",
            Self::BodyTooLarge { .. } => "forward_body_too_large",
            Self::BodyBroken => "forward_body",
            Self::Busy => "forward_busy",
            Self::TimedOut => "forward_timeout",
            Self::Redirect { .. } => "forward_redirect",
            Self::TokenRejected => "forward_token_rejected",
        }
    }
}

debug_with_causes!(ForwardError);

/// Where a redirect leads, and why it is not passed on.
fn redirection(origin: Option<&str>) -> String {
    match origin {
        Some(origin) => format!(
            "`{origin}`, outside its base URL; the proxy does not follow, and a script must not be sent there"
        ),
        None => "something that is not a URL".to_owned(),
    }
}
