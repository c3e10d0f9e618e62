//! A call to an API with an access token: as a bearer token ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)),
//! or with a proof of possession ([RFC 9449 §7](https://www.rfc-editor.org/rfc/rfc9449#section-7)).

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use url::Url;

use super::access_token::AccessToken;
use crate::token::{
    DPOP, DpopError, NonceServer, nonce_of, resource_rejects_token, resource_wants_nonce,
};

/// One call to an API, and its repetition if the API requires a nonce. Made by [`AccessToken::call`].
///
/// ```
/// # use latchgate::{AccessToken, DpopError};
/// # async fn send(_: http::Request<()>) -> http::Response<()> { http::Response::new(()) }
/// async fn orders(token: AccessToken) -> Result<http::Response<()>, DpopError> {
///     let mut call = token.call();
///     loop {
///         let mut request = http::Request::new(());
///         *request.uri_mut() = http::Uri::from_static("https://api.example.com/orders");
///         call.authorize(&mut request)?;
///         let response = send(request).await;
///         // At most once, and never for a bearer token.
///         if !call.wants_repeat(response.status(), response.headers()) {
///             return Ok(response);
///         }
///     }
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct ApiCall {
    token: AccessToken,
    /// The server that was called, and the nonce that the request had.
    sent: Option<(NonceServer, Option<String>)>,
    /// The nonce that the repetition has to have, and whose it is.
    wanted: Option<(NonceServer, String)>,
    repeated: bool,
}

impl AccessToken {
    /// Starts a call to an API: [`ApiCall::authorize`] puts the token into the request, as a bearer token, or with a proof
    /// if it is bound to a key. A token that is bound to a certificate is sent like a bearer token, by an HTTP client that
    /// presents the certificate: see [`certificate`](Self::certificate).
    pub fn call(&self) -> ApiCall {
        ApiCall {
            token: self.clone(),
            sent: None,
            wanted: None,
            repeated: false,
        }
    }

    /// A proof of possession for one request with this token, as the value of its `DPoP` header; `None` for a bearer
    /// token, which needs none. [`call`](Self::call) does this and more.
    ///
    /// `url` is the absolute URL of the request, and `nonce` the one that the API sent last, in a `DPoP-Nonce`
    /// header.
    ///
    /// # Errors
    ///
    /// [`DpopError::Url`] if the URL is not absolute.
    pub fn dpop_proof(
        &self,
        method: &str,
        url: &str,
        nonce: Option<&str>,
    ) -> Result<Option<String>, DpopError> {
        let Some(prover) = self.prover() else {
            return Ok(None);
        };
        let url = absolute(url)?;
        prover
            .prove(method, &url, Some(self.secret()), nonce)
            .map(Some)
    }
}

impl ApiCall {
    /// Puts the access token into the request: `Authorization: Bearer`, or `Authorization: DPoP` and the proof for the
    /// method and URL that the request has now.
    ///
    /// # Errors
    ///
    /// [`DpopError::Url`] if the token is bound to a key and the request's URL is not absolute.
    pub fn authorize<B>(&mut self, request: &mut Request<B>) -> Result<(), DpopError> {
        let method = request.method().as_str().to_owned();
        let url = request.uri().to_string();
        for (name, value) in self.headers(&method, &url)? {
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    /// The headers that [`authorize`](Self::authorize) sets, for HTTP clients with a request type of their own.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub fn headers(
        &mut self,
        method: &str,
        url: &str,
    ) -> Result<Vec<(header::HeaderName, HeaderValue)>, DpopError> {
        let secret = |text: String| {
            let mut value = HeaderValue::try_from(text).map_err(|_| DpopError::Header)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let authorization = format!("{} {}", self.token.token_type(), self.token.secret());
        let mut headers = vec![(header::AUTHORIZATION, secret(authorization)?)];
        if let Some(prover) = self.token.prover() {
            let url = absolute(url)?;
            let server = NonceServer::resource(&url);
            let wanted = self.wanted.take().map(|(_, nonce)| nonce);
            let nonce = wanted.or_else(|| prover.nonces.take(&server));
            let token = Some(self.token.secret());
            let proof = prover.prove(method, &url, token, nonce.as_deref())?;
            headers.push((DPOP, secret(proof)?));
            self.sent = Some((server, nonce));
        }
        Ok(headers)
    }

    /// Reads the status and the headers of the response, and remembers its nonce for the next call to that server. `true`
    /// if the request was refused only because it had no valid nonce: then authorize it again, and send it again. `true` at
    /// most once per call.
    pub fn wants_repeat(&mut self, status: StatusCode, headers: &HeaderMap) -> bool {
        let (Some(prover), Some((server, sent))) = (self.token.prover(), self.sent.take()) else {
            return false;
        };
        let fresh = nonce_of(headers);
        match (fresh, sent) {
            (Some(fresh), _) if resource_wants_nonce(status, headers) && !self.repeated => {
                self.wanted = Some((server, fresh));
                self.repeated = true;
                return true;
            }
            (Some(nonce), _) | (None, Some(nonce)) => prover.nonces.put(&server, nonce),
            (None, None) => {}
        }
        false
    }

    /// Whether a response says that the access token itself is no longer valid: a `401` with the error `invalid_token`
    /// ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)). Then a new call with another token may help.
    #[must_use]
    pub fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
        resource_rejects_token(status, headers)
    }
}

impl Drop for ApiCall {
    /// A nonce that was not used for a repetition is kept for the next call: not every request can be sent again.
    fn drop(&mut self) {
        if let (Some(prover), Some((server, nonce))) = (self.token.prover(), self.wanted.take()) {
            prover.nonces.put(&server, nonce);
        }
    }
}

fn absolute(url: &str) -> Result<Url, DpopError> {
    let url = Url::parse(url).map_err(|_| DpopError::Url)?;
    match url.scheme() {
        "https" | "http" => Ok(url),
        _ => Err(DpopError::Url),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::io::scripted::{CountingRandom, StoppedClock};
    use crate::jose::{Jws, ProofKey};
    use crate::token::Prover;
    use serde_json::Value;

    const URL: &str = "https://api.example/orders?page=2";

    fn bound() -> AccessToken {
        let prover = Prover {
            key: ProofKey::of([7; 32]).unwrap(),
            nonces: Arc::default(),
            clock: Arc::new(StoppedClock(1_000)),
            random: Arc::new(CountingRandom::default()),
        };
        AccessToken::new("a token".to_owned(), None, String::new()).proven_by(Some(prover))
    }

    fn request() -> Request<()> {
        Request::get(URL).body(()).unwrap()
    }

    /// The scheme and the claims of the proof.
    fn sent(call: &mut ApiCall) -> (String, Option<Value>) {
        let mut request = request();
        call.authorize(&mut request).unwrap();
        let text = |name| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        let scheme = text(header::AUTHORIZATION)
            .unwrap()
            .strip_suffix(" a token");
        let claims =
            text(DPOP).map(|proof| Value::Object(Jws::parse(proof).unwrap().claims().unwrap()));
        (scheme.unwrap().to_owned(), claims)
    }

    fn nonce(call: &mut ApiCall) -> Option<String> {
        let (_, claims) = sent(call);
        claims
            .unwrap()
            .get("nonce")
            .map(|nonce| nonce.as_str().unwrap().to_owned())
    }

    fn answered(call: &mut ApiCall, nonce: &'static str, status: u16) -> bool {
        let mut headers = HeaderMap::new();
        if !nonce.is_empty() {
            headers.insert("dpop-nonce", HeaderValue::from_static(nonce));
        }
        let challenge = HeaderValue::from_static("dpop error=\"use_dpop_nonce\"");
        headers.insert(header::WWW_AUTHENTICATE, challenge);
        call.wants_repeat(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn a_bearer_token_is_sent_alone_and_never_again() {
        let token = AccessToken::new("a token".to_owned(), None, String::new());
        assert_eq!(token.token_type(), "Bearer");
        let mut call = token.call();
        assert_eq!(sent(&mut call), ("Bearer".to_owned(), None));
        assert!(!answered(&mut call, "n1", 401));
        let mut relative = Request::get("/orders").body(()).unwrap();
        assert_eq!(token.call().authorize(&mut relative), Ok(()));
        assert_eq!(token.dpop_proof("GET", URL, None), Ok(None));
    }

    #[test]
    fn a_bound_token_comes_with_a_proof_for_the_request() {
        let token = bound();
        let (scheme, claims) = sent(&mut token.call());
        let claims = claims.unwrap();
        assert_eq!(scheme, "DPoP");
        assert_eq!(claims["htm"], "GET");
        assert_eq!(claims["htu"], "https://api.example/orders");
        assert_eq!(claims["iat"], 1_000);
        assert!(claims["ath"].is_string() && claims.get("nonce").is_none());
        let by_hand = token.dpop_proof("GET", URL, Some("mine")).unwrap().unwrap();
        assert_eq!(
            Jws::parse(&by_hand).unwrap().claims().unwrap()["nonce"],
            "mine"
        );
        let mut relative = Request::get("/orders").body(()).unwrap();
        assert_eq!(token.call().authorize(&mut relative), Err(DpopError::Url));
    }

    #[test]
    fn a_call_is_repeated_once_with_the_nonce_it_was_given() {
        let token = bound();
        let mut call = token.call();
        assert_eq!(nonce(&mut call), None);
        assert!(answered(&mut call, "n1", 401));
        // What another call is given in between does not matter.
        let mut other = token.call();
        sent(&mut other);
        assert!(!answered(&mut other, "n2", 200));
        assert_eq!(nonce(&mut call).as_deref(), Some("n1"));
        assert!(!answered(&mut call, "n3", 401), "it would go on for ever");
    }

    #[test]
    fn a_call_that_cannot_be_repeated_leaves_its_nonce_to_the_next() {
        let token = bound();
        let mut stream = token.call();
        sent(&mut stream);
        assert!(answered(&mut stream, "n1", 401));
        drop(stream);
        assert_eq!(nonce(&mut token.call()).as_deref(), Some("n1"));
    }

    #[test]
    fn the_next_call_has_the_newest_nonce_and_no_other_has_it_too() {
        let token = bound();
        let mut first = token.call();
        sent(&mut first);
        assert!(!answered(&mut first, "n1", 200));
        let (mut second, mut third) = (token.call(), token.call());
        assert_eq!(nonce(&mut second).as_deref(), Some("n1"));
        assert_eq!(nonce(&mut third), None);
        // It may be good for longer.
        assert!(!answered(&mut second, "", 200));
        assert_eq!(nonce(&mut token.call()).as_deref(), Some("n1"));
    }

    #[test]
    fn a_rejected_token_is_told_from_other_refusals() {
        let rejected = |challenges: &[&'static str], status| {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                let challenge = HeaderValue::from_static(challenge);
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
            ApiCall::rejects_token(StatusCode::from_u16(status).unwrap(), &headers)
        };
        let bearer = "Bearer realm=\"a, b\", error=\"invalid_token\"";
        assert!(rejected(&[bearer], 401));
        assert!(rejected(
            &["Basic realm=\"x\"", "dpop error=invalid_token"],
            401
        ));
        assert!(rejected(
            &["Basic realm=\"x\", bearer error=\"invalid_token\""],
            401
        ));
        assert!(!rejected(&[bearer], 403));
        for other in [
            "Bearer",
            "Bearer error=\"insufficient_scope\"",
            "DPoP error=\"use_dpop_nonce\"",
            "Basic error=\"invalid_token\"",
            "Bearer realm=\"error=invalid_token\"",
            "Bearer error_description=\"invalid_token\"",
        ] {
            assert!(!rejected(&[other], 401), "{other}");
        }
        assert!(!rejected(&[], 401));
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut call = bound().call();
        sent(&mut call);
        assert!(!format!("{call:?}").contains("a token"));
    }
}
