//! The certificate that the client presents to the provider.

use std::sync::Arc;

/// A TLS certificate of the client with its private key, for calls to the provider
/// ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)). Its `Debug` output is redacted.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Vec<u8>>);

impl ClientCertificate {
    /// Takes the certificate and the chain to its root, and the private key (PKCS#8, PKCS#1 or SEC1, not encrypted), all in
    /// PEM. Whether they belong together is checked when the gate is built.
    pub fn from_pem(certificates: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        Self(Arc::new(
            [certificates.as_ref(), b"\n", key.as_ref()].concat(),
        ))
    }

    /// The certificate, its chain and its private key, which is a secret, in PEM: as other HTTP clients take them, such as
    /// `reqwest::Identity::from_pem`.
    #[must_use]
    pub fn secret_pem(&self) -> &[u8] {
        &self.0
    }
}

debug_redacted!(ClientCertificate);
