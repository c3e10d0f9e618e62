//! The front channel: the authorization request, the decision of a person, the response.

mod decision;
mod endpoint;
mod request;
mod response;

pub(crate) use decision::{Transactions, decide};
pub(crate) use endpoint::authorize;
pub(crate) use request::AuthorizationRequest;
