//! The back channel: exchanging the code for tokens, verifying them, refreshing them
//! ([RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2),
//! [OpenID Connect Core 1.0 §3.1.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenEndpoint)).

mod access_token;
mod dpop;
mod id_token;
mod jwt;
mod nonces;
mod prover;
mod refresh;
mod replacement;
mod request;
mod response;
mod response_jwt;
mod revocation;
mod token_for;

pub(crate) use access_token::{AccessTokenError, read as read_access_token};
pub(crate) use dpop::{
    DPOP, DPOP_NONCE, nonce_of, resource_rejects_token, resource_wants_nonce, server_wants_nonce,
};
pub use id_token::IdTokenError;
pub(crate) use id_token::{IdToken, verify, verify_refreshed};
pub use jwt::JwtError;
pub(crate) use jwt::{Rules, number, unverified_issuer};
pub(crate) use nonces::{NonceServer, Nonces};
pub use prover::DpopError;
pub(crate) use prover::Prover;
pub(crate) use refresh::request as refresh_request;
pub(crate) use replacement::is_replaceable;
pub(crate) use request::request;
pub use response::TokenError;
pub(crate) use response::{TokenResponse, TokenType, response};
pub(crate) use response_jwt::verify as verify_response_jwt;
pub(crate) use revocation::request as revocation_request;
pub use token_for::TokenFor;
pub(crate) use token_for::{Grant, client_credentials, exchange_for, refresh_for};
