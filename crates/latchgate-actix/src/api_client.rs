//! Failed calls to an API, as rejections.

use latchgate_reqwest::{call_error, reqwest, reqwest_middleware};

use crate::extract::Rejection;

impl From<reqwest_middleware::Error> for Rejection {
    /// A `401` if the session has ended, and a `502` for a call that failed, each with a problem document and never a redirect.
    fn from(error: reqwest_middleware::Error) -> Self {
        call_error(error).into()
    }
}

impl From<reqwest::Error> for Rejection {
    /// A `502`: the response of an API could not be read, or was an error that the handler does not accept.
    fn from(error: reqwest::Error) -> Self {
        call_error(error.into()).into()
    }
}
