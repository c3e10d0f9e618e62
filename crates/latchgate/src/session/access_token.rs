//! The access token, as handlers see it.

use crate::io::ClientCertificate;
use crate::token::{Prover, TokenType};

/// A fresh access token for calling an API on the person's behalf
/// ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
///
/// The extractor refreshes it first if it is about to expire: only once, even if many requests ask at the same time.
#[derive(Clone)]
pub struct AccessToken {
    token: String,
    expires_in: Option<u64>,
    scope: String,
    /// Proves the key that the token is bound to, if it is.
    prover: Option<Prover>,
    /// What the client presented to get it.
    certificate: Option<ClientCertificate>,
}

impl AccessToken {
    pub(crate) fn new(token: String, expires_in: Option<u64>, scope: String) -> Self {
        Self {
            token,
            expires_in,
            scope,
            prover: None,
            certificate: None,
        }
    }

    /// The token, bound to the key of its session.
    pub(crate) fn proven_by(mut self, prover: Option<Prover>) -> Self {
        self.prover = prover;
        self
    }

    /// The token, which the client got with this certificate.
    pub(crate) fn presented_with(mut self, certificate: Option<ClientCertificate>) -> Self {
        self.certificate = certificate;
        self
    }

    pub(super) fn prover(&self) -> Option<&Prover> {
        self.prover.as_ref()
    }

    /// The type of the token, which is also the scheme of the `Authorization` header that it goes into: `Bearer`, or
    /// `DPoP` if it is bound to a key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
    #[must_use]
    pub fn token_type(&self) -> &'static str {
        match self.prover {
            None => TokenType::Bearer.as_str(),
            Some(_) => TokenType::Dpop.as_str(),
        }
    }

    /// The token itself, which is a secret. Send it only in the `Authorization` header of calls to the API that it was
    /// issued for.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.token
    }

    /// The TLS certificate that the client presented to get it, if there is one. The provider may have bound the token to
    /// it, and then a call to an API has to present it too
    /// ([RFC 8705 §3](https://www.rfc-editor.org/rfc/rfc8705#section-3)): with
    /// [`ReqwestClient::with_certificate`](crate::ReqwestClient::with_certificate), or with another HTTP client that is
    /// given [`ClientCertificate::secret_pem`].
    #[must_use]
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_ref()
    }

    /// The number of seconds until it expires. `None` if the provider did not say.
    #[must_use]
    pub fn expires_in(&self) -> Option<u64> {
        self.expires_in
    }

    /// The granted scope, space-separated.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

debug_fields!(AccessToken { expires_in, scope });
