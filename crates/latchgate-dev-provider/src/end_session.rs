//! Logout at the request of a relying party ([OpenID Connect RP-Initiated Logout
//! 1.0](https://openid.net/specs/openid-connect-rpinitiated-1_0.html)).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use crate::client::Client;
use crate::pages::{confirm_sign_out, refused, signed_out, signing_out};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::token::{IdTokenHint, id_token_hint};

/// `GET|POST /end_session`
pub(crate) async fn end_session(
    State(provider): State<Arc<Provider>>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let parameters = match Parameters::read_once(request).await {
        Ok(parameters) => parameters,
        Err(error) => return refused(&error.to_string()),
    };
    match LogoutRequest::parse(&provider, &parameters) {
        Ok(logout) => provider.end_session(&headers, &parameters, logout).await,
        Err(reason) => refused(reason),
    }
}

/// A logout request that may be followed.
struct LogoutRequest {
    hint: Option<IdTokenHint>,
    return_to: Option<Url>,
}

impl LogoutRequest {
    fn parse(provider: &Provider, parameters: &Parameters) -> Result<Self, &'static str> {
        let hint = parameters
            .get("id_token_hint")
            .map(|token| {
                id_token_hint(provider, token)
                    .ok_or("The id_token_hint is not an ID token of this provider.")
            })
            .transpose()?;
        let client = Self::client(provider, parameters, hint.as_ref())?;
        let Some(uri) = parameters.get("post_logout_redirect_uri") else {
            return Ok(Self {
                hint,
                return_to: None,
            });
        };
        let client = client.ok_or(
            "A post_logout_redirect_uri needs an id_token_hint or a client_id to be checked against.",
        )?;
        let mut return_to = Url::parse(uri)
            .ok()
            .filter(|_| client.post_logout_redirect_uris.contains(uri))
            .ok_or("The post_logout_redirect_uri is not registered for the client.")?;
        if let Some(state) = parameters.get("state") {
            return_to.query_pairs_mut().append_pair("state", state);
        }
        Ok(Self {
            hint,
            return_to: Some(return_to),
        })
    }

    /// The client that asks: the one named, which must be the one the ID token was issued to.
    fn client(
        provider: &Provider,
        parameters: &Parameters,
        hint: Option<&IdTokenHint>,
    ) -> Result<Option<Arc<Client>>, &'static str> {
        match (parameters.get("client_id"), hint) {
            (Some(client_id), hint) => {
                if hint.is_some_and(|hint| !hint.is_for(client_id)) {
                    return Err("The id_token_hint was issued to another client.");
                }
                let client = provider.client(client_id);
                client.map(Some).ok_or("No such client is registered here.")
            }
            (None, Some(hint)) => Ok(hint.aud.as_str().and_then(|aud| provider.client(aud))),
            (None, None) => Ok(None),
        }
    }
}

impl Provider {
    async fn end_session(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        logout: LogoutRequest,
    ) -> Response {
        let here = self.session(headers);
        // §2: somebody who is signed in must be asked unless the ID token shows that the client means this session.
        // The confirmation is safe from other sites because the session cookie is SameSite=Lax.
        let hinted_sid = logout.hint.as_ref().and_then(|hint| hint.sid.as_deref());
        if let Some((_, session)) = &here
            && hinted_sid != Some(session.sid.as_str())
            && parameters.get("confirmation") != Some("yes")
        {
            let asked: Vec<(&str, &str)> = [
                "id_token_hint",
                "client_id",
                "post_logout_redirect_uri",
                "state",
            ]
            .into_iter()
            .filter_map(|name| Some((name, parameters.get(name)?)))
            .collect();
            return confirm_sign_out(&session.person, &asked);
        }
        let cookie = here.as_ref().map(|(cookie, _)| cookie.as_str());
        let mut frames = Vec::new();
        if let Some(ended) = self.sessions.end(cookie, hinted_sid) {
            self.announce_logout(&ended).await;
            frames = self.frontchannel_logout_frames(&ended);
        }
        let mut response = match logout.return_to {
            next if !frames.is_empty() => signing_out(&frames, next.as_ref()),
            Some(uri) => {
                let headers = [
                    (header::LOCATION, String::from(uri)),
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                ];
                (StatusCode::SEE_OTHER, headers).into_response()
            }
            None => signed_out(),
        };
        let clear = format!(
            "{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
            self.session_cookie
        );
        if let Ok(clear) = HeaderValue::try_from(clear) {
            response.headers_mut().append(header::SET_COOKIE, clear);
        }
        response
    }
}
