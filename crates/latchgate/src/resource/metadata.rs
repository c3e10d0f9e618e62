//! The metadata of the protected resource: [RFC 9728 §2 and §3](https://www.rfc-editor.org/rfc/rfc9728#section-3). A client
//! that got a challenge learns from it which authorization server to ask for a token.

use serde_json::{Value, json};
use url::Url;

use super::challenge::PROOF_ALGS;
use super::verify::{AccessTokenBinding, ResourceRules};

/// Where the document is, below the origin.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The document, and where it is.
#[derive(Debug)]
pub(crate) struct ResourceMetadata {
    /// The whole URL, for challenges.
    pub(crate) url: String,
    /// Its path.
    pub(crate) path: String,
    /// The document, as JSON.
    pub(crate) document: String,
}

impl ResourceMetadata {
    /// The metadata of the resource with this identifier (§3.1: its path comes after the well-known one).
    pub(crate) fn new(resource: &Url, rules: &ResourceRules, scopes: &[String]) -> Self {
        let below = resource.path().trim_end_matches('/');
        let path = format!("{WELL_KNOWN}{below}");
        let identifier = match resource.path() {
            // `Url` adds a slash that the identifier does not have.
            "/" => resource.as_str().trim_end_matches('/'),
            _ => resource.as_str(),
        };
        let identifier = match rules.audience.trim_end_matches('/') == identifier {
            // To the letter, as tokens have it.
            true => rules.audience.as_str(),
            false => identifier,
        };
        let mut document = json!({
            "resource": identifier,
            "authorization_servers": [rules.issuer.as_str()],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": PROOF_ALGS.split(' ').collect::<Vec<_>>(),
            "dpop_bound_access_tokens_required": false,
        });
        if !scopes.is_empty() {
            document["scopes_supported"] = json!(scopes);
        }
        if rules.binding == AccessTokenBinding::Required {
            // One of the two is required, and RFC 9728 has no member for that.
            document["tls_client_certificate_bound_access_tokens"] = Value::Bool(true);
        }
        Self {
            url: format!("{}{path}", resource.origin().ascii_serialization()),
            path,
            document: document.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;
    use crate::provider::Issuer;
    use crate::resource::AccessTokenTypes;

    fn rules(audience: &str) -> ResourceRules {
        ResourceRules {
            issuer: Issuer::parse("https://op.example").unwrap(),
            audience: audience.to_owned(),
            alg: Algorithm::Rs256,
            types: AccessTokenTypes::AtJwt,
            binding: AccessTokenBinding::Optional,
            leeway: 30,
        }
    }

    fn of(audience: &str, resource: &str, scopes: &[String]) -> ResourceMetadata {
        ResourceMetadata::new(&Url::parse(resource).unwrap(), &rules(audience), scopes)
    }

    #[test]
    fn that_tokens_must_be_bound_is_told() {
        let url = Url::parse("https://api.example").unwrap();
        for (binding, told) in [
            (AccessTokenBinding::Optional, Value::Null),
            (AccessTokenBinding::Required, Value::Bool(true)),
        ] {
            let rules = ResourceRules {
                binding,
                ..rules("https://api.example")
            };
            let document = ResourceMetadata::new(&url, &rules, &[]).document;
            let document: Value = serde_json::from_str(&document).unwrap();
            let member = "tls_client_certificate_bound_access_tokens";
            assert_eq!(document[member], told, "{binding:?}");
        }
    }

    #[test]
    fn the_path_of_the_resource_comes_after_the_well_known_one() {
        for (audience, resource, identifier, url) in [
            (
                "https://api.example",
                "https://api.example",
                "https://api.example",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example/",
                "https://api.example/",
                "https://api.example/",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "api://invoices",
                "https://api.example:8443/v1",
                "https://api.example:8443/v1",
                "https://api.example:8443/.well-known/oauth-protected-resource/v1",
            ),
            (
                "https://api.example/v1",
                "https://api.example/v1",
                "https://api.example/v1",
                "https://api.example/.well-known/oauth-protected-resource/v1",
            ),
        ] {
            let metadata = of(audience, resource, &["read".to_owned()]);
            assert_eq!(metadata.url, url);
            assert!(url.ends_with(&metadata.path));
            let document: Value = serde_json::from_str(&metadata.document).unwrap();
            assert_eq!(document["resource"], identifier);
            assert_eq!(
                document["authorization_servers"],
                json!(["https://op.example"])
            );
            assert_eq!(document["bearer_methods_supported"], json!(["header"]));
            assert_eq!(document["scopes_supported"], json!(["read"]));
        }
        assert!(
            !of("a", "https://api.example", &[])
                .document
                .contains("scopes")
        );
    }
}
