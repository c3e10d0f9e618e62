//! The userinfo endpoint ([OpenID Connect Core §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)),
//! protected by bearer tokens ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::Client;
use crate::jws::{JsonObject, compact};
use crate::keys::SigningAlg;
use crate::parameters::Parameters;
use crate::provider::Provider;

/// Why userinfo is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserinfoError {
    NoToken,
    TwoTokens,
    InvalidToken,
    InsufficientScope,
}

/// `GET|POST /userinfo`
pub(crate) async fn userinfo(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Result<Response, UserinfoError> {
    let token = bearer_token(request).await?;
    let (mut claims, client) = provider.userinfo(&token)?;
    provider.mischief.alter_userinfo(&mut claims);
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    match client.and_then(|client| client.userinfo_signed_response_alg) {
        None => Ok((no_store, Json(claims)).into_response()),
        Some(alg) => {
            let jwt = [(header::CONTENT_TYPE, "application/jwt")];
            Ok((no_store, jwt, provider.signed(&claims, alg)).into_response())
        }
    }
}

impl Provider {
    /// The claims that a token gets, and the client it was issued to.
    fn userinfo(&self, token: &str) -> Result<(Value, Option<Arc<Client>>), UserinfoError> {
        let ledger = self.ledger();
        let (access, grant) = ledger
            .access_token(token, self.now())
            .ok_or(UserinfoError::InvalidToken)?;
        if !access.scope.contains("openid") {
            return Err(UserinfoError::InsufficientScope);
        }
        let mut claims = grant.person.claims(&access.scope);
        claims.insert("sub".to_owned(), json!(grant.person.sub));
        let client = self.client(&grant.client_id);
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
async fn bearer_token(request: Request) -> Result<String, UserinfoError> {
    let from_header = in_header(request.headers());
    let from_form = if request.method() == Method::POST {
        Parameters::read(request)
            .await
            .unwrap_or_default()
            .get("access_token")
            .map(str::to_owned)
    } else {
        None
    };
    match (from_header, from_form) {
        (Some(_), Some(_)) => Err(UserinfoError::TwoTokens),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(UserinfoError::NoToken),
    }
}

fn in_header(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

impl IntoResponse for UserinfoError {
    fn into_response(self) -> Response {
        let (status, challenge) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer"),
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
        };
        (status, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    }
}
