//! The API's side: access tokens that clients present to the application, which is a protected resource
//! ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)). Messages only; [`resource_server`](crate::resource_server) awaits.
//!
//! A request is judged in this order:
//!
//! 1. [`Credentials`]: one access token, from the `Authorization` header only (RFC 6750 §2.1).
//! 2. [`verify`]: a JWT by RFC 9068 §4; or [`introspection`] of any other token (RFC 7662).
//! 3. `confirmation`: a token that is bound to a key or certificate needs its proof: [`dpop`] (RFC 9449 §4.3), with one of our
//!    `nonces` where they are required (§9), or the thumbprint of the client's certificate (RFC 8705 §3).
//!
//! What comes out is a [`VerifiedAccessToken`]. Anything else is answered by a [`challenge`] (RFC 6750 §3, RFC 9470),
//! which names the [`metadata`] of the resource (RFC 9728).

pub(crate) mod challenge;
mod confirmation;
mod credentials;
pub(crate) mod dpop;
mod error;
pub(crate) mod introspection;
pub(crate) mod metadata;
mod nonces;
mod verified_access_token;
mod verify;

pub(crate) use credentials::{AuthScheme, Credentials};
pub use dpop::DpopProofError;
pub use error::BearerError;
pub use introspection::IntrospectionError;
pub use nonces::ProofNonces;
pub(crate) use nonces::{NonceAge, NonceIssuer};
pub(crate) use verified_access_token::VerifiedAccessToken;
pub use verify::{AccessTokenBinding, AccessTokenTypes};
pub(crate) use verify::{ResourceRules, verify};
