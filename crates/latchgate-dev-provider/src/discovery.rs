//! The discovery document ([OpenID Connect Discovery
//! §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)) and the JWK Set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::client_assertion::ASSERTION_ALGORITHMS;
use crate::journal::Endpoint;
use crate::jwe::{CONTENT_ALGORITHMS, ENCRYPTION_ALGORITHMS};
use crate::keys::SigningAlg;
use crate::provider::Provider;
use crate::settings::{Requests, ResponseIssuer};

/// `GET /.well-known/openid-configuration`, and `GET /.well-known/oauth-authorization-server`
/// ([RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3)): the members of both standards are the same.
pub(crate) async fn metadata(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let at = |endpoint: Endpoint| format!("{}{}", provider.origin, endpoint.path());
    let mut metadata = json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at(Endpoint::Authorize),
        "pushed_authorization_request_endpoint": at(Endpoint::PushedAuthorization),
        "require_signed_request_object": provider.settings.requests == Requests::Signed,
        "require_pushed_authorization_requests": provider.settings.requests == Requests::Pushed,
        "token_endpoint": at(Endpoint::Token),
        "userinfo_endpoint": at(Endpoint::Userinfo),
        "jwks_uri": at(Endpoint::Jwks),
        "end_session_endpoint": at(Endpoint::EndSession),
        "introspection_endpoint": at(Endpoint::Introspection),
        "revocation_endpoint": at(Endpoint::Revocation),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlg::ALL.map(SigningAlg::as_str),
        "userinfo_signing_alg_values_supported": SigningAlg::ALL.map(SigningAlg::as_str),
        "id_token_encryption_alg_values_supported": ENCRYPTION_ALGORITHMS,
        "id_token_encryption_enc_values_supported": CONTENT_ALGORITHMS,
        "userinfo_encryption_alg_values_supported": ENCRYPTION_ALGORITHMS,
        "userinfo_encryption_enc_values_supported": CONTENT_ALGORITHMS,
        "request_object_signing_alg_values_supported": ["ES256", "PS256", "RS256", "EdDSA"],
        "authorization_signing_alg_values_supported": SigningAlg::ALL.map(SigningAlg::as_str),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post", "none"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["0", "mfa"],
        "claims_supported": [
            "iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr",
            "name", "given_name", "family_name", "picture", "email", "email_verified",
            "roles", "permissions", "realm_access", "https://latchgate.dev/roles", "https://foo.com/myclaim",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported":
            provider.settings.response_issuer == ResponseIssuer::Advertised,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    });
    if let Some(base) = &provider.settings.mtls_base_url {
        announce_mtls(&mut metadata, base);
    }
    provider.mischief.alter_metadata(&mut metadata);
    Json(metadata)
}

/// What a provider where TLS ends says of certificates ([RFC 8705 §5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
fn announce_mtls(metadata: &mut Value, base: &str) {
    let aliased = [
        ("token_endpoint", Endpoint::Token),
        ("userinfo_endpoint", Endpoint::Userinfo),
        ("revocation_endpoint", Endpoint::Revocation),
        ("introspection_endpoint", Endpoint::Introspection),
        (
            "pushed_authorization_request_endpoint",
            Endpoint::PushedAuthorization,
        ),
    ];
    let aliases =
        aliased.map(|(name, at)| (name.to_owned(), json!(format!("{base}{}", at.path()))));
    metadata["mtls_endpoint_aliases"] = Value::Object(aliases.into_iter().collect());
    metadata["tls_client_certificate_bound_access_tokens"] = json!(true);
    for endpoint in ["token", "introspection", "revocation"] {
        let methods =
            metadata[format!("{endpoint}_endpoint_auth_methods_supported")].as_array_mut();
        methods.into_iter().for_each(|methods| {
            methods.extend(["tls_client_auth", "self_signed_tls_client_auth"].map(Value::from));
        });
    }
}

/// `GET /jwks`
pub(crate) async fn jwks(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let mut jwks = provider.keys.current().jwks();
    provider.mischief.alter_jwks(&mut jwks);
    Json(jwks)
}
