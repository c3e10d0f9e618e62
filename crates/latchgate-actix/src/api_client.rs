//! What stops a call to an API, as a rejection.

use latchgate_reqwest::{call_error, reqwest, reqwest_middleware};

use crate::extract::Rejection;

impl From<reqwest_middleware::Error> for Rejection {
    /// A session that has ended is a `401`, and a call that failed a `502`, each with a problem document: by now the request is gone.
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
