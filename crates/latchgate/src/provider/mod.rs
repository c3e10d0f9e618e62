//! The OpenID Provider: its metadata
//! ([OpenID Connect Discovery 1.0 §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)),
//! its keys, and where it puts roles.

mod discovery;
mod issuer;
mod keys;
mod metadata;
mod plain_oauth2;
mod presets;
#[cfg(test)]
mod tests;

pub use discovery::Discovery;
pub(crate) use discovery::{request as discovery_request, response as discovery_response};
pub use issuer::IssuerError;
pub(crate) use issuer::{Issuer, is_https_or_loopback, is_loopback};
pub use keys::KeysError;
pub(crate) use keys::{RefetchBudget, request as keys_request, response as keys_response};
pub use metadata::DiscoveryError;
pub(crate) use metadata::{Endpoints, Metadata};
pub(crate) use plain_oauth2::CheckedOAuth2;
pub use plain_oauth2::PlainOAuth2;
pub(crate) use presets::{AccessTokens, ClaimPaths};
pub use presets::{ClaimPath, ClaimPathError, ProviderPreset};
