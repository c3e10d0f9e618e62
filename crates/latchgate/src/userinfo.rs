//! The userinfo endpoint: [OpenID Connect Core 1.0 §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo),
//! asked with a bearer token in the header, [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).

use std::fmt;

use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::jose::{JsonError, strict_object};
use crate::provider::Metadata;
use crate::token::IdToken;

/// Why the userinfo endpoint's claims could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserinfoError {
    /// The metadata names no `userinfo_endpoint`.
    NoEndpoint,
    /// Another status than 200. Redirects are not followed.
    Status(StatusCode),
    /// The answer is not `application/json`. A signed answer was not asked for.
    ContentType,
    /// The answer is not a JSON object.
    Json(JsonError),
    /// `sub` is not the ID token's (§5.3.2): the claims may be somebody else's.
    Subject,
}

impl fmt::Display for UserinfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoint => f.write_str(
                "userinfo is configured but the provider's metadata has no `userinfo_endpoint`",
            ),
            Self::Status(status) => write!(f, "the userinfo endpoint answered {status}"),
            Self::ContentType => {
                f.write_str("the userinfo endpoint's answer is not `application/json`")
            }
            Self::Json(_) => f.write_str("the userinfo endpoint's answer cannot be read"),
            Self::Subject => f.write_str("the userinfo endpoint's `sub` is not the ID token's"),
        }
    }
}

impl std::error::Error for UserinfoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(source) => Some(source),
            _ => None,
        }
    }
}

/// The request for a person's claims.
pub(crate) fn request(
    metadata: &Metadata,
    access_token: &str,
) -> Result<Request<Vec<u8>>, UserinfoError> {
    let endpoint = metadata
        .userinfo_endpoint()
        .ok_or(UserinfoError::NoEndpoint)?;
    Request::get(endpoint.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
        .body(Vec::new())
        .map_err(|_| UserinfoError::NoEndpoint)
}

/// Checks the answer against the verified ID token.
pub(crate) fn response(
    response: &Response<Vec<u8>>,
    id_token: &IdToken,
) -> Result<Map<String, Value>, UserinfoError> {
    if response.status() != StatusCode::OK {
        return Err(UserinfoError::Status(response.status()));
    }
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok()?.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(UserinfoError::ContentType);
    }
    let claims = strict_object(response.body()).map_err(UserinfoError::Json)?;
    if claims.get("sub").and_then(Value::as_str) != Some(id_token.subject.as_str()) {
        return Err(UserinfoError::Subject);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, kind: &str, body: &str) -> Result<Map<String, Value>, UserinfoError> {
        let id_token = IdToken::example(&json!({ "sub": "248289761001" }));
        let answer = Response::builder()
            .status(status)
            .header("content-type", kind);
        response(&answer.body(body.as_bytes().to_vec()).unwrap(), &id_token)
    }

    #[test]
    fn the_token_travels_in_the_header_and_nowhere_else() {
        let request = request(&Metadata::example(json!({})), "a.token").unwrap();
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "https://op.example/userinfo");
        assert_eq!(request.headers()["authorization"], "Bearer a.token");
        assert_eq!(request.headers()["accept"], "application/json");
        assert!(request.body().is_empty());
    }

    #[test]
    fn without_an_endpoint_or_with_an_unsendable_token_nothing_is_asked() {
        let metadata = Metadata::example(json!({ "userinfo_endpoint": null }));
        assert!(matches!(
            request(&metadata, "t"),
            Err(UserinfoError::NoEndpoint)
        ));
        let metadata = Metadata::example(json!({}));
        assert!(request(&metadata, "t\r\nX: y").is_err());
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
        for sub in [
            r#""admin""#,
            r#""""#,
            "null",
            "248289761001",
            r#"["248289761001"]"#,
            r#""248289761001 ""#,
        ] {
            let refused = answer(200, "application/json", &format!(r#"{{"sub":{sub}}}"#));
            assert!(matches!(refused, Err(UserinfoError::Subject)), "{sub}");
        }
        let nobody = answer(200, "application/json", "{}");
        assert!(matches!(nobody, Err(UserinfoError::Subject)));
    }

    #[test]
    fn other_answers_are_refused() {
        let honest = r#"{"sub":"248289761001"}"#;
        for status in [201, 204, 302, 401, 403, 500] {
            let refused = answer(status, "application/json", honest);
            assert!(matches!(refused, Err(UserinfoError::Status(found)) if found == status));
        }
        for kind in [
            "application/jwt",
            "text/html",
            "",
            "text/json",
            "application/jsonp",
        ] {
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
        let id_token = IdToken::example(&json!({ "sub": "248289761001" }));
        assert!(matches!(
            response(&unlabelled, &id_token),
            Err(UserinfoError::ContentType)
        ));
    }
}
