//! Why a browser has no page to show.

use std::error::Error;
use std::fmt;

use url::Url;

/// Why a [`TestBrowser`](super::TestBrowser) has no page to show.
#[derive(Debug)]
#[non_exhaustive]
pub enum BrowserError {
    /// This is not a URL; or it is a path, and the browser has no home.
    Url {
        /// The text that is not a URL.
        text: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// A `Set-Cookie` field cannot be read.
    Cookie(cookie::ParseError),
    /// A method or a header field is not valid in HTTP.
    Message(Box<dyn Error + Send + Sync>),
    /// No complete response arrived.
    NoResponse {
        /// The URL of the request.
        url: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There were more than twenty redirects.
    TooManyRedirects {
        /// The URL of the last one.
        last: Url,
    },
    /// A page does not have what was expected.
    Unexpected {
        /// What was expected.
        expected: String,
        /// What arrived instead.
        page: String,
    },
}

impl fmt::Display for BrowserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { text, .. } => write!(
                f,
                "`{text}` is not a URL; a path needs a home (`TestBrowser::at_home`)"
            ),
            Self::Cookie(_) => f.write_str("a `Set-Cookie` field cannot be read"),
            Self::Message(_) => f.write_str("a method or a header field is not valid"),
            Self::NoResponse { url, .. } => write!(f, "no complete response came from {url}"),
            Self::TooManyRedirects { last } => {
                write!(f, "there were too many redirects, the last to {last}")
            }
            Self::Unexpected { expected, page } => write!(f, "expected {expected}, but got {page}"),
        }
    }
}

impl Error for BrowserError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url { source, .. } => Some(source),
            Self::Cookie(source) => Some(source),
            Self::Message(source) | Self::NoResponse { source, .. } => Some(source.as_ref()),
            Self::TooManyRedirects { .. } | Self::Unexpected { .. } => None,
        }
    }
}

impl From<cookie::ParseError> for BrowserError {
    fn from(source: cookie::ParseError) -> Self {
        Self::Cookie(source)
    }
}

macro_rules! message {
    ($($source:ty),*) => {$(
        impl From<$source> for BrowserError {
            fn from(source: $source) -> Self {
                Self::Message(source.into())
            }
        }
    )*};
}

message!(
    http::Error,
    http::method::InvalidMethod,
    http::uri::InvalidUri,
    http::header::InvalidHeaderName,
    http::header::InvalidHeaderValue,
    http::header::ToStrError
);
