//! Request objects: authorization requests that a client has signed ([RFC 9101
//! §6](https://www.rfc-editor.org/rfc/rfc9101#section-6)).

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::client::Client;
use crate::jws::JsonObject;
use crate::parameters::Parameters;

/// How long a request object may be valid, in seconds.
const LONGEST: u64 = 3_600;

/// What says who made the object for whom and when, and is no parameter.
const ABOUT: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];

/// What may stand beside an object that is pushed: the client's authentication, and what stands for the object.
const BESIDE: [&str; 5] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "request",
];

/// The parameters in the request object of a request: its own where it has none, or where the client has no keys.
pub(crate) fn unpack(
    client: &Client,
    issuer: &str,
    now: u64,
    parameters: Parameters,
) -> Result<Parameters, &'static str> {
    let (Some(object), Some(jwks)) = (parameters.get("request"), client.jwks.as_deref()) else {
        return Ok(parameters);
    };
    if parameters.names().any(|name| !BESIDE.contains(&name)) {
        return Err("All parameters belong into the request object.");
    }
    let claims = signed(jwks, object).ok_or("The request object is not signed by the client.")?;
    let text = |name| claims.get(name).and_then(Value::as_str);
    let time = |name| claims.get(name).and_then(Value::as_u64).unwrap_or_default();
    if [text("iss"), text("client_id")] != [Some(client.client_id.as_str()); 2] {
        return Err("iss and client_id of the request object must be the client_id.");
    }
    if text("aud") != Some(issuer) {
        return Err("aud of the request object must be the issuer.");
    }
    let (from, until) = (time("nbf"), time("exp"));
    if from > now || until <= now || until - from > LONGEST {
        return Err("The request object is not valid now, or for too long.");
    }
    if text("jti").is_none() || claims.contains_key("sub") {
        return Err("The request object needs a jti, and has no sub.");
    }
    let inside = claims
        .iter()
        .filter(|(name, _)| !ABOUT.contains(&name.as_str()));
    Ok(Parameters::of(
        inside
            .flat_map(|(name, value)| pairs(name, value))
            .collect(),
    ))
}

/// A claim as parameters: a list of texts is a parameter that is repeated.
fn pairs(name: &str, value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let values = match value {
        Value::Array(list) if list.iter().all(Value::is_string) => list.iter().map(text).collect(),
        value => vec![text(value)],
    };
    let pair = |value| (name.to_owned(), value);
    values.into_iter().map(pair).collect()
}

/// The claims, if a key of the client has signed them, and they are a request object.
fn signed(jwks: &str, object: &str) -> Option<JsonObject> {
    let header = decode_header(object).ok()?;
    let symmetric = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    let typ = header.typ.as_deref()?;
    if typ != "oauth-authz-req+jwt" || symmetric.contains(&header.alg) {
        return None;
    }
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let keys: JwkSet = serde_json::from_str(jwks).ok()?;
    let keys = keys.keys.iter();
    keys.filter_map(|jwk| DecodingKey::from_jwk(jwk).ok())
        .find_map(|key| decode(object, &key, &validation).ok())
        .map(|decoded| decoded.claims)
}
