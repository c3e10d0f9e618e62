//! Pushing an authorization request to the provider, instead of letting the browser carry it:
//! [RFC 9126 §2](https://www.rfc-editor.org/rfc/rfc9126#section-2).
//!
//! The request is authenticated like one to the token endpoint, so the provider knows that it is ours, and nobody on
//! the way can change it or read it. The browser then carries the client id and a reference.
//!
//! With DPoP the request has `dpop_jkt`, and no proof beside it ([RFC 9449
//! §10.1](https://www.rfc-editor.org/rfc/rfc9449#section-10.1) leaves the choice to the client). A proof would bind the
//! code to the same key, which has to be proved anyway to exchange it, and which nobody can replace in an authenticated
//! request; but it would need a nonce, and so another call at the start of a login.

use http::{Request, Response, StatusCode};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::request::AuthorizationRequest;
use super::response::error_response;
use crate::client::{ClientAuth, Freshness, Registration, Usage};
use crate::jose::{JsonError, strict_object};
use crate::provider::Metadata;

/// The longest reference that is passed on, in bytes: it becomes part of a URL.
const LONGEST_REFERENCE: usize = 2_048;

/// Why an authorization request could not be pushed. There is no fallback to a plain request.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PushedRequestError {
    /// The setting `par` is `false`, but the provider accepts pushed requests only (§5).
    #[error(
        "the provider accepts pushed authorization requests only, but the setting `par` is `false`; set it to `auto` or `true`"
    )]
    Required,
    /// The setting `par` is `true`, but the metadata has no `pushed_authorization_request_endpoint`.
    #[error(
        "authorization requests are to be pushed, but the provider's metadata has no `pushed_authorization_request_endpoint`; set `par` to `auto`, or turn it on at the provider"
    )]
    NoEndpoint,
    /// The provider refused the request (§2.3).
    #[error("the provider refused the pushed authorization request: {error} ({description})")]
    Refused {
        /// The `error` code, such as `invalid_request`, at most 64 visible ASCII characters of it.
        error: String,
        /// The description, for logs only.
        description: String,
    },
    /// A status other than 201, without an error that this crate can read. Redirects are not followed.
    #[error("the pushed authorization request endpoint answered {0} instead of 201")]
    Status(StatusCode),
    /// The answer is not a JSON object.
    #[error("the pushed authorization request endpoint's answer cannot be read")]
    Json(#[source] JsonError),
    /// A member of the answer is missing, or not what §2.2 says.
    #[error(
        "`{0}` in the pushed authorization request endpoint's answer is missing or cannot be used"
    )]
    Member(&'static str),
}

impl PushedRequestError {
    /// Whether the configuration has to change, here or at the provider.
    pub(crate) fn is_by_configuration(&self) -> bool {
        match self {
            Self::Required | Self::NoEndpoint => true,
            Self::Refused { error, .. } => {
                !matches!(error.as_str(), "server_error" | "temporarily_unavailable")
            }
            _ => false,
        }
    }
}

debug_with_causes!(PushedRequestError);

/// The endpoint to push to; `None` where the request is not to be pushed.
pub(crate) fn endpoint<'m>(
    registration: &Registration,
    metadata: &'m Metadata,
) -> Result<Option<&'m Url>, PushedRequestError> {
    let endpoint = metadata.pushed_authorization_request_endpoint();
    match (registration.par, metadata.requires_pushed_requests()) {
        (Usage::Never, true) => Err(PushedRequestError::Required),
        (Usage::Never, false) | (Usage::WhenRequired, false) => Ok(None),
        (Usage::Always, _) | (Usage::WhenRequired, true) => {
            endpoint.map(Some).ok_or(PushedRequestError::NoEndpoint)
        }
    }
}

/// The request that pushes an authorization request (§2.1).
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    endpoint: &Url,
    fresh: &Freshness,
    authorization: &AuthorizationRequest,
) -> Result<Request<Vec<u8>>, PushedRequestError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    // Every method of client authentication but this one adds the client id to the form.
    let in_header = matches!(registration.auth, ClientAuth::ClientSecretBasic(_));
    let own = authorization.parameters();
    form.extend_pairs(own.filter(|(name, _)| in_header || name != CLIENT_ID));
    let request = registration.authenticated_form(endpoint, metadata, fresh, form);
    request.ok_or(PushedRequestError::Member("request"))
}

const CLIENT_ID: &str = "client_id";

/// Reads the answer (§2.2): the URL to which the browser is sent, with the client id and the reference only (§4).
pub(crate) fn response(
    registration: &Registration,
    authorization: AuthorizationRequest,
    response: &Response<Vec<u8>>,
) -> Result<Url, PushedRequestError> {
    let body = strict_object(response.body());
    if response.status() != StatusCode::CREATED {
        return Err(match error_response(&body.unwrap_or_default()) {
            Some((error, description)) => PushedRequestError::Refused { error, description },
            None => PushedRequestError::Status(response.status()),
        });
    }
    let body = body.map_err(PushedRequestError::Json)?;
    let is_reference = |text: &&str| text.len() <= LONGEST_REFERENCE && Url::parse(text).is_ok();
    let reference = body
        .get("request_uri")
        .and_then(Value::as_str)
        .filter(is_reference)
        .ok_or(PushedRequestError::Member("request_uri"))?;
    if body
        .get("expires_in")
        .and_then(Value::as_u64)
        .is_none_or(|seconds| seconds == 0)
    {
        return Err(PushedRequestError::Member("expires_in"));
    }
    let parameters = [
        (CLIENT_ID, registration.client_id.as_str()),
        ("request_uri", reference),
    ];
    Ok(authorization.with_parameters(&parameters).into_url())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::{LoginOptions, LoginSecrets};
    use crate::client::ClientAuth;
    use crate::io::scripted::CountingRandom;
    use crate::return_to::ReturnTo;
    use http::header;
    use serde_json::json;

    fn metadata(required: bool, endpoint: Value) -> Metadata {
        Metadata::example(json!({
            "require_pushed_authorization_requests": required,
            "pushed_authorization_request_endpoint": endpoint,
        }))
    }

    fn with_par() -> Metadata {
        metadata(false, json!("https://op.example/par?tenant=7"))
    }

    fn registration(par: Usage, auth: ClientAuth) -> Registration {
        Registration {
            par,
            auth,
            ..Registration::example()
        }
    }

    fn authorization(registration: &Registration) -> AuthorizationRequest {
        let secrets = LoginSecrets::draw(&CountingRandom::default()).unwrap();
        let options = LoginOptions::new().login_hint("jane&client_id=evil");
        let (metadata, home) = (with_par(), ReturnTo::root());
        crate::authorization::request(registration, &metadata, options, home, secrets, 0).0
    }

    fn basic() -> ClientAuth {
        ClientAuth::ClientSecretBasic("hunter2".into())
    }

    fn form(request: &Request<Vec<u8>>) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn requests_are_pushed_when_required_or_wanted_and_never_otherwise() {
        let par = || json!("https://op.example/par");
        let pushed = |usage, required, found: Value| {
            let metadata = metadata(required, found);
            match endpoint(&registration(usage, basic()), &metadata) {
                Ok(endpoint) => Ok(endpoint.is_some()),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(pushed(Usage::WhenRequired, true, par()), Ok(true));
        assert_eq!(pushed(Usage::WhenRequired, false, par()), Ok(false));
        assert_eq!(pushed(Usage::Always, false, par()), Ok(true));
        assert_eq!(pushed(Usage::Always, true, par()), Ok(true));
        assert_eq!(pushed(Usage::Never, false, par()), Ok(false));
        for (usage, required, endpoint, said) in [
            (Usage::Never, true, par(), "`par` is `false`"),
            (Usage::Always, false, Value::Null, "set `par` to `auto`"),
            (Usage::WhenRequired, true, Value::Null, "has no `pushed_"),
        ] {
            let error = pushed(usage, required, endpoint).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn everything_is_pushed_once_and_with_client_authentication() {
        for (auth, header, secret) in [
            (basic(), true, None),
            (
                ClientAuth::ClientSecretPost("hunter2".into()),
                false,
                Some("hunter2"),
            ),
            (ClientAuth::None, false, None),
        ] {
            let registration = registration(Usage::Always, auth);
            let authorization = authorization(&registration);
            let metadata = with_par();
            let endpoint = endpoint(&registration, &metadata).unwrap().unwrap();
            let fresh = Freshness::example(1_000, 7);
            let pushed = request(&registration, &metadata, endpoint, &fresh, &authorization);
            let pushed = pushed.unwrap();
            assert_eq!(pushed.method(), "POST");
            assert_eq!(pushed.uri(), "https://op.example/par?tenant=7");
            assert_eq!(pushed.headers().contains_key(header::AUTHORIZATION), header);
            let own = authorization.parameters();
            let own = own.map(|(name, value)| (name.into_owned(), value.into_owned()));
            let secret = secret.map(|secret| ("client_secret".to_owned(), secret.to_owned()));
            let mut expected: Vec<_> = own.chain(secret).collect();
            expected.sort();
            assert_eq!(form(&pushed), expected);
            let names: Vec<_> = expected.iter().map(|(name, _)| name).collect();
            assert_eq!(names.iter().filter(|name| **name == "client_id").count(), 1);
        }
    }

    fn answer(status: u16, body: &str) -> Result<Url, PushedRequestError> {
        let registration = registration(Usage::Always, basic());
        let authorization = authorization(&registration);
        let answer = Response::builder()
            .status(status)
            .body(body.as_bytes().to_vec());
        response(&registration, authorization, &answer.unwrap())
    }

    const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c";

    #[test]
    fn the_browser_carries_the_client_id_and_the_reference_only() {
        let body = json!({ "request_uri": REFERENCE, "expires_in": 60, "more": {} });
        let url = answer(201, &body.to_string()).unwrap();
        let reference = REFERENCE.replace(':', "%3A");
        let expected = format!(
            "https://op.example/authorize?tenant=7&client_id=my-app&request_uri={reference}"
        );
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn any_other_answer_is_refused() {
        let good = json!({ "request_uri": REFERENCE, "expires_in": 60 }).to_string();
        for status in [200, 202, 204, 302, 400, 500] {
            let refused = answer(status, &good);
            assert!(matches!(refused, Err(PushedRequestError::Status(found)) if found == status));
        }
        let long = format!("urn:{}", "x".repeat(LONGEST_REFERENCE));
        for (member, body) in [
            ("request_uri", json!({ "expires_in": 60 })),
            (
                "request_uri",
                json!({ "request_uri": "", "expires_in": 60 }),
            ),
            (
                "request_uri",
                json!({ "request_uri": "no URI", "expires_in": 60 }),
            ),
            (
                "request_uri",
                json!({ "request_uri": long, "expires_in": 60 }),
            ),
            (
                "request_uri",
                json!({ "request_uri": [REFERENCE], "expires_in": 60 }),
            ),
            ("expires_in", json!({ "request_uri": REFERENCE })),
            (
                "expires_in",
                json!({ "request_uri": REFERENCE, "expires_in": 0 }),
            ),
            (
                "expires_in",
                json!({ "request_uri": REFERENCE, "expires_in": -1 }),
            ),
        ] {
            let refused = answer(201, &body.to_string());
            assert!(
                matches!(refused, Err(PushedRequestError::Member(found)) if found == member),
                "{body}"
            );
        }
        for body in ["", "[]", "{", r#"{"expires_in":1,"expires_in":2}"#] {
            assert!(
                matches!(answer(201, body), Err(PushedRequestError::Json(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn errors_are_shortened_and_stripped() {
        let body = json!({ "error": "invalid_request\r\n", "error_description": "d".repeat(999) });
        match answer(400, &body.to_string()) {
            Err(PushedRequestError::Refused { error, description }) => {
                assert_eq!(
                    (error.as_str(), description.len()),
                    ("invalid_request..", 256)
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
