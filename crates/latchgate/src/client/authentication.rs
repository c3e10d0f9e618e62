//! Client authentication: [RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3),
//! [OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication).

use super::key::ClientKey;

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

debug_redacted!(ClientSecret);

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

/// How this client authenticates at the provider's endpoints. Exactly one method is used per request.
///
/// The methods with a key come first: a secret that travels can be stolen on the way, and one that is stored at the
/// provider can be stolen there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// A JWT signed with the client's private key (OpenID Connect Core 1.0 §9, RFC 7523 §2.2).
    PrivateKeyJwt(ClientKey),
    /// A JWT signed with the client secret, which does not travel. HS256 unless
    /// [`Provider::client_auth_alg`](crate::Provider::client_auth_alg) says otherwise.
    ClientSecretJwt(ClientSecret),
    /// A TLS client certificate, issued by an authority that the provider trusts (RFC 8705 §2.1). Set it with
    /// [`Provider::client_certificate`](crate::Provider::client_certificate).
    TlsClientAuth,
    /// A TLS client certificate that is registered at the provider itself (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
    /// HTTP Basic with both halves form-encoded first (RFC 6749 §2.3.1). The default.
    ClientSecretBasic(ClientSecret),
    /// The secret in the form body.
    ClientSecretPost(ClientSecret),
    /// Apple's way: the client secret is a JWT that names the team, signed with the key of the Services ID (its
    /// [`kid`](ClientKey::kid) is the key's name at Apple, its algorithm ES256), and sent in the form body. It is made anew for
    /// every request, so it never expires in use.
    AppleClientSecret {
        /// The ten characters that name the team.
        team_id: String,
        /// The private key, from the `.p8` file.
        key: ClientKey,
    },
    /// No secret: a public client, protected by PKCE only.
    None,
}

impl ClientAuth {
    /// The method's name in the standards, and in the setting `client_auth`.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::PrivateKeyJwt(_) => "private_key_jwt",
            Self::ClientSecretJwt(_) => "client_secret_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::ClientSecretBasic(_) => "client_secret_basic",
            Self::ClientSecretPost(_) => "client_secret_post",
            Self::AppleClientSecret { .. } => "apple_client_secret",
            Self::None => "none",
        }
    }

    pub(crate) fn secret(&self) -> Option<&ClientSecret> {
        match self {
            Self::ClientSecretBasic(secret)
            | Self::ClientSecretPost(secret)
            | Self::ClientSecretJwt(secret) => Some(secret),
            Self::PrivateKeyJwt(_)
            | Self::TlsClientAuth
            | Self::SelfSignedTlsClientAuth
            | Self::AppleClientSecret { .. }
            | Self::None => None,
        }
    }

    /// Whether the client's certificate is its proof.
    pub(crate) fn is_by_certificate(&self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }
}

/// Whom a client assertion is for: its `aud`, which is one string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The issuer, as FAPI 2.0 wants it: no other provider can use the assertion.
    #[default]
    Issuer,
    /// The URL of the token endpoint, for providers that accept nothing else. An endpoint of another origin gets the issuer: it
    /// could present the assertion at the token endpoint.
    TokenEndpoint,
}
