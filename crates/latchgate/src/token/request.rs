//! The token request: [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3),
//! [RFC 7636 §4.5](https://www.rfc-editor.org/rfc/rfc7636#section-4.5),
//! [RFC 8707 §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2).
//!
//! `oauth2` builds the request, with a client secret if there is one, and passes it to an HTTP client; ours
//! records it instead of sending it. So this is a pure function, and the caller sends the request.

use std::cell::RefCell;

use http::{Request, Response};
use oauth2::{AuthorizationCode, SyncHttpClient};

use super::response::TokenError;
use crate::authorization::VerifiedCode;
use crate::client::{Freshness, Registration};
use crate::provider::Metadata;

/// Builds the request that uses a verified code. The code is borrowed, because a request without the nonce that the
/// provider requires does not use it, and is built once more.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    code: &VerifiedCode,
) -> Result<Request<Vec<u8>>, TokenError> {
    let assertion = registration.assertion(metadata, fresh);
    let assertion = assertion.map_err(|_| TokenError::Unbuildable)?;
    let client = registration.oauth_client(metadata);
    let mut exchange = client
        .exchange_code(AuthorizationCode::new(code.code.clone()))
        .map_err(|_| TokenError::Unbuildable)?
        .set_pkce_verifier(code.verifier.clone().reveal());
    for resource in &registration.resources {
        exchange = exchange.add_extra_param("resource", resource);
    }
    for (name, value) in assertion {
        exchange = exchange.add_extra_param(name, value);
    }
    let recorder = Recorder::default();
    let _ = exchange.request(&recorder);
    recorder.into_request()
}

/// An HTTP client for `oauth2` that records the request instead of sending it.
#[derive(Debug, Default)]
pub(super) struct Recorder(RefCell<Option<Request<Vec<u8>>>>);

impl Recorder {
    /// The recorded request.
    pub(super) fn into_request(self) -> Result<Request<Vec<u8>>, TokenError> {
        self.0.into_inner().ok_or(TokenError::Unbuildable)
    }
}

impl SyncHttpClient for Recorder {
    type Error = Recorded;

    fn call(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Recorded> {
        self.0.replace(Some(request));
        Err(Recorded)
    }
}

/// Why `oauth2` gets no answer: its request was recorded.
#[derive(Debug, thiserror::Error)]
#[error("the request was recorded, not sent")]
pub(super) struct Recorded;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::authorization::{Parameters, PendingLogin, response};
    use crate::client::{ClientAuth, ClientKey};
    use crate::jose::Jws;
    use crate::token::refresh_request;
    use base64_simd::STANDARD as BASE64;
    use http::{Method, header};
    use serde_json::json;

    /// The 43 characters of the verifier of [`PendingLogin::example`].
    const VERIFIER: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";

    fn code() -> VerifiedCode {
        let pending = PendingLogin::example(0);
        let query = format!("code=a%2Bb%26c&state={}", pending.state.text());
        let parameters = Parameters::parse(query.as_bytes()).unwrap();
        let metadata = Metadata::example(json!({}));
        response(parameters, pending, &Registration::example(), &metadata)
            .unwrap()
            .0
    }

    fn spend_code(registration: &Registration) -> Request<Vec<u8>> {
        let metadata = Metadata::example(json!({}));
        request(registration, &metadata, &Freshness::example(1, 1), &code()).unwrap()
    }

    fn spend_refresh_token(registration: &Registration) -> Request<Vec<u8>> {
        let metadata = Metadata::example(json!({}));
        refresh_request(registration, &metadata, &Freshness::example(1, 2), "r+t&1").unwrap()
    }

    fn form(request: &Request<Vec<u8>>) -> Vec<(String, String)> {
        let pairs = url::form_urlencoded::parse(request.body());
        let mut pairs: Vec<_> = pairs.into_owned().collect();
        pairs.sort();
        pairs
    }

    fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs: BTreeMap<_, _> = pairs.iter().copied().collect();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        pairs.into_iter().map(owned).collect()
    }

    fn registration(auth: ClientAuth) -> Registration {
        Registration {
            auth,
            ..Registration::example()
        }
    }

    fn basic(request: &Request<Vec<u8>>) -> Option<String> {
        let field = request.headers().get(header::AUTHORIZATION)?;
        let encoded = field.to_str().unwrap().strip_prefix("Basic ").unwrap();
        Some(String::from_utf8(BASE64.decode_to_vec(encoded).unwrap()).unwrap())
    }

    #[test]
    fn the_code_is_spent_with_its_redirect_uri_and_verifier() {
        let request = spend_code(&Registration::example());
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "https://op.example/token")
        );
        let kind = request.headers().get(header::CONTENT_TYPE).unwrap();
        assert_eq!(kind, "application/x-www-form-urlencoded");
        assert_eq!(
            request.headers().get(header::ACCEPT).unwrap(),
            "application/json"
        );
        let wanted = expected(&[
            ("grant_type", "authorization_code"),
            ("code", "a+b&c"),
            ("redirect_uri", "https://app.example/callback"),
            ("code_verifier", VERIFIER),
        ]);
        assert_eq!(form(&request), wanted);
    }

    #[test]
    fn a_refresh_token_is_spent_without_widening_the_scope() {
        let request = spend_refresh_token(&Registration::example());
        assert_eq!(request.uri(), "https://op.example/token");
        let wanted = expected(&[("grant_type", "refresh_token"), ("refresh_token", "r+t&1")]);
        assert_eq!(form(&request), wanted);
        assert!(basic(&request).is_some());
    }

    /// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    #[test]
    fn basic_encodes_both_halves() {
        let odd = Registration {
            client_id: "my app:1".to_owned(),
            ..registration(ClientAuth::ClientSecretBasic("p%+: /ü~".into()))
        };
        for request in [spend_code(&odd), spend_refresh_token(&odd)] {
            assert_eq!(
                basic(&request).unwrap(),
                "my+app%3A1:p%25%2B%3A+%2F%C3%BC%7E"
            );
            let names: Vec<_> = form(&request).into_iter().map(|(name, _)| name).collect();
            assert!(!names.contains(&"client_secret".to_owned()));
        }
    }

    #[test]
    fn post_sends_the_secret_in_the_body_and_nowhere_else() {
        let post = registration(ClientAuth::ClientSecretPost("p%+: /ü~".into()));
        for request in [spend_code(&post), spend_refresh_token(&post)] {
            assert_eq!(basic(&request), None);
            let form = form(&request);
            assert!(form.contains(&("client_id".to_owned(), "my-app".to_owned())));
            assert!(form.contains(&("client_secret".to_owned(), "p%+: /ü~".to_owned())));
            assert_eq!(request.uri().query(), None);
        }
    }

    #[test]
    fn a_public_client_names_itself() {
        let public = registration(ClientAuth::None);
        for request in [spend_code(&public), spend_refresh_token(&public)] {
            assert_eq!(basic(&request), None);
            let form = form(&request);
            assert!(form.contains(&("client_id".to_owned(), "my-app".to_owned())));
            assert!(form.iter().all(|(name, _)| name != "client_secret"));
        }
    }

    #[test]
    fn an_assertion_is_the_only_proof_and_no_two_are_alike() {
        let pem = include_str!("../jose/private_key/tests/p256.pkcs8.pem");
        for auth in [
            ClientAuth::PrivateKeyJwt(ClientKey::from_pem(pem).unwrap()),
            ClientAuth::ClientSecretJwt("a secret of 32 bytes, at the least".into()),
        ] {
            let registration = registration(auth);
            let [one, other] = [
                spend_code(&registration),
                spend_refresh_token(&registration),
            ]
            .map(|request| {
                assert_eq!(basic(&request), None);
                let form: BTreeMap<_, _> = form(&request).into_iter().collect();
                assert_eq!(form["client_id"], "my-app");
                assert!(!form.contains_key("client_secret"));
                assert!(form["client_assertion_type"].ends_with(":jwt-bearer"));
                Jws::parse(&form["client_assertion"])
                    .unwrap()
                    .claims()
                    .unwrap()
            });
            assert_ne!(one["jti"], other["jti"]);
        }
    }

    #[test]
    fn every_resource_is_named_again() {
        let resources = Registration {
            resources: vec!["https://a.example".to_owned(), "urn:b".to_owned()],
            ..Registration::example()
        };
        for request in [spend_code(&resources), spend_refresh_token(&resources)] {
            let named: Vec<_> = form(&request)
                .into_iter()
                .filter_map(|(name, value)| (name == "resource").then_some(value))
                .collect();
            assert_eq!(named, ["https://a.example", "urn:b"]);
        }
    }

    #[test]
    fn the_recorder_keeps_what_it_is_asked_to_send() {
        assert!(matches!(
            Recorder::default().into_request(),
            Err(TokenError::Unbuildable)
        ));
        let refused = Recorder::default()
            .call(Request::new(Vec::new()))
            .unwrap_err();
        assert_eq!(refused.to_string(), "the request was recorded, not sent");
    }
}
