//! Discovery: [OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).

use http::{Request, Response, header};

use super::issuer::Issuer;
use super::metadata::{DiscoveryError, Metadata};
use crate::jose::strict_object;

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
