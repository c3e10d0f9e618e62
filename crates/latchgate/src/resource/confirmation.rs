//! What an access token is bound to: the claim `cnf` of [RFC 7800 §3.1](https://www.rfc-editor.org/rfc/rfc7800#section-3.1),
//! with the member of [RFC 9449 §6.1](https://www.rfc-editor.org/rfc/rfc9449#section-6.1) for a DPoP key and that of
//! [RFC 8705 §3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1) for a client certificate.

use serde_json::{Map, Value};

use super::error::BearerError;
use crate::head::CertificateThumbprint;

/// What a token is bound to. Both may be set, and then both are required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The thumbprint of the client's DPoP key.
    pub(crate) jkt: Option<String>,
    /// The thumbprint of the client's certificate.
    pub(crate) certificate: Option<CertificateThumbprint>,
}

impl Confirmation {
    /// What the claims say.
    ///
    /// # Errors
    ///
    /// [`BearerError::Confirmation`] when there is a `cnf` without a member that is known here: the token is bound, and
    /// nobody could tell to what.
    pub(super) fn of(claims: &Map<String, Value>) -> Result<Self, BearerError> {
        let Some(cnf) = claims.get("cnf") else {
            return Ok(Self::default());
        };
        let member = |name| match cnf.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(BearerError::Confirmation),
        };
        let certificate =
            member("x5t#S256")?.map(|text| CertificateThumbprint::from_base64url(text));
        let found = Self {
            jkt: member("jkt")?.cloned(),
            certificate: match certificate {
                Some(None) => return Err(BearerError::Confirmation),
                Some(thumbprint) => thumbprint,
                None => None,
            },
        };
        match found.is_empty() {
            true => Err(BearerError::Confirmation),
            false => Ok(found),
        }
    }

    /// Whether the token is bound to nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.jkt.is_none() && self.certificate.is_none()
    }

    /// Checks the certificate of the client's connection.
    pub(crate) fn check_certificate(
        &self,
        presented: Option<CertificateThumbprint>,
    ) -> Result<(), BearerError> {
        match self.certificate {
            Some(bound) if presented != Some(bound) => Err(BearerError::Certificate),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(cnf: Value) -> Result<Confirmation, BearerError> {
        Confirmation::of(json!({ "cnf": cnf }).as_object().unwrap())
    }

    #[test]
    fn a_token_without_cnf_is_bound_to_nothing() {
        let unbound = Confirmation::of(&Map::new()).unwrap();
        assert!(unbound.is_empty());
        assert_eq!(unbound.check_certificate(None), Ok(()));
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for cnf in [
            json!({}),
            json!(null),
            json!("jkt"),
            json!([]),
            json!({ "jwk": {} }),
            json!({ "kid": "k" }),
            json!({ "jkt": 7 }),
            json!({ "jkt": "" }),
            json!({ "jkt": "ok", "x5t#S256": null }),
            json!({ "x5t#S256": "short" }),
            json!({ "x5t#S256": "A".repeat(44) }),
        ] {
            assert_eq!(of(cnf.clone()), Err(BearerError::Confirmation), "{cnf}");
        }
    }

    #[test]
    fn a_certificate_must_be_the_one() {
        let one = CertificateThumbprint::of_der(b"one");
        let bound = of(json!({ "jkt": "k", "x5t#S256": one.to_string() })).unwrap();
        assert_eq!(bound.jkt.as_deref(), Some("k"));
        assert_eq!(bound.check_certificate(Some(one)), Ok(()));
        let other = Some(CertificateThumbprint::of_der(b"other"));
        for presented in [None, other] {
            assert_eq!(
                bound.check_certificate(presented),
                Err(BearerError::Certificate)
            );
        }
    }
}
