//! Failed calls to an API, as rejections.

use latchgate_reqwest::{call_error, reqwest, reqwest_middleware};

use crate::extract::Rejection;

impl From<reqwest_middleware::Error> for Rejection {
    /// If the session has ended, a browser that opens a page is sent to log in, and anything else gets a `401`. A call that
    /// failed is a `502`, as a page or as a problem document.
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
