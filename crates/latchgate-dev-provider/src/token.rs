//! The token endpoint and what it issues ([RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).

mod access_token;
mod endpoint;
mod further_grants;
mod id_token;
mod plain;

pub(crate) use endpoint::token;
pub(crate) use id_token::{IdTokenHint, id_token_hint};
