//! The OpenID Provider itself: what it knows, and its routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};

use crate::authorization::{Transactions, authorize, decide};
use crate::builder::Settings;
use crate::client::Client;
use crate::discovery::{jwks, metadata};
use crate::end_session::end_session;
use crate::introspection::introspect;
use crate::journal::{Endpoint, Journal, RecordedRequest};
use crate::keys::Keyring;
use crate::loopback::is_addressed_to_loopback;
use crate::mischief::{Instead, Mischief};
use crate::pages::welcome;
use crate::parameters::BODY_LIMIT;
use crate::person::Person;
use crate::revocation::revoke;
use crate::session::{OpSession, OpSessions};
use crate::token::{Ledger, token};
use crate::userinfo::userinfo;
use crate::world::{Clock, pass};

/// Everything the endpoints share.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) session_cookie: String,
    pub(crate) people: Vec<Arc<Person>>,
    pub(crate) clients: RwLock<Vec<Arc<Client>>>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) keys: Keyring,
    pub(crate) sessions: OpSessions,
    pub(crate) transactions: Transactions,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) journal: Journal,
    pub(crate) mischief: Mischief,
    pub(crate) auto_sign_in: RwLock<Option<Arc<Person>>>,
}

impl Provider {
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn client(&self, client_id: &str) -> Option<Arc<Client>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients
            .iter()
            .find(|client| client.client_id == client_id)
            .cloned()
    }

    /// The person of this subject identifier, or a new one of this name.
    pub(crate) fn person_or_free_form(&self, name: &str) -> Arc<Person> {
        let typed = Person::free_form(name);
        self.people
            .iter()
            .find(|person| person.sub == name || person.sub == typed.sub)
            .cloned()
            .unwrap_or_else(|| Arc::new(typed))
    }

    /// The value of the browser's session cookie and the session it stands for, if there is one.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<(String, OpSession)> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.session_cookie)
            .find_map(|(_, value)| Some((value.to_owned(), self.sessions.get(value)?)))
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(welcome))
            .route(Endpoint::Discovery.path(), get(metadata))
            .route(Endpoint::Jwks.path(), get(jwks))
            .route(Endpoint::Authorize.path(), get(authorize).post(authorize))
            .route("/authorize/decide", post(decide))
            .route(Endpoint::Token.path(), post(token))
            .route(Endpoint::Userinfo.path(), get(userinfo).post(userinfo))
            .route(
                Endpoint::EndSession.path(),
                get(end_session).post(end_session),
            )
            .route(Endpoint::Introspection.path(), post(introspect))
            .route(Endpoint::Revocation.path(), post(revoke))
            .layer(from_fn_with_state(Arc::clone(self), observe))
            .with_state(Arc::clone(self))
    }
}

/// Records every request, and lets mischief step in before the endpoint.
async fn observe(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    if !is_addressed_to_loopback(request.headers()) {
        let reason = "the development provider answers only to localhost, 127.0.0.1 and [::1]";
        return (StatusCode::MISDIRECTED_REQUEST, reason).into_response();
    }
    let Some(endpoint) = Endpoint::at(request.uri().path()) else {
        return next.run(request).await;
    };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path_and_query = head
        .uri
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    provider.journal.record(
        endpoint,
        RecordedRequest {
            method: head.method.clone(),
            path_and_query: path_and_query.to_owned(),
            headers: head.headers.clone(),
            body: body.clone(),
        },
    );
    let mut withheld = None;
    match provider.mischief.instead(endpoint) {
        Instead::Honest => {}
        Instead::HonestAfter(delay) => pass(delay).await,
        Instead::HonestOnceCleared(mut cleared) => {
            // The sender lives as long as the provider, which this request holds on to.
            let _ = cleared.changed().await;
        }
        Instead::WithheldUntilCleared(cleared) => withheld = Some(cleared),
        Instead::Respond(response) => return response,
    }
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    if let Some(mut cleared) = withheld {
        let _ = cleared.changed().await;
    }
    answer
}
