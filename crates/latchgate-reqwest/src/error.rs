//! Why a call was not made, and how it reads among the errors of the gate.

use std::fmt;

use latchgate::Error;

use crate::base_urls::BaseUrlError;

/// Why an [`ApiClient`](crate::ApiClient) cannot be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiClientError {
    /// Access tokens may not be sent to this base URL.
    BaseUrl(String, BaseUrlError),
    /// The HTTP client cannot be built.
    Client(reqwest::Error),
}

impl fmt::Display for ApiClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUrl(url, why) => write!(f, "the base URL `{url}` of an API {why}"),
            Self::Client(_) => f.write_str("the HTTP client for an API cannot be built"),
        }
    }
}

impl std::error::Error for ApiClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::BaseUrl(..) => None,
            Self::Client(source) => Some(source),
        }
    }
}

/// The URL does not belong to the API, so nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignUrl {
    /// Scheme, host and port.
    pub origin: String,
}

impl fmt::Display for ForeignUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin } = self;
        write!(
            f,
            "the request is for `{origin}` and not below a base URL of the API, so no access token goes there; name every base URL when the client is built"
        )
    }
}

impl std::error::Error for ForeignUrl {}

/// A call that the HTTP client could not make.
#[derive(Debug)]
struct FailedCall {
    /// Scheme, host and port.
    origin: String,
    source: reqwest::Error,
}

impl fmt::Display for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` could not be called", self.origin)
    }
}

impl std::error::Error for FailedCall {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// What stopped a call, as an error of the gate: the [`Error`] of the access token itself, or [`Error::ApiCall`] with the
/// HTTP client's error or a [`ForeignUrl`]. Of the URL it names scheme, host and port only, because the rest may contain
/// secrets.
///
/// In handlers, `?` converts a failed call into the adapters' `Rejection` (their feature `reqwest`).
#[must_use]
pub fn call_error(error: reqwest_middleware::Error) -> Error {
    match error {
        reqwest_middleware::Error::Middleware(error) => match error.downcast::<Error>() {
            Ok(error) => error,
            Err(other) => Error::ApiCall(other.into()),
        },
        reqwest_middleware::Error::Reqwest(error) => {
            let origin = error.url().map(|url| url.origin().ascii_serialization());
            let source = error.without_url();
            Error::ApiCall(match origin {
                Some(origin) => Box::new(FailedCall { origin, source }),
                None => Box::new(source),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_token_stays_what_it_is() {
        let token = reqwest_middleware::Error::middleware(Error::SessionEnded);
        assert!(matches!(call_error(token), Error::SessionEnded));
        let foreign = ForeignUrl {
            origin: "https://evil.example".to_owned(),
        };
        let error = call_error(reqwest_middleware::Error::middleware(foreign));
        assert_eq!((error.code(), error.status().as_u16()), ("api_call", 502));
        assert!(format!("{error:?}").contains("https://evil.example"));
    }

    #[tokio::test]
    async fn the_api_is_named_and_no_more_of_the_url() {
        let client = reqwest::Client::new();
        let url = "http://jane:hunter2@127.0.0.1:1/s3cret?s3cret";
        let refused = client.get(url).send().await;
        let error = call_error(refused.unwrap_err().into());
        assert_eq!(error.code(), "api_call");
        let told = format!("{error:?}");
        assert!(
            told.contains("`http://127.0.0.1:1` could not be called"),
            "{told}"
        );
        assert!(
            !told.contains("s3cret") && !told.contains("hunter2"),
            "{told}"
        );
    }

    #[test]
    fn a_bad_base_url_is_named_with_the_cure() {
        let error = ApiClientError::BaseUrl("orders".to_owned(), BaseUrlError::NotAbsolute);
        assert_eq!(
            error.to_string(),
            "the base URL `orders` of an API is not an absolute URL, such as `https://api.example.com/v1`"
        );
    }
}
