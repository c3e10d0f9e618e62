//! Discovery: [OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).

use std::fmt;

use http::{Request, Response, header};

use super::issuer::Issuer;
use super::metadata::Metadata;
use crate::jose::{JsonError, strict_object};

/// Why a provider's metadata could not be used.
#[non_exhaustive]
pub enum DiscoveryError {
    /// The metadata endpoint answered with a status other than 200. Redirects are not followed.
    Status(http::StatusCode),
    /// The answer is not a JSON object.
    Json(JsonError),
    /// `issuer` is not the configured issuer (§4.3).
    Issuer {
        /// The configured issuer.
        expected: String,
        /// The issuer in the document; empty if there is none.
        found: String,
    },
    /// A required member is missing.
    Missing(&'static str),
    /// An endpoint is not https (or, for an issuer on loopback, http on loopback).
    Endpoint {
        /// The member that names the endpoint.
        member: String,
    },
    /// A member has the wrong type.
    Members(serde_json::Error),
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(
                f,
                "the metadata endpoint answered {status} instead of 200; is the issuer spelled as the provider spells it?"
            ),
            Self::Json(_) => f.write_str("the metadata cannot be read"),
            Self::Issuer { expected, found } => write!(
                f,
                "the metadata names the issuer `{found}`, but `{expected}` is configured; they must be identical, trailing slash included"
            ),
            Self::Missing(member) => write!(f, "the metadata has no `{member}`"),
            Self::Endpoint { member } => write!(f, "the metadata's `{member}` is not an https URL"),
            Self::Members(_) => f.write_str("a member of the metadata has the wrong type"),
        }
    }
}

impl std::error::Error for DiscoveryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(source) => Some(source),
            Self::Members(source) => Some(source),
            _ => None,
        }
    }
}

debug_with_causes!(DiscoveryError);

/// The request for the metadata (§4.1).
pub(crate) fn request(issuer: &Issuer) -> Result<Request<Vec<u8>>, http::Error> {
    Request::get(issuer.configuration_url())
        .header(header::ACCEPT, "application/json")
        .body(Vec::new())
}

/// Checks the answer (§4.2, §4.3).
pub(crate) fn response(
    issuer: &Issuer,
    response: &Response<Vec<u8>>,
) -> Result<Metadata, DiscoveryError> {
    if response.status() != http::StatusCode::OK {
        return Err(DiscoveryError::Status(response.status()));
    }
    let document = strict_object(response.body()).map_err(DiscoveryError::Json)?;
    Metadata::check(document, issuer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://op.example/realm/";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
            "op_policy_uri": "",
            "display_values_supported": [1, 2],
        })
    }

    fn read(document: &Value) -> Result<Metadata, DiscoveryError> {
        let issuer = Issuer::parse(ISSUER).unwrap();
        response(&issuer, &Response::new(document.to_string().into_bytes()))
    }

    #[test]
    fn members_that_are_not_acted_on_cannot_stop_a_login() {
        let metadata = read(&document()).unwrap();
        assert_eq!(metadata.jwks_uri().as_str(), "https://op.example/jwks");
        assert!(!metadata.iss_parameter_supported());
    }

    #[test]
    fn the_issuer_must_be_equal_to_the_letter() {
        for other in [
            "https://op.example/realm",
            "https://OP.example/realm/",
            "https://evil.test/",
        ] {
            let mut document = document();
            document["issuer"] = other.into();
            assert!(
                matches!(read(&document), Err(DiscoveryError::Issuer { .. })),
                "{other}"
            );
        }
        let mut document = document();
        document.as_object_mut().unwrap().remove("issuer");
        assert!(matches!(
            read(&document),
            Err(DiscoveryError::Issuer { .. })
        ));
    }

    #[test]
    fn endpoints_must_be_https() {
        for member in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
        ] {
            for bad in [
                "http://op.example/x",
                "http://127.0.0.1/x",
                "javascript:alert(1)",
                "/relative",
                "",
            ] {
                let mut document = document();
                document[member] = bad.into();
                assert!(
                    matches!(read(&document), Err(DiscoveryError::Endpoint { member: found }) if found == member),
                    "{member} = {bad}"
                );
            }
        }
    }

    #[test]
    fn required_members_status_and_json_are_checked() {
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let mut document = document();
            document.as_object_mut().unwrap().remove(member);
            assert!(
                matches!(read(&document), Err(DiscoveryError::Missing(found)) if found == member)
            );
        }
        let issuer = Issuer::parse(ISSUER).unwrap();
        let mut redirect = Response::new(Vec::new());
        *redirect.status_mut() = http::StatusCode::FOUND;
        assert!(matches!(
            response(&issuer, &redirect),
            Err(DiscoveryError::Status(_))
        ));
        let html = Response::new(b"<html>".to_vec());
        assert!(matches!(
            response(&issuer, &html),
            Err(DiscoveryError::Json(_))
        ));
        let twice =
            Response::new(format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}"}}"#).into_bytes());
        assert!(matches!(
            response(&issuer, &twice),
            Err(DiscoveryError::Json(_))
        ));
    }
}
