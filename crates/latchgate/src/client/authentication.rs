//! Client authentication: [RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3),
//! [OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication).

use std::fmt;

/// The client secret. Its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(redacted)")
    }
}

impl From<&str> for ClientSecret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for ClientSecret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

/// How this client authenticates at the token endpoint. Exactly one method is used per request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// HTTP Basic with both halves form-encoded first (RFC 6749 §2.3.1). The default.
    ClientSecretBasic(ClientSecret),
    /// Secret in the form body.
    ClientSecretPost(ClientSecret),
    /// No secret: a public client, protected by PKCE alone.
    None,
}

impl ClientAuth {
    pub(crate) fn secret(&self) -> Option<&ClientSecret> {
        match self {
            Self::ClientSecretBasic(secret) | Self::ClientSecretPost(secret) => Some(secret),
            Self::None => None,
        }
    }
}
