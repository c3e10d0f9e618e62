//! The TLS certificate of a client, as a proxy that ends TLS in front of the provider passes it on ([RFC 9440
//! §2.2](https://www.rfc-editor.org/rfc/rfc9440#section-2.2)): the provider itself has no TLS.

use base64_simd::STANDARD;
use http::HeaderMap;

use crate::confirmation::thumbprint;
use crate::journal::Endpoint;
use crate::provider::Provider;

impl Provider {
    /// The thumbprint of the certificate that a request came with. There is none unless the provider has a place where
    /// TLS ends.
    pub(crate) fn certificate_of(&self, headers: &HeaderMap) -> Option<String> {
        self.settings.mtls_base_url.as_ref()?;
        let field = headers.get("client-cert")?.to_str().ok()?.trim();
        let encoded = field.strip_prefix(':')?.strip_suffix(':')?;
        let der = STANDARD.decode_to_vec(encoded.as_bytes()).ok()?;
        Some(thumbprint(&der))
    }

    /// The URL of an endpoint, as the sender of this request knows it.
    pub(crate) fn url_of(&self, endpoint: Endpoint, headers: &HeaderMap) -> String {
        let alias = self.settings.mtls_base_url.as_ref();
        let alias = alias.filter(|_| self.certificate_of(headers).is_some());
        format!("{}{}", alias.unwrap_or(&self.origin), endpoint.path())
    }
}
