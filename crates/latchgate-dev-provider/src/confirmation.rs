//! What a token request proves to have, and its access token is bound to: the members of `cnf` ([RFC 7800
//! §3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1)).

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What an access token is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The thumbprint of a key ([RFC 9449 §6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1)).
    pub(crate) jkt: Option<String>,
    /// The thumbprint of a certificate ([RFC 8705 §3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)).
    pub(crate) certificate: Option<String>,
}

impl Confirmation {
    /// The key, for what is bound to nothing else.
    pub(crate) fn key(&self) -> Option<&str> {
        self.jkt.as_deref()
    }

    /// The type of a token that is bound to this.
    pub(crate) fn token_type(&self) -> &'static str {
        self.jkt.as_ref().map_or("Bearer", |_| "DPoP")
    }

    /// The claim `cnf`.
    pub(crate) fn claim(&self) -> Option<Value> {
        let mut claim = json!({});
        for (name, value) in [("jkt", &self.jkt), ("x5t#S256", &self.certificate)] {
            if let Some(value) = value {
                claim[name] = json!(value);
            }
        }
        (claim != json!({})).then_some(claim)
    }

    /// Whether a sender who proves to have `presented` may use a token that is bound to this.
    pub(crate) fn is_met_by(&self, presented: &Self) -> bool {
        let certificate_is_met =
            self.certificate.is_none() || self.certificate == presented.certificate;
        self.jkt == presented.jkt && certificate_is_met
    }
}

/// The thumbprint of a certificate.
pub(crate) fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, der))
}
