//! Why a request was not forwarded to an API, or the API's response not passed on.

use std::fmt;

use http::StatusCode;

use super::fault::Fault;

/// Why a request was not forwarded to an API, or the API's response not passed on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardError {
    /// The path might lead out of the API's base URL.
    Path,
    /// The body is longer than the limit.
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body broke off.
    BodyBroken,
    /// As many requests as may be are being forwarded already.
    Busy,
    /// The API has not answered in time.
    TimedOut,
    /// The API has answered with a redirect that leads out of it.
    Redirect {
        /// Scheme, host and port of where it leads, if that is a URL.
        origin: Option<String>,
    },
    /// The API rejects the access token, also a refreshed one.
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

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path => f.write_str(
                "the path might lead outside the API's base URL: it has `..`, `//`, a backslash or a control character, encoded or not",
            ),
            Self::BodyTooLarge { limit } => {
                write!(f, "the body is longer than {limit} bytes, the limit of this API's proxy")
            }
            Self::BodyBroken => f.write_str("the body was cut off before its end"),
            Self::Busy => f.write_str(
                "this API already has as many pending requests as its proxy allows; if that is too few, raise `max_requests`",
            ),
            Self::TimedOut => f.write_str(
                "the API did not answer in time; if it needs longer, raise `response_timeout`",
            ),
            Self::Redirect { origin: Some(origin) } => write!(
                f,
                "the API redirects to `{origin}`, outside its base URL; the proxy does not follow, and a script must not be sent there"
            ),
            Self::Redirect { origin: None } => f.write_str("the API redirects to something that is not a URL"),
            Self::TokenRejected => f.write_str(
                "the API rejects the access token, even a refreshed one; is it for this API (audience, issuer, scope)? If the API needs another token, name it with `token_for`",
            ),
        }
    }
}

impl std::error::Error for ForwardError {}

debug_with_causes!(ForwardError);
