//! The request object, JAR: an authorization request that the client signs, so that nobody changes it and the client
//! cannot deny it ([RFC 9101 §4](https://www.rfc-editor.org/rfc/rfc9101#section-4)).

use serde_json::{Map, Value, json};

use super::request::AuthorizationRequest;
use crate::client::{ClientAuth, ClientKey, Freshness, Registration, Usage};
use crate::provider::Metadata;

/// How long a request object is valid, in seconds: the browser takes it to the provider at once.
const LIFETIME: u64 = 300;

/// Why an authorization request could not be signed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestObjectError {
    /// The setting `signed_requests` is `false`, but the provider accepts signed requests only (§10.5).
    #[error(
        "the provider accepts signed authorization requests only, but the setting `signed_requests` is `false`; set it to `auto` or `true`"
    )]
    Required,
    /// The client has no key to sign with.
    #[error(
        "authorization requests are to be signed, but the client has no key; authenticate with `private_key_jwt`"
    )]
    NoKey,
    /// The key cannot sign.
    #[error("the client's key cannot sign the authorization request")]
    Unsignable,
}

debug_with_causes!(RequestObjectError);

/// Signs the request: all parameters move into the request object, and the client id stays outside too (§5).
pub(crate) fn sign(
    registration: &Registration,
    key: &ClientKey,
    fresh: &Freshness,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, RequestObjectError> {
    let claims = claims(registration, fresh, &request);
    let object = key.sign("oauth-authz-req+jwt", &claims);
    let object = object.map_err(|_| RequestObjectError::Unsignable)?;
    let outside = [
        ("client_id", registration.client_id.as_str()),
        ("request", &object),
    ];
    Ok(request.with_parameters(&outside))
}

/// The key to sign with; `None` where the request is not to be signed.
pub(crate) fn key<'r>(
    registration: &'r Registration,
    metadata: &Metadata,
) -> Result<Option<&'r ClientKey>, RequestObjectError> {
    let required = metadata.requires_signed_requests();
    match (registration.signed_requests, required, &registration.auth) {
        (Usage::Never, true, _) => Err(RequestObjectError::Required),
        (Usage::Never, false, _) | (Usage::WhenRequired, false, _) => Ok(None),
        (_, _, ClientAuth::PrivateKeyJwt(key)) => Ok(Some(key)),
        _ => Err(RequestObjectError::NoKey),
    }
}

/// What the request object says (§4): the parameters, and who made it for whom and when. There is no `sub`, lest it
/// pass for a client assertion (§10.8).
fn claims(
    registration: &Registration,
    fresh: &Freshness,
    request: &AuthorizationRequest,
) -> Map<String, Value> {
    let mut claims = Map::new();
    for (name, value) in request.parameters() {
        let value = typed(&name, &value);
        match claims.get_mut(&*name) {
            None => drop(claims.insert(name.into_owned(), value)),
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    let now = fresh.now();
    for (name, value) in [
        ("iss", json!(registration.client_id)),
        ("aud", json!(registration.issuer.as_str())),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now.saturating_add(LIFETIME))),
        ("jti", json!(fresh.jti())),
    ] {
        claims.insert(name.to_owned(), value);
    }
    claims
}

/// A parameter as a member of a JSON object: what is a number or JSON there is not a text of it (§4).
fn typed(name: &str, value: &str) -> Value {
    let json = match name {
        "max_age" | "claims" | "authorization_details" => serde_json::from_str(value).ok(),
        _ => None,
    };
    json.unwrap_or_else(|| json!(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::{LoginOptions, LoginSecrets};
    use crate::io::scripted::CountingRandom;
    use crate::jose::{Algorithm, Jws, KeySet};
    use crate::return_to::ReturnTo;
    use std::time::Duration;

    fn metadata(required: bool) -> Metadata {
        Metadata::example(json!({ "require_signed_request_object": required }))
    }

    fn registration(usage: Usage) -> Registration {
        let pem = include_str!("../jose/private_key/tests/p256.pkcs8.pem");
        let key = ClientKey::from_pem(pem).unwrap().kid("k1");
        Registration {
            auth: ClientAuth::PrivateKeyJwt(key),
            signed_requests: usage,
            resources: vec!["urn:a".to_owned(), "urn:b".to_owned(), "urn:c".to_owned()],
            ..Registration::example()
        }
    }

    fn plain(registration: &Registration) -> AuthorizationRequest {
        let secrets = LoginSecrets::draw(&CountingRandom::default()).unwrap();
        let mut options = LoginOptions::new().max_age(Duration::from_secs(60));
        options.claims = r#"{"userinfo":{"email":null}}"#.parse().ok();
        let home = ReturnTo::root();
        crate::authorization::request(registration, &metadata(false), options, home, secrets, 0).0
    }

    fn signed(usage: Usage, required: bool) -> Result<AuthorizationRequest, RequestObjectError> {
        let registration = registration(usage);
        let request = plain(&registration);
        match key(&registration, &metadata(required))? {
            Some(key) => sign(&registration, key, &Freshness::example(1_000, 1), request),
            None => Ok(request),
        }
    }

    #[test]
    fn all_parameters_are_inside_and_the_client_id_outside_too() {
        let registration = registration(Usage::Always);
        let request = signed(Usage::Always, false).unwrap();
        let parameters: Vec<_> = request.parameters().collect();
        let [client_id, (name, object)] = &parameters[..] else {
            panic!("{request:?}");
        };
        assert_eq!(client_id, &("client_id".into(), "my-app".into()));
        assert_eq!(name, "request");
        let jws = Jws::parse(object).unwrap();
        assert_eq!(
            (jws.typ(), jws.kid()),
            (Some("oauth-authz-req+jwt"), Some("k1"))
        );
        let ClientAuth::PrivateKeyJwt(key) = &registration.auth else {
            panic!("{registration:?}");
        };
        let keys = KeySet::parse(ClientKey::public_jwks([key]).as_bytes()).unwrap();
        assert!(jws.verify(Algorithm::Es256, &keys).is_ok());
        let mut claims = jws.claims().unwrap();
        for (name, value) in [
            ("iss", json!("my-app")),
            ("aud", json!("https://op.example")),
            ("iat", json!(1_000)),
            ("nbf", json!(1_000)),
            ("exp", json!(1_300)),
            ("jti", json!("AQEBAQEBAQEBAQEBAQEBAQ")),
            ("max_age", json!(60)),
            ("claims", json!({ "userinfo": { "email": null } })),
            ("resource", json!(["urn:a", "urn:b", "urn:c"])),
        ] {
            assert_eq!(claims.remove(name), Some(value), "{name}");
        }
        assert!(!claims.contains_key("sub"));
        for (name, value) in plain(&registration).parameters() {
            if let Some(found) = claims.remove(&*name) {
                assert_eq!(found, json!(value), "{name}");
            }
        }
        assert!(claims.is_empty(), "{claims:?}");
    }

    #[test]
    fn requests_are_signed_when_required_or_wanted_and_never_otherwise() {
        let is_signed = |usage, required| {
            let request = signed(usage, required)?;
            Ok(request.parameters().any(|(name, _)| name == "request"))
        };
        assert_eq!(is_signed(Usage::WhenRequired, true), Ok(true));
        assert_eq!(is_signed(Usage::WhenRequired, false), Ok(false));
        assert_eq!(is_signed(Usage::Always, false), Ok(true));
        assert_eq!(is_signed(Usage::Never, false), Ok(false));
        assert_eq!(
            is_signed(Usage::Never, true),
            Err(RequestObjectError::Required)
        );
        let keyless = Registration {
            signed_requests: Usage::WhenRequired,
            ..Registration::example()
        };
        let refused = key(&keyless, &metadata(true));
        assert_eq!(refused.map(drop), Err(RequestObjectError::NoKey));
    }
}
