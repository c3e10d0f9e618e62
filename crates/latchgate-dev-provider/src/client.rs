//! What the provider knows about a client ([OpenID Connect Dynamic Client Registration 1.0
//! §2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata)).

use std::fmt;

use url::Url;

use crate::confirmation::thumbprint;
use crate::jwe::{ContentAlg, EncryptionAlg, encrypt};
use crate::keys::SigningAlg;
use crate::loopback::is_loopback_uri;

/// The `client_id` of the client every provider starts with.
pub(crate) const DEFAULT_CLIENT_ID: &str = "dev-client";
/// Its secret: every character that [RFC 6749 §2.3.1] wants encoded before it goes into a Basic header.
///
/// [RFC 6749 §2.3.1]: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
const DEFAULT_CLIENT_SECRET: &str = "dev-secret:100%+ loopback";

/// A registered client.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) redirect_uris: RegisteredUris,
    pub(crate) post_logout_redirect_uris: RegisteredUris,
    pub(crate) token_endpoint_auth_methods: Vec<TokenEndpointAuthMethod>,
    pub(crate) backchannel_logout_uri: Option<String>,
    pub(crate) frontchannel_logout_uri: Option<Url>,
    pub(crate) userinfo_signed_response_alg: Option<SigningAlg>,
    pub(crate) token_binding: TokenBinding,
    pub(crate) jwks: Option<String>,
    /// The thumbprint of its certificate.
    pub(crate) certificate: Option<String>,
    pub(crate) id_token_encryption: Option<(EncryptionAlg, ContentAlg)>,
    pub(crate) userinfo_encryption: Option<(EncryptionAlg, ContentAlg)>,
    pub(crate) protocol: Protocol,
}

/// Whether a client's tokens are bound to a key, or to its certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TokenBinding {
    /// Where the token request has a proof.
    #[default]
    WhenProved,
    /// Always: a token request without a proof is refused.
    Required,
    /// To the certificate: a token request without one is refused.
    Certificate,
}

/// Which protocol a client uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    OpenId,
    /// OAuth 2.0 in the manner of GitHub.
    PlainOAuth2,
}

/// The URIs a client may send people to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisteredUris {
    /// Any `http` or `https` URI on this machine, whatever its port.
    #[default]
    AnyLoopback,
    /// Exactly these, compared character by character.
    Exactly(Vec<String>),
}

/// How a client authenticates at the token endpoint ([OpenID Connect Core
/// §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenEndpointAuthMethod {
    /// `client_secret_basic`
    ClientSecretBasic,
    /// `client_secret_post`
    ClientSecretPost,
    /// `private_key_jwt`: a JWT signed with a key of the client's JWK Set, by any algorithm but ES512
    PrivateKeyJwt,
    /// `client_secret_jwt`: a JWT signed with the client secret
    ClientSecretJwt,
    /// `tls_client_auth`: a TLS certificate
    TlsClientAuth,
    /// `self_signed_tls_client_auth`: a TLS certificate as well; this provider knows no authorities
    SelfSignedTlsClientAuth,
    /// `none`: a public client
    None,
}

impl Client {
    /// A client with a secret, which it may send as `client_secret_basic` or `client_secret_post`. It may send people to
    /// any loopback URI until [`redirect_uris`](Self::redirect_uris) says otherwise.
    pub fn confidential(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: Some(client_secret.into()),
            redirect_uris: RegisteredUris::AnyLoopback,
            post_logout_redirect_uris: RegisteredUris::AnyLoopback,
            token_endpoint_auth_methods: vec![
                TokenEndpointAuthMethod::ClientSecretBasic,
                TokenEndpointAuthMethod::ClientSecretPost,
            ],
            backchannel_logout_uri: None,
            frontchannel_logout_uri: None,
            userinfo_signed_response_alg: None,
            token_binding: TokenBinding::WhenProved,
            jwks: None,
            certificate: None,
            id_token_encryption: None,
            userinfo_encryption: None,
            protocol: Protocol::OpenId,
        }
    }

    /// A client that has no secret and signs a JWT instead (`private_key_jwt`), with a key whose public half is in this
    /// JWK Set.
    pub fn with_keys(client_id: impl Into<String>, jwks: impl Into<String>) -> Self {
        Self {
            client_secret: None,
            token_endpoint_auth_methods: vec![TokenEndpointAuthMethod::PrivateKeyJwt],
            jwks: Some(jwks.into()),
            ..Self::confidential(client_id, String::new())
        }
    }

    /// A client that has no secret and presents this TLS certificate instead, given as DER
    /// ([RFC 8705 §2](https://www.rfc-editor.org/rfc/rfc8705#section-2)), at a provider with an
    /// [`mtls_base_url`](crate::DevProviderBuilder::mtls_base_url).
    pub fn with_certificate(client_id: impl Into<String>, der: impl AsRef<[u8]>) -> Self {
        Self {
            client_secret: None,
            token_endpoint_auth_methods: vec![
                TokenEndpointAuthMethod::TlsClientAuth,
                TokenEndpointAuthMethod::SelfSignedTlsClientAuth,
            ],
            certificate: Some(thumbprint(der.as_ref())),
            ..Self::confidential(client_id, String::new())
        }
    }

    /// A client that cannot keep a secret, and authenticates with `none`.
    pub fn public(client_id: impl Into<String>) -> Self {
        Self {
            client_secret: None,
            token_endpoint_auth_methods: vec![TokenEndpointAuthMethod::None],
            ..Self::confidential(client_id, String::new())
        }
    }

    /// The client every provider starts with. Register a changed copy to replace it.
    pub fn development() -> Self {
        Self::confidential(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
    }

    /// Sets where authorization responses may go.
    #[must_use]
    pub fn redirect_uris(mut self, uris: RegisteredUris) -> Self {
        self.redirect_uris = uris;
        self
    }

    /// Sets where people may be sent after a logout.
    #[must_use]
    pub fn post_logout_redirect_uris(mut self, uris: RegisteredUris) -> Self {
        self.post_logout_redirect_uris = uris;
        self
    }

    /// Sets which authentication methods are accepted from this client.
    #[must_use]
    pub fn token_endpoint_auth_methods(
        mut self,
        methods: impl IntoIterator<Item = TokenEndpointAuthMethod>,
    ) -> Self {
        self.token_endpoint_auth_methods = methods.into_iter().collect();
        self
    }

    /// Sets where logout tokens for this client go.
    #[must_use]
    pub fn backchannel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.backchannel_logout_uri = Some(uri.into());
        self
    }

    /// Sets what the provider's logout page shows in a frame when a session of this client ends, with `iss` and `sid`.
    #[must_use]
    pub fn frontchannel_logout_uri(mut self, uri: Url) -> Self {
        self.frontchannel_logout_uri = Some(uri);
        self
    }

    /// Has userinfo responses to this client signed, as JWTs with `iss` and `aud` ([OpenID Connect Core
    /// §5.3.2](https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse)).
    #[must_use]
    pub fn userinfo_signed_response_alg(mut self, alg: SigningAlg) -> Self {
        self.userinfo_signed_response_alg = Some(alg);
        self
    }

    /// Refuses token requests of this client that have no proof of possession ([RFC 9449
    /// §5.2](https://www.rfc-editor.org/rfc/rfc9449#section-5.2)).
    #[must_use]
    pub fn dpop_bound_access_tokens(mut self) -> Self {
        self.token_binding = TokenBinding::Required;
        self
    }

    /// Binds the client's access tokens to the certificate that it presents, and refuses token requests without one
    /// ([RFC 8705 §3](https://www.rfc-editor.org/rfc/rfc8705#section-3)).
    #[must_use]
    pub fn tls_client_certificate_bound_access_tokens(mut self) -> Self {
        self.token_binding = TokenBinding::Certificate;
        self
    }

    /// Sets the client's public keys, as a JWK Set.
    #[must_use]
    pub fn jwks(mut self, jwks: impl Into<String>) -> Self {
        self.jwks = Some(jwks.into());
        self
    }

    /// Has ID tokens for this client encrypted as well, for the key of [`jwks`](Self::jwks) with `use` `enc`. A token that
    /// cannot be encrypted is sent as it is.
    #[must_use]
    pub fn id_token_encrypted_response(mut self, alg: EncryptionAlg, enc: ContentAlg) -> Self {
        self.id_token_encryption = Some((alg, enc));
        self
    }

    /// Has userinfo responses encrypted in the same way, if they are signed.
    #[must_use]
    pub fn userinfo_encrypted_response(mut self, alg: EncryptionAlg, enc: ContentAlg) -> Self {
        self.userinfo_encryption = Some((alg, enc));
        self
    }

    /// A token as the client gets it: encrypted, if it is registered for that.
    pub(crate) fn sealed(
        &self,
        token: String,
        encryption: Option<(EncryptionAlg, ContentAlg)>,
    ) -> String {
        let jwks = self.jwks.as_deref().unwrap_or_default();
        let sealed = encryption.and_then(|(alg, enc)| encrypt(jwks, alg, enc, &token));
        sealed.unwrap_or(token)
    }

    /// Uses OAuth 2.0 without OpenID Connect with this client, like GitHub: there is no ID token, and the scope need not
    /// contain `openid`. The token endpoint answers in a form unless the client accepts `application/json`, and an error
    /// there has the status 200. `/userinfo` returns a numeric `id`, `login`, `name`, `email` and `avatar_url`, and
    /// `/user/emails` lists the addresses for the scope `user:email`. Both require a `User-Agent`.
    #[must_use]
    pub fn plain_oauth2(mut self) -> Self {
        self.protocol = Protocol::PlainOAuth2;
        self
    }

    /// The client's identifier.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The client's secret, if it has one.
    pub fn client_secret(&self) -> Option<&str> {
        self.client_secret.as_deref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.client_id)
            .field(
                "client_secret",
                &self.client_secret.as_ref().map(|_| "[redacted]"),
            )
            .field("redirect_uris", &self.redirect_uris)
            .field("post_logout_redirect_uris", &self.post_logout_redirect_uris)
            .field(
                "token_endpoint_auth_methods",
                &self.token_endpoint_auth_methods,
            )
            .field("backchannel_logout_uri", &self.backchannel_logout_uri)
            .field(
                "frontchannel_logout_uri",
                &self.frontchannel_logout_uri.as_ref().map(Url::as_str),
            )
            .field(
                "userinfo_signed_response_alg",
                &self.userinfo_signed_response_alg,
            )
            .field("token_binding", &self.token_binding)
            .field("jwks", &self.jwks)
            .field("certificate", &self.certificate)
            .field("id_token_encryption", &self.id_token_encryption)
            .field("userinfo_encryption", &self.userinfo_encryption)
            .field("protocol", &self.protocol)
            .finish()
    }
}

impl RegisteredUris {
    /// Exactly this one URI.
    pub fn exactly(uri: impl Into<String>) -> Self {
        Self::Exactly(vec![uri.into()])
    }

    /// Whether this URI is registered.
    pub(crate) fn contains(&self, uri: &str) -> bool {
        match self {
            Self::AnyLoopback => is_loopback_uri(uri),
            Self::Exactly(uris) => uris.iter().any(|registered| registered == uri),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, RegisteredUris};

    #[test]
    fn the_default_secret_has_each_character_that_needs_encoding_once() {
        let client = Client::development();
        let secret = client.client_secret().unwrap_or_default();
        for character in ['%', '+', ':', ' '] {
            assert_eq!(secret.matches(character).count(), 1, "{character:?}");
        }
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        let client = Client::confidential("app", "very-secret");
        assert!(!format!("{client:?}").contains("very-secret"));
    }

    #[test]
    fn exact_uris_are_compared_character_by_character() {
        let uris = RegisteredUris::exactly("http://127.0.0.1:3000/callback");
        assert!(uris.contains("http://127.0.0.1:3000/callback"));
        assert!(!uris.contains("http://127.0.0.1:3000/callback/"));
        assert!(!uris.contains("http://127.0.0.1:3000/callback?x"));
    }
}
