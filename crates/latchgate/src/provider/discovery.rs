//! Discovery: [OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig).

use http::{Request, Response, header};

use super::issuer::Issuer;
use super::metadata::{DiscoveryError, Endpoints, Metadata};
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
    endpoints: Endpoints,
    response: &Response<Vec<u8>>,
) -> Result<Metadata, DiscoveryError> {
    if response.status() != http::StatusCode::OK {
        return Err(DiscoveryError::Status(response.status()));
    }
    let document = strict_object(response.body()).map_err(DiscoveryError::Json)?;
    Metadata::check(document, issuer, endpoints)
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
        let answer = Response::new(document.to_string().into_bytes());
        response(&issuer, Endpoints::Usual, &answer)
    }

    /// RFC 8705 §5.
    #[test]
    fn a_client_with_a_certificate_calls_the_aliases_that_there_are() {
        let mut document = document();
        document["userinfo_endpoint"] = json!("https://op.example/userinfo");
        document["revocation_endpoint"] = json!("https://op.example/revoke");
        document["mtls_endpoint_aliases"] = json!({
            "token_endpoint": "https://mtls.op.example/token",
            "revocation_endpoint": null,
            "userinfo_endpoint": "https://mtls.op.example/userinfo",
            "introspection_endpoint": "https://mtls.op.example/introspect",
            "authorization_endpoint": "https://evil.example/authorize",
            "jwks_uri": "https://evil.example/jwks",
            "device_authorization_endpoint": 1,
        });
        let issuer = Issuer::parse(ISSUER).unwrap();
        let read = |document: &Value, endpoints| {
            let answer = Response::new(document.to_string().into_bytes());
            response(&issuer, endpoints, &answer)
        };
        let urls = |endpoints| {
            let metadata = read(&document, endpoints).unwrap();
            [
                metadata.token_endpoint().unwrap().as_str().to_owned(),
                metadata.userinfo_endpoint().unwrap().as_str().to_owned(),
                metadata.revocation_endpoint().unwrap().to_string(),
                metadata.authorization_endpoint().as_str().to_owned(),
                metadata.jwks_uri().to_string(),
            ]
        };
        let usual = urls(Endpoints::Usual);
        assert!(
            usual
                .iter()
                .all(|url| url.starts_with("https://op.example/"))
        );
        let aliases = urls(Endpoints::Mtls);
        assert_eq!(aliases[0], "https://mtls.op.example/token");
        assert_eq!(aliases[1], "https://mtls.op.example/userinfo");
        assert_eq!(aliases[2..], usual[2..]);

        document["mtls_endpoint_aliases"] = json!({ "token_endpoint": "http://op.example/token" });
        let refused = read(&document, Endpoints::Mtls).unwrap_err();
        let member = "token_endpoint";
        assert!(matches!(refused, DiscoveryError::Endpoint { member: found } if found == member));
        assert!(read(&document, Endpoints::Usual).is_ok());
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
            response(&issuer, Endpoints::Usual, &redirect),
            Err(DiscoveryError::Status(_))
        ));
        let html = Response::new(b"<html>".to_vec());
        assert!(matches!(
            response(&issuer, Endpoints::Usual, &html),
            Err(DiscoveryError::Json(_))
        ));
        let twice =
            Response::new(format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}"}}"#).into_bytes());
        assert!(matches!(
            response(&issuer, Endpoints::Usual, &twice),
            Err(DiscoveryError::Json(_))
        ));
    }
}
