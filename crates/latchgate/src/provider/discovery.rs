//! Discovery: [OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig),
//! [RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3).

use http::{Request, Response, header};

use super::issuer::Issuer;
use super::metadata::{DiscoveryError, Endpoints, Metadata};
use crate::jose::strict_object;

/// By which standard an issuer publishes its metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discovery {
    /// OpenID Connect Discovery 1.0: at `/.well-known/openid-configuration` below the issuer.
    #[default]
    OpenId,
    /// OAuth 2.0 Authorization Server Metadata ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)): at
    /// `/.well-known/oauth-authorization-server`, which is inserted between the host and the path of the issuer.
    OAuth2,
}

/// The request for the metadata (§4.1; RFC 8414 §3.1).
pub(crate) fn request(
    issuer: &Issuer,
    discovery: Discovery,
) -> Result<Request<Vec<u8>>, http::Error> {
    let url = match discovery {
        Discovery::OpenId => issuer.configuration_url(),
        Discovery::OAuth2 => issuer.authorization_server_url(),
    };
    Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Vec::new())
}

/// Checks the answer (§4.2, §4.3; RFC 8414 §3.2, §3.3).
pub(crate) fn response(
    issuer: &Issuer,
    discovery: Discovery,
    endpoints: Endpoints,
    response: &Response<Vec<u8>>,
) -> Result<Metadata, DiscoveryError> {
    if response.status() != http::StatusCode::OK {
        return Err(DiscoveryError::Status(response.status()));
    }
    let document = strict_object(response.body()).map_err(DiscoveryError::Json)?;
    match discovery {
        Discovery::OpenId => Metadata::check(document, issuer, endpoints),
        Discovery::OAuth2 => Metadata::check_oauth2(document, issuer, endpoints),
    }
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
        response(&issuer, Discovery::OpenId, Endpoints::Usual, &answer)
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
            response(&issuer, Discovery::OpenId, endpoints, &answer)
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
            response(&issuer, Discovery::OpenId, Endpoints::Usual, &redirect),
            Err(DiscoveryError::Status(_))
        ));
        let html = Response::new(b"<html>".to_vec());
        assert!(matches!(
            response(&issuer, Discovery::OpenId, Endpoints::Usual, &html),
            Err(DiscoveryError::Json(_))
        ));
        let twice =
            Response::new(format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}"}}"#).into_bytes());
        assert!(matches!(
            response(&issuer, Discovery::OpenId, Endpoints::Usual, &twice),
            Err(DiscoveryError::Json(_))
        ));
    }

    /// What an authorization server says about itself, with these members set, or removed by `null`.
    fn read_oauth2(issuer: &str, changes: &Value) -> Result<Metadata, DiscoveryError> {
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
            "introspection_endpoint": "https://as.example/introspect",
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let issuer = Issuer::parse(issuer).unwrap();
        let answer = Response::new(document.to_string().into_bytes());
        response(&issuer, Discovery::OAuth2, Endpoints::Usual, &answer)
    }

    #[test]
    fn an_authorization_server_needs_no_keys_and_may_lack_a_login() {
        let metadata = read_oauth2("https://as.example/realm", &json!({})).unwrap();
        assert_eq!(metadata.lacks("jwks_uri"), Some("jwks_uri"));
        assert_eq!(metadata.lacks("authorization_endpoint"), None);
        let whole =
            json!({ "jwks_uri": "https://as.example/jwks", "authorization_endpoint": null });
        let metadata = read_oauth2("https://as.example/realm", &whole).unwrap();
        assert_eq!(metadata.jwks_uri().as_str(), "https://as.example/jwks");
        assert_eq!(metadata.lacks("jwks_uri"), None);
        assert!(metadata.lacks("authorization_endpoint").is_some());
        assert!(read(&document()).unwrap().lacks("jwks_uri").is_none());
    }

    #[test]
    fn an_authorization_server_is_the_configured_one_to_the_letter_and_its_endpoints_are_https() {
        for (issuer, found) in [
            ("https://as.example/realm", "https://as.example/realm/"),
            ("https://as.example/", "https://as.example"),
            // Microsoft's template is none of RFC 8414's.
            (
                "https://login.microsoftonline.com/common/v2.0",
                "https://login.microsoftonline.com/{tenantid}/v2.0",
            ),
        ] {
            let refused = read_oauth2(issuer, &json!({ "issuer": found })).unwrap_err();
            assert!(
                matches!(refused, DiscoveryError::Issuer { .. }),
                "{refused}"
            );
            assert!(read_oauth2(issuer, &json!({})).is_ok());
        }
        let refused = read_oauth2("https://as.example", &json!({ "token_endpoint": null }));
        assert!(matches!(
            refused,
            Err(DiscoveryError::Missing("token_endpoint"))
        ));
        for member in ["token_endpoint", "introspection_endpoint", "jwks_uri"] {
            let bad = json!({ member: "http://as.example/x" });
            let refused = read_oauth2("https://as.example", &bad).unwrap_err();
            assert!(
                matches!(refused, DiscoveryError::Endpoint { .. }),
                "{refused}"
            );
        }
    }
}
