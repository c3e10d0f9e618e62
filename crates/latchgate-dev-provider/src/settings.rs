//! How a provider behaves, decided before it starts.

use std::time::Duration;

use crate::keys::SigningAlg;

/// Whether authorization responses carry `iss` ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseIssuer {
    /// They do, and the discovery document says so.
    #[default]
    Advertised,
    /// They do not, and the discovery document says so.
    Absent,
}

/// Whether token responses carry `expires_in`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ExpiresIn {
    #[default]
    Sent,
    Omitted,
}

/// How the issuer identifier ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum IssuerEnd {
    /// In the port.
    #[default]
    Port,
    /// In a slash.
    Slash,
}

/// What access tokens look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum AccessTokenFormat {
    /// JWTs ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)).
    #[default]
    Jwt,
    /// Opaque tokens, about which only the introspection endpoint knows anything.
    Opaque,
}

/// Whether proofs of possession need a nonce ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DpopNonces {
    /// They need none.
    #[default]
    Absent,
    /// They need one that the provider has sent, and each is valid once. The token endpoint and the userinfo endpoint have
    /// separate nonces.
    Once,
}

/// Which authorization requests are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Requests {
    /// Pushed ones and others.
    #[default]
    Any,
    /// Signed ones only ([RFC 9101 §10.5](https://www.rfc-editor.org/rfc/rfc9101#section-10.5)).
    Signed,
    /// Pushed ones only ([RFC 9126 §5](https://www.rfc-editor.org/rfc/rfc9126#section-5)).
    Pushed,
}

/// What does not change while a provider runs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) issuer_end: IssuerEnd,
    pub(crate) id_token_alg: SigningAlg,
    pub(crate) access_token_lifetime: Duration,
    pub(crate) access_token_format: AccessTokenFormat,
    pub(crate) expires_in: ExpiresIn,
    pub(crate) response_issuer: ResponseIssuer,
    pub(crate) requests: Requests,
    pub(crate) dpop_nonces: DpopNonces,
    pub(crate) refresh_token_prefix: String,
    /// Where clients with a certificate find the endpoints.
    pub(crate) mtls_base_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer_end: IssuerEnd::default(),
            id_token_alg: SigningAlg::default(),
            access_token_lifetime: Duration::from_secs(3600),
            access_token_format: AccessTokenFormat::default(),
            expires_in: ExpiresIn::default(),
            response_issuer: ResponseIssuer::default(),
            requests: Requests::default(),
            dpop_nonces: DpopNonces::default(),
            refresh_token_prefix: String::new(),
            mtls_base_url: None,
        }
    }
}
