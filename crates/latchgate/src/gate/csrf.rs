//! Answers requests that another site may have sent with a visitor's session.

use bytes::Bytes;
use http::Response;

use super::Gate;
use super::refuse::{RefusedRequest, Retry};
use crate::error::RequestError;
use crate::head::RequestHead;
use crate::navigation::wants_html;

impl Gate {
    /// The answer to a request with a session that a page of another origin may have sent.
    pub(super) fn refuse_forgery<H: RequestHead>(&self, head: &H) -> Option<Response<Bytes>> {
        let forbidden = self.0.context.csrf.forbids(head, &self.0.base.origin);
        forbidden.then(|| {
            let asked = RefusedRequest {
                html: wants_html(head),
                path: head.path().to_owned(),
                provider: None,
                retry: Retry::Page(self.home()),
                person: None,
            };
            self.refuse(&RequestError::CrossSite.into(), &asked)
        })
    }
}
