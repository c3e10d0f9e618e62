//! The userinfo endpoint ([OpenID Connect Core §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)),
//! protected by bearer tokens ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)) and by tokens that are bound to
//! a key ([RFC 9449 §7](https://www.rfc-editor.org/rfc/rfc9449#section-7)).

mod plain;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::{Client, Protocol};
use crate::confirmation::Confirmation;
use crate::dpop::{ProofError, ProvedRequest, Server};
use crate::journal::Endpoint;
use crate::jws::{JsonObject, compact};
use crate::keys::SigningAlg;
use crate::parameters::Parameters;
use crate::provider::Provider;

pub(crate) use self::plain::emails;
use self::plain::plain_profile;

/// Why userinfo is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserinfoError {
    NoToken,
    TwoTokens,
    InvalidToken,
    InsufficientScope,
    InvalidProof,
    NonceWanted,
}

/// How an access token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

/// `GET|POST /userinfo`
pub(crate) async fn userinfo(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let answer = provider.claims_for(&method, &headers, request).await;
    let mut response = answer.unwrap_or_else(|error| {
        let (status, challenge) = error.status_and_challenge();
        let challenge = provider.mischief.altered_challenge(challenge);
        (status, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    });
    provider.add_nonce(&headers, Server::Resource, response.headers_mut());
    response
}

impl Provider {
    async fn claims_for(
        &self,
        method: &Method,
        headers: &HeaderMap,
        request: Request,
    ) -> Result<Response, UserinfoError> {
        let (scheme, token) = access_token(request).await?;
        let presented = Confirmation {
            jkt: self.key_of_sender(scheme, method, headers, &token)?,
            certificate: self.certificate_of(headers),
        };
        let (mut claims, client) = self.userinfo(&token, &presented)?;
        let plain = client.as_ref().map(|client| client.protocol) == Some(Protocol::PlainOAuth2);
        if plain && !headers.contains_key(header::USER_AGENT) {
            return Ok(StatusCode::FORBIDDEN.into_response());
        }
        self.mischief.alter_userinfo(&mut claims);
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        let signs = client.and_then(|client| Some((client.userinfo_signed_response_alg?, client)));
        match signs {
            None => Ok((no_store, Json(claims)).into_response()),
            Some((alg, client)) => {
                let jwt = [(header::CONTENT_TYPE, "application/jwt")];
                let token = client.sealed(self.signed(&claims, alg), client.userinfo_encryption);
                Ok((no_store, jwt, token).into_response())
            }
        }
    }

    /// The thumbprint of the key that a request with a token proves to have.
    fn key_of_sender(
        &self,
        scheme: Scheme,
        method: &Method,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<Option<String>, UserinfoError> {
        if scheme == Scheme::Bearer {
            return Ok(None);
        }
        let request = ProvedRequest {
            server: Server::Resource,
            method: method.as_str(),
            url: self.url_of(Endpoint::Userinfo, headers),
            access_token: Some(token),
            now: self.now(),
        };
        match self
            .proofs
            .verify(self.settings.dpop_nonces, headers, &request)
        {
            Ok(Some(jkt)) => Ok(Some(jkt)),
            Ok(None) | Err(ProofError::Invalid(_)) => Err(UserinfoError::InvalidProof),
            Err(ProofError::NonceWanted) => Err(UserinfoError::NonceWanted),
        }
    }

    /// The claims that a token gets, and the client it was issued to.
    fn userinfo(
        &self,
        token: &str,
        presented: &Confirmation,
    ) -> Result<(Value, Option<Arc<Client>>), UserinfoError> {
        let ledger = self.ledger();
        let (access, grant) = ledger
            .access_token(token, self.now())
            .filter(|(access, _)| access.confirmation.is_met_by(presented))
            .ok_or(UserinfoError::InvalidToken)?;
        let client = self.client(&grant.client_id);
        let plain = client
            .as_ref()
            .filter(|client| client.protocol == Protocol::PlainOAuth2);
        if let Some(plain) = plain {
            return Ok((plain_profile(&grant.person), Some(Arc::clone(plain))));
        }
        if !access.scope.contains("openid") {
            return Err(UserinfoError::InsufficientScope);
        }
        let mut claims = grant.person.claims(&access.scope);
        claims.insert("sub".to_owned(), json!(grant.person.sub));
        if let Some(client) = &client
            && client.userinfo_signed_response_alg.is_some()
        {
            claims.insert("iss".to_owned(), json!(self.issuer));
            claims.insert("aud".to_owned(), json!(client.client_id));
        }
        Ok((Value::Object(claims), client))
    }

    /// Claims as a JWT.
    fn signed(&self, claims: &Value, alg: SigningAlg) -> String {
        let keys = self.keys.current();
        let key = keys.key(alg);
        let mut header = JsonObject::new();
        header.insert("alg".to_owned(), json!(key.alg().as_str()));
        header.insert("kid".to_owned(), json!(key.kid));
        let claims = claims.as_object().cloned().unwrap_or_default();
        compact(&header, &claims, |input| key.sign(input))
    }
}

/// The token of the `Authorization` header, or of the form of a POST, never of the query.
async fn access_token(request: Request) -> Result<(Scheme, String), UserinfoError> {
    let from_header = in_header(request.headers());
    let from_form = if request.method() == Method::POST {
        Parameters::read(request)
            .await
            .unwrap_or_default()
            .get("access_token")
            .map(|token| (Scheme::Bearer, token.to_owned()))
    } else {
        None
    };
    match (from_header, from_form) {
        (Some(_), Some(_)) => Err(UserinfoError::TwoTokens),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(UserinfoError::NoToken),
    }
}

fn in_header(headers: &HeaderMap) -> Option<(Scheme, String)> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    let known = [("bearer", Scheme::Bearer), ("dpop", Scheme::Dpop)];
    let known = known
        .into_iter()
        .find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    Some((known.1, token.trim().to_owned()))
}

impl UserinfoError {
    fn status_and_challenge(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer, DPoP algs=\"ES256\""),
            Self::TwoTokens => (
                StatusCode::BAD_REQUEST,
                "Bearer error=\"invalid_request\", error_description=\"two tokens were sent\"",
            ),
            Self::InvalidToken => (
                StatusCode::UNAUTHORIZED,
                "Bearer error=\"invalid_token\", error_description=\"the token is unknown, expired or revoked\"",
            ),
            Self::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "Bearer error=\"insufficient_scope\", scope=\"openid\"",
            ),
            Self::InvalidProof => (
                StatusCode::UNAUTHORIZED,
                "DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"",
            ),
            Self::NonceWanted => (
                StatusCode::UNAUTHORIZED,
                "DPoP error=\"use_dpop_nonce\", algs=\"ES256\"",
            ),
        }
    }
}
