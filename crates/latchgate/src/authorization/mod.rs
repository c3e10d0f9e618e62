//! The front channel: sending the browser to the provider, and what it brings back.

mod options;
mod pending;
mod pkce;
mod request;
mod response;

pub(crate) use options::check_parameter;
pub use options::{LoginOptions, ParameterError, Prompt};
pub(crate) use pending::{MAX_AGE_SECONDS, OpenLogins, PendingLogin, suffix_of};
pub(crate) use request::{Chance, request};
pub use response::AuthorizationError;
pub(crate) use response::{Expected, Parameters, VerifiedCode, printable, response};
