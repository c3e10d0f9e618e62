//! The client's credentials, and the encryption of its tokens.

use super::Provider;
use crate::client::{AssertionAudience, ClientAuth, ClientKey, ClientSecret};
use crate::io::ClientCertificate;
use crate::jose::{Algorithm, ContentEncryption, DecryptionKey, KeyManagement};

impl Provider {
    /// Authenticates with `client_secret_basic` and this secret.
    pub fn client_secret(self, secret: impl Into<ClientSecret>) -> Self {
        self.client_auth(ClientAuth::ClientSecretBasic(secret.into()))
    }

    /// Authenticates with `private_key_jwt` and this key: there is no secret that could be stolen on the way or at the provider.
    ///
    /// ```no_run
    /// use latchgate::{ClientKey, Provider};
    ///
    /// let key = ClientKey::from_pem(std::fs::read("client-key.pem")?)?.kid("2026-11");
    /// println!("register this at the provider: {}", ClientKey::public_jwks([&key]));
    /// let provider = Provider::new("https://login.example.com/", "my-app").client_key(key);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_key(self, key: ClientKey) -> Self {
        self.client_auth(ClientAuth::PrivateKeyJwt(key))
    }

    /// How this client authenticates at the token endpoint. Required: for a public client it is
    /// [`ClientAuth::None`].
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The signature algorithm of client assertions (`token_endpoint_auth_signing_alg`), for
    /// [`ClientAuth::PrivateKeyJwt`], where the default is the key's, and [`ClientAuth::ClientSecretJwt`], where it is
    /// HS256.
    pub fn client_auth_alg(mut self, alg: Algorithm) -> Self {
        self.auth_alg = Some(alg);
        self
    }

    /// The certificate that calls to this provider present: the proof of [`ClientAuth::TlsClientAuth`] and
    /// [`ClientAuth::SelfSignedTlsClientAuth`], and with any other method what the provider may bind tokens to
    /// ([RFC 8705 §3](https://www.rfc-editor.org/rfc/rfc8705#section-3)). The endpoints in the provider's
    /// `mtls_endpoint_aliases` are then called instead of the usual ones.
    ///
    /// ```no_run
    /// use latchgate::{ClientAuth, ClientCertificate, Provider};
    ///
    /// let certificate = std::fs::read("client.pem")?;
    /// let certificate = ClientCertificate::from_pem(certificate, std::fs::read("client-key.pem")?);
    /// let provider = Provider::new("https://login.example.com/", "my-app")
    ///     .client_auth(ClientAuth::TlsClientAuth)
    ///     .client_certificate(certificate);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Whom client assertions are for; the default is the issuer.
    pub fn assertion_audience(mut self, audience: AssertionAudience) -> Self {
        self.security.assertion_audience = audience;
        self
    }

    /// The one signature algorithm of userinfo, if the client is registered for a signed answer
    /// (`userinfo_signed_response_alg`). An answer that is only JSON is then refused.
    ///
    /// Without this, both are accepted: JSON, and a JWT that is signed like an ID token.
    pub fn userinfo_alg(mut self, alg: Algorithm) -> Self {
        self.userinfo_alg = Some(alg);
        self
    }

    /// The client's private key for encrypted ID tokens and userinfo. May be called several times, newest first, while
    /// keys are rotated.
    pub fn decryption_key(mut self, key: DecryptionKey) -> Self {
        self.encrypted.keys.push(key);
        self
    }

    /// The algorithms of encrypted ID tokens, if the client is registered for them (`id_token_encrypted_response_alg` and
    /// `id_token_encrypted_response_enc`). An ID token that is only signed is then refused, and so is one that is only
    /// encrypted. Needs a [`decryption_key`](Self::decryption_key).
    ///
    /// ```no_run
    /// use latchgate::{ContentEncryption, DecryptionKey, KeyManagement, Provider};
    ///
    /// let key = DecryptionKey::from_pem(std::fs::read("decryption-key.pem")?)?;
    /// println!("register this at the provider: {}", key.public_jwk());
    /// let provider = Provider::new("https://login.example.com/", "my-app")
    ///     .decryption_key(key)
    ///     .id_token_encryption(KeyManagement::EcdhEsA256Kw, ContentEncryption::A256Gcm);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id_token_encryption(mut self, alg: KeyManagement, enc: ContentEncryption) -> Self {
        self.encrypted.id_token = Some((alg, enc));
        self
    }

    /// The algorithms of encrypted userinfo (`userinfo_encrypted_response_alg` and `userinfo_encrypted_response_enc`),
    /// which has to be signed as well. Needs a [`decryption_key`](Self::decryption_key).
    pub fn userinfo_encryption(mut self, alg: KeyManagement, enc: ContentEncryption) -> Self {
        self.encrypted.userinfo = Some((alg, enc));
        self
    }
}
