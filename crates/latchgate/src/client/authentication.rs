//! Client authentication: [RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3),
//! [OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication).

use std::fmt;

use url::form_urlencoded::{Serializer, byte_serialize};

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
    /// The secret in the form body.
    ClientSecretPost(ClientSecret),
    /// No secret: a public client, protected by PKCE only.
    None,
}

impl ClientAuth {
    /// Authenticates a form request that `oauth2` does not build: adds to the form, or returns the
    /// value of an `Authorization` header.
    pub(crate) fn authenticate(
        &self,
        client_id: &str,
        form: &mut Serializer<'_, String>,
    ) -> Option<String> {
        match self {
            Self::ClientSecretBasic(secret) => {
                let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let credentials = format!("{}:{}", encode(client_id), encode(secret.expose()));
                let credentials = base64_simd::STANDARD.encode_to_string(credentials);
                return Some(format!("Basic {credentials}"));
            }
            Self::ClientSecretPost(secret) => {
                form.append_pair("client_id", client_id)
                    .append_pair("client_secret", secret.expose());
            }
            Self::None => {
                form.append_pair("client_id", client_id);
            }
        }
        None
    }

    pub(crate) fn secret(&self) -> Option<&ClientSecret> {
        match self {
            Self::ClientSecretBasic(secret) | Self::ClientSecretPost(secret) => Some(secret),
            Self::None => None,
        }
    }
}
