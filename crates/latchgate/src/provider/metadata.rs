//! Provider metadata: [OpenID Connect Discovery 1.0 §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)
//! with the members of [RP-Initiated Logout 1.0 §2.1](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#OPMetadata),
//! [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2),
//! [RFC 9126 §5](https://www.rfc-editor.org/rfc/rfc9126#section-5) and
//! [RFC 9207 §3](https://www.rfc-editor.org/rfc/rfc9207#section-3).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, EndSessionUrl, ProviderMetadata, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::Url;

use super::issuer::Issuer;
use crate::jose::JsonError;

/// Why a provider's metadata could not be used.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The metadata endpoint answered with a status other than 200. Redirects are not followed.
    #[error(
        "the metadata endpoint answered {0} instead of 200; is the issuer spelled as the provider spells it?"
    )]
    Status(http::StatusCode),
    /// The answer is not a JSON object.
    #[error("the metadata cannot be read")]
    Json(#[source] JsonError),
    /// `issuer` is not the configured issuer (§4.3).
    #[error(
        "the metadata names the issuer `{found}`, but `{expected}` is configured; they must be identical, trailing slash included"
    )]
    Issuer {
        /// The configured issuer.
        expected: String,
        /// The issuer in the document; empty if there is none.
        found: String,
    },
    /// A required member is missing.
    #[error("the metadata has no `{0}`")]
    Missing(&'static str),
    /// An endpoint is not https (or, for an issuer on loopback, http on loopback).
    #[error("the metadata's `{member}` is not an https URL")]
    Endpoint {
        /// The member that names the endpoint.
        member: String,
    },
    /// A member has the wrong type.
    #[error("a member of the metadata has the wrong type")]
    Members(#[source] serde_json::Error),
}

debug_with_causes!(DiscoveryError);

/// What a provider says about itself, checked: the issuer is the configured one and every endpoint is
/// https (or http on loopback for a loopback issuer).
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    standard: Standard,
    advertised: Advertised,
    /// Members that `openidconnect` requires and this document does not have: they have stand-ins.
    lacking: Vec<&'static str>,
}

/// The lists of what a provider supports, where it has them: by member.
type Advertised = BTreeMap<&'static str, Vec<String>>;

/// The lists that a security profile looks at. One that is no list of texts is left out.
const LISTS: [&str; 8] = [
    "authorization_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "dpop_signing_alg_values_supported",
    "id_token_signing_alg_values_supported",
    "request_object_signing_alg_values_supported",
    "response_modes_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
];

type Standard = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The members `openidconnect` has no field for.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Additional {
    end_session_endpoint: Option<EndSessionUrl>,
    revocation_endpoint: Option<Url>,
    pushed_authorization_request_endpoint: Option<Url>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    #[serde(default)]
    require_signed_request_object: bool,
    #[serde(default)]
    tls_client_certificate_bound_access_tokens: bool,
    introspection_endpoint: Option<Url>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    prompt_values_supported: Vec<Value>,
}

impl AdditionalProviderMetadata for Additional {}

/// The members this crate acts on. All others are dropped unread, so that a malformed
/// `op_policy_uri` or a new kind of `display` can never stop a login.
const MEMBERS: [&str; 13] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "tls_client_certificate_bound_access_tokens",
    "introspection_endpoint",
    "authorization_response_iss_parameter_supported",
];

/// Which of a provider's endpoints are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoints {
    /// Those for clients without a certificate.
    Usual,
    /// Those in `mtls_endpoint_aliases`, and the usual ones for what has no alias (RFC 8705 §5).
    Mtls,
}

/// The endpoints that a client calls itself, and that may have an alias for clients with a certificate.
const ALIASED: [&str; 5] = [
    "token_endpoint",
    "userinfo_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
    "introspection_endpoint",
];

impl Metadata {
    /// Checks a metadata document against the configured issuer.
    pub(crate) fn check(
        mut document: Map<String, Value>,
        issuer: &Issuer,
        endpoints: Endpoints,
    ) -> Result<Self, DiscoveryError> {
        let advertised = advertised(&document);
        if let (Endpoints::Mtls, Some(Value::Object(aliases))) =
            (endpoints, document.remove("mtls_endpoint_aliases"))
        {
            let known = aliases.into_iter();
            document.extend(
                known.filter(|(name, url)| ALIASED.contains(&name.as_str()) && !url.is_null()),
            );
        }
        document.retain(|name, value| match name.as_str() {
            // Only a hint, so ignored in any other form.
            "prompt_values_supported" => value.is_array(),
            name => MEMBERS.contains(&name) && !value.is_null(),
        });
        // REQUIRED by the standard but not used here, and real providers omit them.
        for unused in [
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "response_types_supported",
        ] {
            document.insert(unused.to_owned(), Value::Array(Vec::new()));
        }

        check_issuer(&document, &issuer.in_metadata())?;
        for required in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            if !document.contains_key(required) {
                return Err(DiscoveryError::Missing(required));
            }
        }
        // From here on only the parsed URL is used, so what is called is what was checked.
        for (name, value) in &mut document {
            let Some(text) = value.as_str().filter(|_| name != "issuer") else {
                continue;
            };
            let Some(endpoint) = issuer.endpoint(text) else {
                return Err(DiscoveryError::Endpoint {
                    member: name.clone(),
                });
            };
            *value = Value::String(endpoint.into());
        }
        serde_json::from_value(Value::Object(document))
            .map(|standard| Self {
                standard,
                advertised,
                lacking: Vec::new(),
            })
            .map_err(DiscoveryError::Members)
    }

    /// The same for a document of an authorization server
    /// ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)), which need not have keys, nor a login.
    pub(crate) fn check_oauth2(
        mut document: Map<String, Value>,
        issuer: &Issuer,
        endpoints: Endpoints,
    ) -> Result<Self, DiscoveryError> {
        check_issuer(&document, issuer.as_str())?;
        // Whatever else the issuer would be called by there: here its name is to be identical (§3.3).
        document.insert("issuer".to_owned(), issuer.in_metadata().into());
        let is_missing = |member: &&str| document.get(*member).is_none_or(Value::is_null);
        let lacking: Vec<_> = ["authorization_endpoint", "jwks_uri"]
            .into_iter()
            .filter(is_missing)
            .collect();
        for member in &lacking {
            document.insert((*member).to_owned(), issuer.as_str().into());
        }
        let metadata = Self::check(document, issuer, endpoints)?;
        Ok(Self {
            lacking,
            ..metadata
        })
    }

    /// The member, if the document does not have it.
    pub(crate) fn lacks(&self, member: &str) -> Option<&'static str> {
        self.lacking.iter().copied().find(|name| *name == member)
    }

    pub(crate) fn authorization_endpoint(&self) -> &AuthUrl {
        self.standard.authorization_endpoint()
    }

    pub(crate) fn token_endpoint(&self) -> Option<&TokenUrl> {
        self.standard.token_endpoint()
    }

    pub(crate) fn userinfo_endpoint(&self) -> Option<&UserInfoUrl> {
        self.standard.userinfo_endpoint()
    }

    pub(crate) fn jwks_uri(&self) -> &Url {
        self.standard.jwks_uri().url()
    }

    pub(crate) fn end_session_endpoint(&self) -> Option<&EndSessionUrl> {
        self.standard
            .additional_metadata()
            .end_session_endpoint
            .as_ref()
    }

    pub(crate) fn revocation_endpoint(&self) -> Option<&Url> {
        self.standard
            .additional_metadata()
            .revocation_endpoint
            .as_ref()
    }

    /// Where authorization requests are pushed (RFC 9126 §5).
    pub(crate) fn pushed_authorization_request_endpoint(&self) -> Option<&Url> {
        let additional = self.standard.additional_metadata();
        additional.pushed_authorization_request_endpoint.as_ref()
    }

    /// Whether authorization requests are accepted only if they are pushed (RFC 9126 §5).
    pub(crate) fn requires_pushed_requests(&self) -> bool {
        let additional = self.standard.additional_metadata();
        additional.require_pushed_authorization_requests
    }

    pub(crate) fn introspection_endpoint(&self) -> Option<&Url> {
        self.standard
            .additional_metadata()
            .introspection_endpoint
            .as_ref()
    }

    /// Whether authorization requests are accepted only if they are signed (RFC 9101 §10.5).
    pub(crate) fn requires_signed_requests(&self) -> bool {
        self.standard
            .additional_metadata()
            .require_signed_request_object
    }

    /// Whether access tokens can be bound to the client's certificate (RFC 8705 §3.3).
    pub(crate) fn binds_to_certificates(&self) -> bool {
        let additional = self.standard.additional_metadata();
        additional.tls_client_certificate_bound_access_tokens
    }

    /// Whether a list of what is supported contains a value; `None` if the provider has no such list.
    pub(crate) fn lists(&self, member: &str, value: &str) -> Option<bool> {
        let list = self.advertised.get(member)?;
        Some(list.iter().any(|listed| listed == value))
    }

    /// Whether every authorization response must carry `iss` (RFC 9207 §2.4).
    pub(crate) fn iss_parameter_supported(&self) -> bool {
        self.standard
            .additional_metadata()
            .authorization_response_iss_parameter_supported
    }

    /// Whether the provider says that it supports the `prompt` value `select_account`
    /// ([Initiating User Registration via OpenID Connect 1.0 §4.1](https://openid.net/specs/openid-connect-prompt-create-1_0.html)).
    pub(crate) fn lets_people_choose_an_account(&self) -> bool {
        let known = &self.standard.additional_metadata().prompt_values_supported;
        known.iter().any(|value| value == "select_account")
    }
}

/// Compares the issuer that a document names with the one that it must name.
fn check_issuer(document: &Map<String, Value>, expected: &str) -> Result<(), DiscoveryError> {
    let found = document.get("issuer").and_then(Value::as_str);
    if found == Some(expected) {
        return Ok(());
    }
    let printable = found
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control());
    Err(DiscoveryError::Issuer {
        expected: expected.to_owned(),
        found: printable.take(256).collect(),
    })
}

/// The lists of a document.
fn advertised(document: &Map<String, Value>) -> Advertised {
    let list = |member: &&'static str| {
        let values = document.get(*member)?.as_array()?.iter();
        let values: Option<Vec<String>> = values.map(|v| v.as_str().map(str::to_owned)).collect();
        Some((*member, values?))
    };
    LISTS.iter().filter_map(list).collect()
}

#[cfg(test)]
impl Metadata {
    /// The metadata that tests start from, with the given members set, or removed by `null`.
    pub(crate) fn example(changes: Value) -> Self {
        let mut document = serde_json::json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/authorize?tenant=7",
            "token_endpoint": "https://op.example/token",
            "userinfo_endpoint": "https://op.example/userinfo",
            "jwks_uri": "https://op.example/jwks",
            "end_session_endpoint": "https://op.example/logout",
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let document = document.as_object().unwrap().clone();
        let issuer = Issuer::parse("https://op.example").unwrap();
        Self::check(document, &issuer, Endpoints::Usual).unwrap()
    }
}
