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
            Self::Json(_) => f.write_str("the userinfo endpoint's answer is not a JSON object"),
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
