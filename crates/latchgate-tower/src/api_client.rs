//! What stops a call to an API, as a rejection.

use latchgate_reqwest::{call_error, reqwest, reqwest_middleware};

use crate::extract::Rejection;

impl From<reqwest_middleware::Error> for Rejection {
    /// A session that has ended leads to a login; a call that failed is a `502`.
    fn from(error: reqwest_middleware::Error) -> Self {
        call_error(error).into()
    }
}

impl From<reqwest::Error> for Rejection {
    /// A `502`: the answer of an API could not be read, or it was an error that the handler does not take.
    fn from(error: reqwest::Error) -> Self {
        call_error(error.into()).into()
    }
}
