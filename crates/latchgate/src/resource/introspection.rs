//! Token introspection: [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662#section-2), for access tokens that only
//! their issuer can read.

use http::{Request, Response, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use super::error::BearerError;
use super::verified_access_token::VerifiedAccessToken;
use super::verify::ResourceRules;
use crate::client::{Freshness, Registration};
use crate::jose::{JsonError, strict_object};
use crate::provider::Metadata;

/// Why a token could not be introspected. This says nothing about the token.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The metadata names no `introspection_endpoint`.
    #[error(
        "introspection is configured, but the provider's metadata has no `introspection_endpoint`"
    )]
    NoEndpoint,
    /// A status other than 200. Redirects are not followed.
    #[error("the introspection endpoint {}", answered(*.0))]
    Status(StatusCode),
    /// The answer is not `application/json`.
    #[error("the introspection endpoint's answer is not `application/json`")]
    ContentType,
    /// The answer is not a JSON object.
    #[error("the introspection endpoint's answer cannot be read")]
    Json(#[source] JsonError),
    /// `active` is missing or not a boolean.
    #[error("the introspection endpoint's answer has no `active` that is `true` or `false`")]
    Active,
    /// The request could not be built.
    #[error("the introspection request could not be built")]
    Unbuildable,
    /// Too many introspections are under way.
    #[error("too many introspections are pending")]
    Busy,
}

debug_with_causes!(IntrospectionError);

/// What a status says.
fn answered(status: StatusCode) -> String {
    match status {
        StatusCode::UNAUTHORIZED => {
            "does not accept the credentials of this API; check the client id and secret".to_owned()
        }
        status => format!("answered {status}"),
    }
}

/// Checks the answer about a token (§2.2).
///
/// # Errors
///
/// The outer error is about the endpoint, the inner one about the token. Its `aud` must contain our audience: without
/// one, the token may be for another API.
pub(crate) fn response(
    rules: &ResourceRules,
    response: &Response<Vec<u8>>,
    now: u64,
) -> Result<Result<VerifiedAccessToken, BearerError>, IntrospectionError> {
    if response.status() != StatusCode::OK {
        return Err(IntrospectionError::Status(response.status()));
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(IntrospectionError::ContentType);
    }
    let claims = strict_object(response.body()).map_err(IntrospectionError::Json)?;
    match claims.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Ok(Err(BearerError::Inactive)),
        _ => return Err(IntrospectionError::Active),
    }
    let checks = || {
        if claims.contains_key("iss") {
            rules.check_issuer(&claims)?;
        }
        rules.check_audience(&claims)?;
        rules.check_times(&claims, now)
    };
    Ok(checks().and_then(|()| VerifiedAccessToken::new(rules.issuer.as_str(), claims)))
}

/// The request about a token (§2.1), by which this API authenticates as a client.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    token: &str,
) -> Result<Request<Vec<u8>>, IntrospectionError> {
    let endpoint = metadata.introspection_endpoint();
    let endpoint = endpoint.ok_or(IntrospectionError::NoEndpoint)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token)
        .append_pair("token_type_hint", "access_token");
    let request = registration.authenticated_form(endpoint, metadata, fresh, form);
    request.ok_or(IntrospectionError::Unbuildable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientAuth;
    use crate::jose::Algorithm;
    use crate::provider::Issuer;
    use crate::resource::{AccessTokenBinding, AccessTokenTypes};
    use serde_json::json;

    const NOW: u64 = 1_000;

    fn answer(
        status: u16,
        kind: &str,
        body: &str,
    ) -> Result<Result<(), BearerError>, IntrospectionError> {
        let rules = ResourceRules {
            issuer: Issuer::parse("https://op.example").unwrap(),
            audience: "https://api.example".to_owned(),
            alg: Algorithm::Rs256,
            types: AccessTokenTypes::AtJwt,
            binding: AccessTokenBinding::Optional,
            leeway: 30,
        };
        let answer = Response::builder()
            .status(status)
            .header("content-type", kind);
        let answer = answer.body(body.as_bytes().to_vec()).unwrap();
        response(&rules, &answer, NOW).map(|token| token.map(drop))
    }

    fn about(change: Value) -> Result<Result<(), BearerError>, IntrospectionError> {
        let mut claims = json!({ "active": true, "sub": "jane", "aud": "https://api.example" });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        answer(200, "application/json; charset=utf-8", &claims.to_string())
    }

    #[test]
    fn the_client_authenticates_and_the_token_travels_in_the_form() {
        let client = Registration {
            client_id: "api".to_owned(),
            auth: ClientAuth::ClientSecretBasic("s3cret".into()),
            ..Registration::example()
        };
        let fresh = Freshness::example(1, 1);
        let metadata = json!({ "introspection_endpoint": "https://op.example/introspect" });
        let request = request(&client, &Metadata::example(metadata), &fresh, "a+b").unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://op.example/introspect");
        assert_eq!(request.headers()["authorization"], "Basic YXBpOnMzY3JldA==");
        assert_eq!(request.body(), b"token=a%2Bb&token_type_hint=access_token");
        let none = super::request(&client, &Metadata::example(json!({})), &fresh, "t");
        assert_eq!(none.unwrap_err(), IntrospectionError::NoEndpoint);
    }

    #[test]
    fn an_active_token_for_this_api_is_accepted() {
        for change in [
            json!({}),
            json!({ "iss": "https://op.example", "aud": ["x", "https://api.example"] }),
            json!({ "exp": NOW - 29, "iat": NOW, "nbf": NOW + 30, "scope": "read" }),
        ] {
            assert_eq!(about(change.clone()), Ok(Ok(())), "{change}");
        }
    }

    #[test]
    fn only_true_is_active() {
        assert_eq!(
            about(json!({ "active": false })),
            Ok(Err(BearerError::Inactive))
        );
        for active in [json!("true"), json!(1), json!(null), json!([true])] {
            let refused = about(json!({ "active": active }));
            assert_eq!(refused, Err(IntrospectionError::Active), "{active}");
        }
        assert_eq!(
            answer(200, "application/json", "{}"),
            Err(IntrospectionError::Active)
        );
    }

    #[test]
    fn what_the_issuer_says_is_checked() {
        for (change, why) in [
            (
                json!({ "iss": "https://evil.example" }),
                BearerError::Issuer,
            ),
            (json!({ "iss": null }), BearerError::Issuer),
            (
                json!({ "aud": "https://other.example" }),
                BearerError::Audience,
            ),
            (json!({ "aud": null }), BearerError::Audience),
            (json!({ "exp": NOW - 30 }), BearerError::Expired),
            (json!({ "exp": "later" }), BearerError::Expired),
            (json!({ "nbf": NOW + 31 }), BearerError::NotBefore),
            (json!({ "sub": null }), BearerError::Claim { name: "sub" }),
            (json!({ "cnf": { "jwk": {} } }), BearerError::Confirmation),
        ] {
            assert_eq!(about(change.clone()), Ok(Err(why)), "{change}");
        }
    }

    #[test]
    fn another_answer_is_the_endpoints_fault() {
        let active = r#"{"active":true,"sub":"jane","aud":"https://api.example"}"#;
        for (status, kind, body, why) in [
            (
                401,
                "application/json",
                active,
                IntrospectionError::Status(StatusCode::UNAUTHORIZED),
            ),
            (
                302,
                "application/json",
                active,
                IntrospectionError::Status(StatusCode::FOUND),
            ),
            (
                200,
                "application/jwt",
                active,
                IntrospectionError::ContentType,
            ),
            (200, "", active, IntrospectionError::ContentType),
            (
                200,
                "application/json",
                "[]",
                IntrospectionError::Json(JsonError::NotObject),
            ),
            (
                200,
                "application/json",
                r#"{"active":false,"active":true}"#,
                IntrospectionError::Json(JsonError::DuplicateName),
            ),
        ] {
            assert_eq!(
                answer(status, kind, body),
                Err(why),
                "{status} {kind} {body}"
            );
        }
    }
}
