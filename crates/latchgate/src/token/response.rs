//! The token response: [RFC 6749 §5](https://www.rfc-editor.org/rfc/rfc6749#section-5),
//! [RFC 9396 §7](https://www.rfc-editor.org/rfc/rfc9396#section-7),
//! [RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5),
//! [OpenID Connect Core 1.0 §3.1.3.3](https://openid.net/specs/openid-connect-core-1_0.html#TokenResponse).

use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::authorization::{
    AuthorizationDetails, AuthorizationDetailsError, error_response, printable,
};
use crate::jose::{JsonError, ProofKey, strict_object};

/// A well-formed token response. Its tokens are not verified yet.
pub(crate) struct TokenResponse {
    pub(crate) access_token: String,
    /// Lifetime of the access token in seconds; `None` if the provider gives none that can be used:
    /// unknown, so neither expired nor unlimited.
    pub(crate) expires_in: Option<u64>,
    pub(crate) refresh_token: Option<String>,
    /// The granted scope, if it differs from the requested one (§5.1).
    pub(crate) scope: Option<String>,
    pub(crate) id_token: Option<String>,
    /// The granted `authorization_details` as JSON, if the response has them; empty if none were granted.
    pub(crate) authorization_details: Option<String>,
}

debug_fields!(TokenResponse { expires_in, scope });

/// Why a token request failed.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request could not be built from the configuration.
    #[error("the token request cannot be built")]
    Unbuildable,
    /// A resource is not an absolute URI without a fragment (RFC 8707 §2).
    #[error("the resource `{0}` is not an absolute URI without a fragment")]
    Resource(String),
    /// The token endpoint refused (§5.2).
    #[error("the token endpoint refused the request: {error} ({description})")]
    Refused {
        /// The `error` code, such as `invalid_grant`.
        error: String,
        /// The description, for logs only.
        description: String,
    },
    /// A status other than 200, without an error that this crate can read. Redirects are not followed.
    #[error("the token endpoint answered {0}")]
    Status(StatusCode),
    /// The answer is not a JSON object.
    #[error("the token endpoint's answer cannot be read")]
    Json(#[source] JsonError),
    /// A member is missing, empty, or of the wrong type.
    #[error("the token response's `{0}` is missing, empty or of the wrong type")]
    Member(&'static str),
    /// The granted `authorization_details` are no list of objects that each have a `type`, or a very long one.
    #[error("the token response's `authorization_details` {0}")]
    AuthorizationDetails(AuthorizationDetailsError),
    /// `token_type` is not the one that was asked for: `DPoP` where the request proved to have a key, else `Bearer`.
    #[error("the token response's `token_type` is `{found}` instead of `{expected}`{}", unbound(.expected))]
    TokenType {
        /// What it should be.
        expected: &'static str,
        /// What it is instead.
        found: String,
    },
}

impl TokenError {
    /// Whether the grant is gone for good, so that the session ends. Any other error may be temporary.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error == "invalid_grant")
    }
}

debug_with_causes!(TokenError);

/// What to do where the tokens should have been bound to a key.
fn unbound(expected: &str) -> &'static str {
    match expected {
        "DPoP" => {
            "; the provider has not bound the tokens to the key: let it do so for this client, or set `dpop` to `auto`"
        }
        _ => "",
    }
}

/// How access tokens are to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// By whoever has them (RFC 6750).
    Bearer,
    /// By whoever proves to have their key (RFC 9449).
    Dpop,
}

impl TokenType {
    /// The type of tokens that are asked for with this key.
    pub(crate) fn of(key: Option<&ProofKey>) -> Self {
        key.map_or(Self::Bearer, |_| Self::Dpop)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// Checks the form of a token endpoint's answer, and that the tokens are of the type that was asked for.
pub(crate) fn response(
    expected: TokenType,
    response: &Response<Vec<u8>>,
) -> Result<TokenResponse, TokenError> {
    let body = strict_object(response.body());
    // GitHub refuses with 200.
    let refused = |body: &Map<String, Value>| {
        body.contains_key("error") && !body.contains_key("access_token")
    };
    let refused = body.as_ref().is_ok_and(refused);
    if response.status() != StatusCode::OK || refused {
        return Err(match error_response(&body.unwrap_or_default()) {
            Some((error, description)) => TokenError::Refused { error, description },
            None => TokenError::Status(response.status()),
        });
    }
    let body = body.map_err(TokenError::Json)?;
    let token_type = text(&body, "token_type")?.ok_or(TokenError::Member("token_type"))?;
    let expected = expected.as_str();
    if !token_type.eq_ignore_ascii_case(expected) {
        return Err(TokenError::TokenType {
            expected,
            found: printable(token_type, 32),
        });
    }
    Ok(TokenResponse {
        access_token: token(&body, "access_token", is_bearer_token)?
            .ok_or(TokenError::Member("access_token"))?,
        expires_in: lifetime(body.get("expires_in")),
        refresh_token: token(&body, "refresh_token", is_refresh_token)?,
        scope: text(&body, "scope")?.map(str::to_owned),
        id_token: token(&body, "id_token", is_bearer_token)?,
        authorization_details: granted(&body)?,
    })
}

/// What was granted beyond the scope.
fn granted(body: &Map<String, Value>) -> Result<Option<String>, TokenError> {
    let details = match body.get("authorization_details") {
        None | Some(Value::Null) => return Ok(None),
        Some(details) => AuthorizationDetails::granted(details),
    };
    let details = details.map_err(TokenError::AuthorizationDetails)?;
    Ok(Some(
        details.map(|details| details.text()).unwrap_or_default(),
    ))
}

fn text<'a>(
    body: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Member(name)),
    }
}

/// A token, if it contains only characters that its grammar allows.
fn token(
    body: &Map<String, Value>,
    name: &'static str,
    allowed: impl Fn(u8) -> bool,
) -> Result<Option<String>, TokenError> {
    let Some(text) = text(body, name)? else {
        return Ok(None);
    };
    // No early return: without one, the compiler can vectorise the loop.
    let fits = text.bytes().fold(true, |fits, byte| fits & allowed(byte));
    if text.is_empty() || !fits {
        return Err(TokenError::Member(name));
    }
    Ok(Some(text.to_owned()))
}

/// `access-token = 1*VSCHAR` (RFC 6749 Appendix A.12), without the space: it will follow `Bearer ` in a
/// header, where RFC 6750 §2.1 allows even fewer characters (`b64token`), and real providers use more, such
/// as `|`. An ID token is base64url with dots (RFC 7515 §7.1), so this covers it too.
fn is_bearer_token(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// `refresh-token = 1*VSCHAR` (RFC 6749 Appendix A.17), which is `%x20-7E`: it is only sent in forms.
fn is_refresh_token(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// `expires_in` as real providers send it: a number, or a string with one. Zero, negative and
/// unreadable values are ignored; absurdly long lifetimes are cut to ten years.
fn lifetime(value: Option<&Value>) -> Option<u64> {
    const TEN_YEARS: u64 = 10 * 365 * 24 * 3600;
    let seconds = match value? {
        Value::Number(number) => number.as_u64().or_else(|| {
            let seconds = number.as_f64().filter(|seconds| *seconds >= 1.0)?;
            Some(if seconds < 1e9 {
                seconds as u64
            } else {
                TEN_YEARS
            })
        })?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (seconds > 0).then(|| seconds.min(TEN_YEARS))
}

#[cfg(test)]
impl TokenResponse {
    /// A response with an access token and nothing else.
    pub(crate) fn example(access_token: &str, expires_in: Option<u64>) -> Self {
        Self {
            access_token: access_token.to_owned(),
            expires_in,
            refresh_token: None,
            scope: None,
            id_token: None,
            authorization_details: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: u16, body: &str) -> Result<TokenResponse, TokenError> {
        let mut answer = Response::new(body.as_bytes().to_vec());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        response(TokenType::Bearer, &answer)
    }

    fn with(change: impl FnOnce(&mut Value)) -> Result<TokenResponse, TokenError> {
        let mut body = json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60 });
        change(&mut body);
        read(200, &body.to_string())
    }

    #[test]
    fn the_token_type_is_compared_without_case_and_unknown_members_are_ignored() {
        let read = with(|body| {
            body["token_type"] = "bEARER".into();
            body["x"] = json!([1]);
        })
        .unwrap();
        assert_eq!(
            (read.access_token.as_str(), read.expires_in),
            ("at", Some(60))
        );
        assert!(matches!(
            with(|body| body["token_type"] = "mac".into()),
            Err(TokenError::TokenType { .. })
        ));
        assert!(matches!(
            with(|body| {
                body.as_object_mut().unwrap().remove("token_type");
            }),
            Err(TokenError::Member("token_type"))
        ));
    }

    #[test]
    fn tokens_have_the_characters_of_their_grammar() {
        for bad in [
            json!(""),
            json!(null),
            json!(7),
            json!("a b"),
            json!("a\r\nSet-Cookie: x"),
            json!("é"),
        ] {
            assert!(
                matches!(
                    with(|body| body["access_token"] = bad.clone()),
                    Err(TokenError::Member("access_token"))
                ),
                "{bad}"
            );
        }
        for bad in ["", "a\u{7f}", "a\tb", "a\nb", "é"] {
            assert!(
                matches!(
                    with(|body| body["refresh_token"] = bad.into()),
                    Err(TokenError::Member("refresh_token"))
                ),
                "{bad}"
            );
        }
        let every: String = (' '..='~').collect();
        let read = with(|body| body["refresh_token"] = every.as_str().into()).unwrap();
        assert_eq!(read.refresh_token, Some(every));
        assert!(matches!(
            with(|body| body["id_token"] = json!({})),
            Err(TokenError::Member("id_token"))
        ));
    }

    #[test]
    fn every_expires_in_is_survived() {
        for (value, expected) in [
            (json!(3600), Some(3600)),
            (json!("3600"), Some(3600)),
            (json!(59.9), Some(59)),
            (json!(0), None),
            (json!(-5), None),
            (json!(u64::MAX), Some(315_360_000)),
            (json!(1e300), Some(315_360_000)),
            (json!("soon"), None),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(
                with(|body| body["expires_in"] = value.clone())
                    .unwrap()
                    .expires_in,
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn refusals_are_read_and_cleaned_and_pages_are_not_parsed() {
        let refused = read(
            400,
            r#"{"error":"invalid_grant","error_description":"a\r\nb"}"#,
        )
        .unwrap_err();
        assert!(refused.is_final());
        assert!(refused.to_string().ends_with("invalid_grant (a..b)"));
        for (status, body) in [
            (500, "<html>"),
            (302, ""),
            (400, "[]"),
            (400, r#"{"error":1}"#),
            (201, "{}"),
        ] {
            let refused = read(status, body).unwrap_err();
            assert!(
                matches!(refused, TokenError::Status(_)) && !refused.is_final(),
                "{status} {body}"
            );
        }
        assert!(matches!(read(200, "<html>"), Err(TokenError::Json(_))));
        assert!(matches!(
            read(
                200,
                r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#
            ),
            Err(TokenError::Json(_))
        ));
    }
}
