//! The token endpoint and what it issues ([RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).

mod access_token;
mod authorization_code;
mod endpoint;
mod error;
mod grant;
mod id_token;
mod refresh_token;

pub(crate) use endpoint::token;
pub(crate) use error::TokenError;
pub(crate) use grant::{Grant, Ledger};
pub(crate) use id_token::{IdTokenHint, id_token_hint};
