//! Why a browser did not get where it was to go.

use std::error::Error;
use std::fmt;

use url::Url;

/// Why a [`TestBrowser`](super::TestBrowser) has no page to show.
#[derive(Debug)]
#[non_exhaustive]
pub enum BrowserError {
    /// This is no URL; or it is a path, and the browser has no home.
    Url {
        /// What was to be opened.
        text: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// A `Set-Cookie` field cannot be read.
    Cookie(cookie::ParseError),
    /// A method or a header field is none of HTTP.
    Message(Box<dyn Error + Send + Sync>),
    /// No complete response came.
    NoResponse {
        /// From where.
        url: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The redirects go round in circles.
    TooManyRedirects {
        /// The last one.
        last: Url,
    },
    /// A page does not have what was expected of it.
    Unexpected {
        /// What was expected.
        expected: String,
        /// What came.
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
