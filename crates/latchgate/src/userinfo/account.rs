//! The account of a bearer token at a provider without OpenID Connect
//! ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)). There is no ID token to compare it with: the
//! access token came from the token endpoint, for a code that was this client's.

use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::UserinfoError;
use crate::jose::strict_object;
use crate::provider::CheckedOAuth2;

/// The request for the description of the account.
pub(crate) fn account_request(
    plain: &CheckedOAuth2,
    access_token: &str,
) -> Result<Request<Vec<u8>>, UserinfoError> {
    get(plain.userinfo_endpoint.as_str(), access_token)
}

/// The request for the addresses of the account, if there is a resource for them.
pub(crate) fn emails_request(
    plain: &CheckedOAuth2,
    access_token: &str,
) -> Option<Result<Request<Vec<u8>>, UserinfoError>> {
    let endpoint = plain.emails_endpoint.as_ref()?;
    Some(get(endpoint.as_str(), access_token))
}

fn get(url: &str, access_token: &str) -> Result<Request<Vec<u8>>, UserinfoError> {
    Request::get(url)
        .header(header::ACCEPT, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {access_token}"))
        .body(Vec::new())
        .map_err(|_| UserinfoError::NoEndpoint)
}

/// The claims of the account, a `sub` among them.
pub(crate) fn account_response(
    plain: &CheckedOAuth2,
    response: &Response<Vec<u8>>,
) -> Result<Map<String, Value>, UserinfoError> {
    let account = strict_object(json(response)?).map_err(UserinfoError::Json)?;
    let claims = plain.claims(&account);
    match claims.get("sub").and_then(Value::as_str) {
        // As long as a `sub` may be (OpenID Connect Core 1.0 §2).
        Some(sub) if (1..=255).contains(&sub.len()) => Ok(claims),
        _ => Err(UserinfoError::NoSubject),
    }
}

/// The primary address of the account, and whether it is verified. `None` if the list has none.
pub(crate) fn emails_response(
    response: &Response<Vec<u8>>,
) -> Result<Option<(String, bool)>, UserinfoError> {
    // Read as strictly as any object.
    let body = [&b"{\"emails\":"[..], json(response)?, b"}"].concat();
    let list = strict_object(&body).map_err(UserinfoError::Json)?;
    let all = list.get("emails").and_then(Value::as_array);
    let is = |entry: &Value, name: &str| entry.get(name) == Some(&Value::Bool(true));
    let primary = all.and_then(|all| all.iter().find(|entry| is(entry, "primary")));
    Ok(primary.and_then(|entry| {
        let email = entry.get("email")?.as_str()?;
        Some((email.to_owned(), is(entry, "verified")))
    }))
}

fn json(response: &Response<Vec<u8>>) -> Result<&[u8], UserinfoError> {
    if response.status() != StatusCode::OK {
        return Err(UserinfoError::Status(response.status()));
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
    match kind.map(str::trim) {
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(response.body()),
        _ => Err(UserinfoError::ContentType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Response<Vec<u8>> {
        let answer = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, kind);
        answer.body(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_primary_address_is_taken() {
        let emails =
            |body: &str| emails_response(&answer(200, "application/json; charset=utf-8", body));
        let list = r#"[{"email":"a@x.example","primary":false,"verified":true},
                       {"email":"b@x.example","primary":true,"verified":VERIFIED}]"#;
        for (verified, trusted) in [("true", true), ("false", false), ("\"true\"", false)] {
            let found = emails(&list.replace("VERIFIED", verified)).unwrap();
            assert_eq!(found, Some(("b@x.example".to_owned(), trusted)));
        }
        for none in ["[]", "{}", "null", "[1]", r#"[{"primary":true}]"#] {
            assert_eq!(emails(none).unwrap(), None, "{none}");
        }
        for broken in [
            "",
            "[",
            "[]}",
            r#"[],"emails":[]"#,
            r#"[{"email":"a","email":"b"}]"#,
        ] {
            assert!(
                matches!(emails(broken), Err(UserinfoError::Json(_))),
                "{broken}"
            );
        }
    }

    #[test]
    fn an_account_without_an_identifier_is_nobodys() {
        let issuer = crate::provider::Issuer::parse("https://github.com").unwrap();
        let plain = crate::provider::PlainOAuth2::github()
            .check(&issuer)
            .unwrap();
        let account = |body: &str| account_response(&plain, &answer(200, "application/json", body));
        assert!(account(r#"{"id":7}"#).is_ok());
        for body in [
            "{}",
            r#"{"id":null}"#,
            r#"{"id":""}"#,
            r#"{"id":true}"#,
            r#"{"id":[7]}"#,
        ] {
            assert!(
                matches!(account(body), Err(UserinfoError::NoSubject)),
                "{body}"
            );
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(256));
        assert!(matches!(account(&long), Err(UserinfoError::NoSubject)));
        let html = account_response(&plain, &answer(200, "text/html", r#"{"id":7}"#));
        assert!(matches!(html, Err(UserinfoError::ContentType)));
        let refused = account_response(&plain, &answer(401, "application/json", r#"{"id":7}"#));
        assert!(matches!(refused, Err(UserinfoError::Status(_))));
    }
}
