//! The authorization endpoint ([OpenID Connect Core
//! §3.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint)): answers from a session if it may, else
//! asks who is signing in.

use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::authorization_request::{AuthorizationError, AuthorizationRequest, Prompt, Refusal};
use crate::grants::Grant;
use crate::pages::{picker, refused};
use crate::parameters::Parameters;
use crate::person::Person;
use crate::provider::Provider;
use crate::pushed_requests;
use crate::request_object::unpack;
use crate::session::OpSession;
use crate::settings::Requests;
use crate::token::id_token_hint;
use crate::world::random_token;

/// `GET|POST /authorize`
pub(crate) async fn authorize(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let parameters = match Parameters::read(request).await {
        Ok(parameters) => parameters,
        Err(error) => return refused(&error.to_string()),
    };
    let parameters = match provider.carried_or_pushed(parameters) {
        Ok(parameters) => parameters,
        Err(reason) => return refused(reason),
    };
    match AuthorizationRequest::parse(|id| provider.client(id), &parameters) {
        Ok(request) => provider.authorize(&headers, request),
        Err(Refusal::Page(reason)) => refused(&reason),
        Err(Refusal::Redirect(to, error)) => provider.respond_with_error(&to, error),
    }
}

impl Provider {
    /// The parameters of a request: its own, or those that it refers to.
    fn carried_or_pushed(&self, parameters: Parameters) -> Result<Parameters, &'static str> {
        let reference = parameters.get("request_uri");
        // Any other one is of a kind that is not supported.
        let Some(reference) = reference.filter(|uri| uri.starts_with(pushed_requests::PREFIX))
        else {
            return match self.settings.requests {
                Requests::Pushed => Err("Authorization requests must be pushed first."),
                Requests::Signed if parameters.get("request").is_none() => {
                    Err("Authorization requests must be signed.")
                }
                _ => self.unpacked(parameters),
            };
        };
        if parameters
            .names()
            .any(|name| name != "client_id" && name != "request_uri")
        {
            return Err("Beside client_id and request_uri, nothing belongs into the request.");
        }
        let client_id = parameters.get("client_id").unwrap_or_default();
        let pushed = self.pushed_requests.take(reference, client_id, self.now());
        pushed.ok_or("The request_uri is unknown, expired or used, or of another client.")
    }

    /// The parameters of a request, out of its request object if it has one.
    fn unpacked(&self, parameters: Parameters) -> Result<Parameters, &'static str> {
        match parameters.get("client_id").and_then(|id| self.client(id)) {
            Some(client) => unpack(&client, &self.issuer, self.now(), parameters),
            None => Ok(parameters),
        }
    }

    fn authorize(&self, headers: &HeaderMap, request: AuthorizationRequest) -> Response {
        let picked = self
            .auto_sign_in
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let session = self
            .session(headers)
            .filter(|(_, session)| self.satisfies(session, &request));
        match (session, request.prompt) {
            (None, Prompt::None) => {
                self.respond_with_error(&request.return_address, AuthorizationError::LoginRequired)
            }
            (Some((cookie, session)), Prompt::None | Prompt::AsNeeded)
                if session.has_consented(&request.client.client_id, &request.scope)
                    && (request.prompt == Prompt::None
                        || picked
                            .as_ref()
                            .is_none_or(|picked| picked.sub == session.person.sub)) =>
            {
                self.let_in(&cookie, &session, &request)
            }
            (Some(_), Prompt::None) => self
                .respond_with_error(&request.return_address, AuthorizationError::ConsentRequired),
            _ => match picked {
                Some(person) => self.sign_in(headers, person, &request),
                None => {
                    let transaction = self.transactions.open(request.clone(), self.now());
                    picker(self, &transaction, &request, None)
                }
            },
        }
    }

    /// Whether a session satisfies a request: recent enough, with an accepted `acr`, and of the person that is meant.
    fn satisfies(&self, session: &OpSession, request: &AuthorizationRequest) -> bool {
        let age = self.now().saturating_sub(session.auth_time);
        let fresh = request
            .max_age
            .is_none_or(|max_age| max_age > 0 && age <= max_age);
        let strong = request.acr_values.is_empty() || request.acr_values.contains(&session.acr);
        let meant = request.id_token_hint.as_ref().is_none_or(|hint| {
            id_token_hint(self, hint).is_some_and(|hint| hint.sub == session.person.sub)
        });
        fresh && strong && meant
    }

    /// Signs somebody in in this browser and issues a code to the client.
    pub(super) fn sign_in(
        &self,
        headers: &HeaderMap,
        person: Arc<Person>,
        request: &AuthorizationRequest,
    ) -> Response {
        let previous = self.session(headers).map(|(cookie, _)| cookie);
        let (cookie, session) =
            self.sessions
                .sign_in(previous.as_deref(), person, self.now(), request.acr());
        let mut response = self.let_in(&cookie, &session, request);
        let set_cookie = format!(
            "{}={cookie}; Path=/; HttpOnly; SameSite=Lax",
            self.session_cookie
        );
        if let Ok(set_cookie) = HeaderValue::try_from(set_cookie) {
            response
                .headers_mut()
                .append(header::SET_COOKIE, set_cookie);
        }
        response
    }

    /// Issues a code to the client for the person of a session.
    fn let_in(
        &self,
        cookie: &str,
        session: &OpSession,
        request: &AuthorizationRequest,
    ) -> Response {
        self.sessions
            .consent(cookie, &request.client.client_id, &request.scope);
        let grant = Grant {
            id: random_token(),
            client_id: request.client.client_id.clone(),
            person: Arc::clone(&session.person),
            scope: request.scope.clone(),
            audience: request.audience.clone(),
            sid: session.sid.clone(),
            auth_time: session.auth_time,
            acr: session.acr.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
            authorization_details: request.authorization_details.clone(),
        };
        let code = self.ledger().issue_code(
            grant,
            request.return_address.redirect_uri.clone(),
            request.code_challenge.clone(),
            request.nonce.clone(),
            self.now(),
        );
        self.respond_with_code(&request.return_address, code)
    }
}
