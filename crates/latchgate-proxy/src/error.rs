//! Why a proxy cannot be built.

use std::fmt;

use http::HeaderName;
use latchgate_reqwest::ApiClientError;

/// Why an [`ApiProxy`](crate::ApiProxy) cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiProxyError {
    /// Access tokens may not be sent to the base URL, or the HTTP client cannot be built.
    Client(ApiClientError),
    /// The path of [`mounted_at`](crate::ApiProxyBuilder::mounted_at) is invalid.
    MountedAt(String),
    /// The proxy makes this header field itself.
    Header(HeaderName),
}

impl fmt::Display for ApiProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(_) => f.write_str("the API cannot be called"),
            Self::MountedAt(path) => write!(
                f,
                "the proxy cannot be at `{path}`: a path begins with `/`, does not end with one, and has no `..`, `%`, `?` or `#`, such as `/api`"
            ),
            Self::Header(name) => write!(
                f,
                "the field `{name}` cannot be set: the proxy makes it itself for each request"
            ),
        }
    }
}

impl std::error::Error for ApiProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(source) => Some(source),
            Self::MountedAt(_) | Self::Header(_) => None,
        }
    }
}
