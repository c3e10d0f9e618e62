//! The back channel: trading the code for tokens, verifying what comes back, renewing it.

mod id_token;
mod refresh;
mod request;
mod response;

pub use id_token::IdTokenError;
pub(crate) use id_token::{IdToken, Rules, verify, verify_refreshed};
pub(crate) use refresh::request as refresh_request;
pub(crate) use request::request;
pub use response::TokenError;
pub(crate) use response::{TokenResponse, response};
