//! The authorization endpoint: the decision of a person, the response.

mod decision;
mod endpoint;
mod response;

pub(crate) use decision::decide;
pub(crate) use endpoint::authorize;
