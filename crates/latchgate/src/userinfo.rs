//! The userinfo endpoint: [OpenID Connect Core 1.0 §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo),
//! called with the access token in the header, [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1),
//! [RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1).
//! The answer is JSON, or a JWT if the client has registered a `userinfo_signed_response_alg` (§5.3.2), which may be
//! encrypted.

mod account;

use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::jose::{JsonError, strict_object};
use crate::provider::Metadata;
use crate::token::{JwtError, Rules, TokenType, number};

pub(crate) use account::{account_request, account_response, emails_request, emails_response};

/// Why the claims from the userinfo endpoint could not be used.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum UserinfoError {
    /// The metadata names no `userinfo_endpoint`.
    #[error("userinfo is configured, but the provider's metadata has no `userinfo_endpoint`")]
    NoEndpoint,
    /// A status other than 200. Redirects are not followed.
    #[error("the userinfo endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is neither `application/json` nor `application/jwt`.
    #[error("the userinfo endpoint's answer is neither `application/json` nor `application/jwt`")]
    ContentType,
    /// The answer is JSON, although a signed or encrypted one was agreed upon.
    #[error(
        "the userinfo endpoint's answer is plain JSON, but a signed one is configured (`userinfo_alg`, `userinfo_encryption_alg`); register the client for it at the provider, or remove the setting"
    )]
    NotSigned,
    /// The answer is not a JSON object.
    #[error("the userinfo endpoint's answer cannot be read")]
    Json(#[source] JsonError),
    /// The answer is signed and cannot be verified: signature, `typ`, `iss`, `aud`, or `exp` if present.
    #[error("the userinfo endpoint's signed answer cannot be accepted")]
    Token(#[source] JwtError),
    /// There is no `sub` (§5.3.2): it is unknown whose claims these are.
    #[error("the userinfo endpoint's answer has no `sub`")]
    NoSubject,
    /// `sub` differs from the ID token's (§5.3.2): the claims are somebody else's.
    #[error("the userinfo endpoint's `sub` differs from the ID token's")]
    Subject,
}

impl UserinfoError {
    /// Whether newer keys from the provider could change the result.
    pub(crate) fn lacks_a_key(&self) -> bool {
        matches!(self, Self::Token(error) if error.lacks_a_key())
    }
}

debug_with_causes!(UserinfoError);

/// The request for a person's claims.
pub(crate) fn request(
    metadata: &Metadata,
    token_type: TokenType,
    access_token: &str,
) -> Result<Request<Vec<u8>>, UserinfoError> {
    let endpoint = metadata
        .userinfo_endpoint()
        .ok_or(UserinfoError::NoEndpoint)?;
    Request::get(endpoint.url().as_str())
        .header(header::ACCEPT, "application/json, application/jwt")
        .header(
            header::AUTHORIZATION,
            format!("{} {access_token}", token_type.as_str()),
        )
        .body(Vec::new())
        .map_err(|_| UserinfoError::NoEndpoint)
}

/// Checks the answer against the `sub` of the verified ID token.
pub(crate) fn response(
    rules: &Rules<'_>,
    response: &Response<Vec<u8>>,
    subject: &str,
) -> Result<Map<String, Value>, UserinfoError> {
    if response.status() != StatusCode::OK {
        return Err(UserinfoError::Status(response.status()));
    }
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok()?.split(';').next())
        .unwrap_or_default()
        .trim();
    let registration = rules.registration;
    let is_agreed =
        registration.userinfo_alg.is_some() || registration.userinfo_encryption.is_some();
    let claims = if kind.eq_ignore_ascii_case("application/json") {
        if is_agreed {
            return Err(UserinfoError::NotSigned);
        }
        strict_object(response.body()).map_err(UserinfoError::Json)?
    } else if kind.eq_ignore_ascii_case("application/jwt") {
        signed(rules, response.body()).map_err(UserinfoError::Token)?
    } else {
        return Err(UserinfoError::ContentType);
    };
    match claims.get("sub") {
        Some(Value::String(found)) if found == subject => Ok(claims),
        Some(Value::String(_)) => Err(UserinfoError::Subject),
        _ => Err(UserinfoError::NoSubject),
    }
}

/// Claims that are signed for us. They need no `exp`: they are as old as the answer.
fn signed(rules: &Rules<'_>, body: &[u8]) -> Result<Map<String, Value>, JwtError> {
    let raw = String::from_utf8_lossy(body);
    let registration = rules.registration;
    let raw = Rules::decrypted(raw.trim(), registration.userinfo_encryption.as_ref())?;
    let alg = registration
        .userinfo_alg
        .unwrap_or(registration.id_token_alg);
    let claims = rules.verify_origin_by(&raw, alg, |typ| typ.eq_ignore_ascii_case("jwt"))?;
    if claims.contains_key("exp") {
        rules.verify_expiry(number(&claims, "exp"))?;
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Registration;
    use crate::jose::{Algorithm, KeySet, Signer};
    use serde_json::json;

    const NOW: u64 = 1_000;

    fn checked(
        signer: &Signer,
        answer: &Response<Vec<u8>>,
    ) -> Result<Map<String, Value>, UserinfoError> {
        let keys = json!({ "keys": [signer.jwk_named("k")] }).to_string();
        let rules = Rules {
            registration: &Registration::example(),
            keys: &KeySet::parse(keys.as_bytes()).unwrap(),
            now: NOW,
            leeway: 30,
        };
        response(&rules, answer, "248289761001")
    }

    fn answer(status: u16, kind: &str, body: &str) -> Result<Map<String, Value>, UserinfoError> {
        let answer = Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(body.as_bytes().to_vec());
        checked(&Signer::new(Algorithm::Rs256), &answer.unwrap())
    }

    #[test]
    fn signed_claims_are_for_us_and_by_the_provider() {
        let signer = Signer::new(Algorithm::Rs256);
        let says = |kind: &str, header: Value, change: Value| {
            let mut claims = json!({ "iss": "https://op.example", "aud": "my-app", "sub": "248289761001", "name": "Jane" });
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            let mut head = json!({ "alg": "RS256", "kid": "k" });
            for (name, value) in header.as_object().unwrap() {
                head[name] = value.clone();
            }
            let body = signer.token(Algorithm::Rs256, &head.to_string(), &claims.to_string());
            let answer = Response::builder().header("content-type", kind);
            checked(&signer, &answer.body(body.into_bytes()).unwrap())
        };
        for (kind, header, change) in [
            ("application/jwt", json!({}), json!({})),
            (
                "Application/JWT; charset=utf-8",
                json!({ "typ": "JWT" }),
                json!({ "aud": ["my-app"] }),
            ),
            ("application/jwt", json!({}), json!({ "exp": NOW - 29 })),
        ] {
            assert_eq!(says(kind, header, change).unwrap()["name"], "Jane");
        }
        for (header, change, why) in [
            (json!({ "typ": "at+jwt" }), json!({}), JwtError::Type),
            (
                json!({}),
                json!({ "iss": "https://evil.example" }),
                JwtError::Issuer,
            ),
            (json!({}), json!({ "iss": null }), JwtError::Issuer),
            (json!({}), json!({ "aud": "other" }), JwtError::Audience),
            (
                json!({}),
                json!({ "aud": ["my-app", "other"] }),
                JwtError::Audience,
            ),
            (json!({}), json!({ "aud": null }), JwtError::Audience),
            (json!({}), json!({ "exp": NOW - 30 }), JwtError::Expired),
            (json!({}), json!({ "exp": "soon" }), JwtError::Expired),
        ] {
            let refused = says("application/jwt", header, change).unwrap_err();
            assert!(
                matches!(&refused, UserinfoError::Token(found) if *found == why),
                "{refused}"
            );
            assert!(!refused.lacks_a_key());
        }
        let refused = says("application/jwt", json!({}), json!({ "sub": "bob" }));
        assert!(matches!(refused, Err(UserinfoError::Subject)));
        let unknown = says("application/jwt", json!({ "kid": "new" }), json!({}));
        assert!(unknown.unwrap_err().lacks_a_key());
        for label in ["application/json", "text/plain"] {
            assert!(
                says(label, json!({}), json!({})).is_err(),
                "a JWT that says {label}"
            );
        }
    }

    #[test]
    fn the_token_travels_in_the_header_and_nowhere_else() {
        let request = request(&Metadata::example(json!({})), TokenType::Bearer, "a.token").unwrap();
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "https://op.example/userinfo");
        assert_eq!(request.headers()["authorization"], "Bearer a.token");
        assert_eq!(
            request.headers()["accept"],
            "application/json, application/jwt"
        );
        assert!(request.body().is_empty());
    }

    #[test]
    fn without_an_endpoint_or_with_an_unsendable_token_nothing_is_asked() {
        let metadata = Metadata::example(json!({ "userinfo_endpoint": null }));
        assert!(matches!(
            request(&metadata, TokenType::Dpop, "t"),
            Err(UserinfoError::NoEndpoint)
        ));
        let metadata = Metadata::example(json!({}));
        assert!(request(&metadata, TokenType::Bearer, "t\r\nX: y").is_err());
    }

    #[test]
    fn the_claims_of_the_same_person_are_taken() {
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON ;x",
        ] {
            let claims = answer(
                200,
                kind,
                r#"{"sub":"248289761001","email":"jane@example.com"}"#,
            );
            assert_eq!(claims.unwrap()["email"], "jane@example.com", "{kind}");
        }
    }

    #[test]
    fn the_claims_of_anybody_else_are_refused() {
        for sub in [r#""admin""#, r#""""#, r#""248289761001 ""#] {
            let refused = answer(200, "application/json", &format!(r#"{{"sub":{sub}}}"#));
            assert!(matches!(refused, Err(UserinfoError::Subject)), "{sub}");
        }
        for sub in ["null", "248289761001", r#"["248289761001"]"#] {
            let refused = answer(200, "application/json", &format!(r#"{{"sub":{sub}}}"#));
            assert!(matches!(refused, Err(UserinfoError::NoSubject)), "{sub}");
        }
        let nobody = answer(200, "application/json", "{}");
        assert!(matches!(nobody, Err(UserinfoError::NoSubject)));
    }

    #[test]
    fn other_answers_are_refused() {
        let honest = r#"{"sub":"248289761001"}"#;
        for status in [201, 204, 302, 401, 403, 500] {
            let refused = answer(status, "application/json", honest);
            assert!(matches!(refused, Err(UserinfoError::Status(found)) if found == status));
        }
        for kind in ["text/html", "", "text/json", "application/jsonp"] {
            let refused = answer(200, kind, honest);
            assert!(matches!(refused, Err(UserinfoError::ContentType)), "{kind}");
        }
        for body in [
            "",
            "<html>",
            "[]",
            "eyJ.eyJ.AA",
            r#"{"sub":"a","sub":"248289761001"}"#,
        ] {
            let refused = answer(200, "application/json", body).unwrap_err();
            assert!(matches!(refused, UserinfoError::Json(_)), "{body}");
            assert!(std::error::Error::source(&refused).is_some());
        }
        let unlabelled = Response::new(honest.as_bytes().to_vec());
        assert!(matches!(
            checked(&Signer::new(Algorithm::Rs256), &unlabelled),
            Err(UserinfoError::ContentType)
        ));
    }
}
