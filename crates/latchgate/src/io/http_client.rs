//! The HTTP door: how the core reaches the OpenID Provider.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::{Request, Response, StatusCode};

/// What [`HttpClient::send`] returns.
pub type HttpFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send + 'a>>;

/// Sends one request to the OpenID Provider and returns its whole answer.
///
/// An implementation must
///
/// * follow **no** redirects: a redirected token request would hand the code, or the client secret,
///   to whoever the answer names;
/// * stop reading after [`HttpError::MAX_BYTES`] bytes;
/// * verify the TLS certificate and host name (OpenID Connect Core 1.0 §16.17).
///
/// Around every call the gate itself adds a total deadline of 10 seconds, and refuses answers that are
/// longer, compressed (`Content-Encoding`) or redirects, whoever sent the request.
pub trait HttpClient: Send + Sync + fmt::Debug {
    /// Sends `request` and reads the answer to its end.
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_>;
}

/// Why the OpenID Provider could not be reached.
#[non_exhaustive]
pub enum HttpError {
    /// No complete answer within the deadline.
    Timeout,
    /// The answer is larger than [`HttpError::MAX_BYTES`].
    TooLarge,
    /// The answer is compressed, although no compression was requested.
    Encoded,
    /// This request shared a call with another one, and the call failed.
    FailedForOthers,
    /// Newer keys are needed, and the provider does not answer or was called too often.
    NoNewerKeys,
    /// The answer is a redirect, with this status. None is followed.
    Redirect(StatusCode),
    /// A URL of a provider that is not trusted is not https, or does not lead to a public address
    /// ([`ReqwestClient::public_only`](crate::ReqwestClient::public_only)).
    NotPublic,
    /// The connection, TLS or HTTP failed.
    Transport(Box<dyn std::error::Error + Send + Sync>),
    /// A call to this endpoint failed. The gate adds the endpoint to every error; a client need not.
    At {
        /// The endpoint's URL, without its query.
        endpoint: String,
        /// What happened.
        error: Box<HttpError>,
    },
}

impl HttpError {
    /// The longest answer that is read, in bytes: 128 KiB. Metadata, key sets and token responses
    /// of real providers stay below 30 KiB.
    pub const MAX_BYTES: usize = 128 * 1024;

    /// What kind of failure it was, for spans and metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Encoded => "compressed",
            Self::Redirect(_) => "redirect",
            Self::NotPublic => "not_public",
            Self::FailedForOthers | Self::NoNewerKeys | Self::Transport(_) => "unreachable",
            Self::At { error, .. } => error.kind(),
        }
    }

    /// Whether the answer was a redirect.
    pub(crate) fn is_redirect(&self) -> bool {
        match self {
            Self::Redirect(_) => true,
            Self::At { error, .. } => error.is_redirect(),
            _ => false,
        }
    }

    /// The same, of the endpoint that was asked.
    pub(crate) fn at(self, endpoint: String) -> Self {
        Self::At {
            endpoint,
            error: Box::new(self),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the provider did not answer in time"),
            Self::TooLarge => write!(
                f,
                "the provider's answer is larger than {} bytes",
                Self::MAX_BYTES
            ),
            Self::Encoded => f.write_str(
                "the provider's answer is compressed, although no compression was requested",
            ),
            Self::FailedForOthers => f.write_str(
                "a call to the provider that this request shared with another one failed",
            ),
            Self::NoNewerKeys => {
                f.write_str("newer keys from the provider are currently unavailable")
            }
            Self::Redirect(status) => write!(
                f,
                "the provider answered with a redirect ({status}), which is not followed; is the issuer, or the endpoint in its metadata, spelled as the provider spells it?"
            ),
            Self::NotPublic => f.write_str(
                "the provider is not trusted, and its URL is not https or does not lead to a public address",
            ),
            Self::Transport(_) => f.write_str("the provider could not be reached"),
            Self::At { endpoint, error } => write!(f, "{error}: {endpoint}"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(source) => Some(source.as_ref()),
            // `Display` has told what happened, but not its cause.
            Self::At { error, .. } => error.source(),
            _ => None,
        }
    }
}

debug_with_causes!(HttpError);
