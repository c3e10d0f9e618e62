//! The handle a program or a test holds.

mod builder;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use http::StatusCode;
use tokio::net::TcpListener;

use crate::authorization_request::Transactions;
use crate::backchannel_logout::{BackchannelLogoutError, LogoutTarget};
use crate::client::{Client, DEFAULT_CLIENT_ID};
use crate::confirmation::Confirmation;
use crate::dpop::Proofs;
use crate::grants::{Grant, Ledger};
use crate::journal::{Endpoint, Journal, RecordedRequest};
use crate::jws::JsonObject;
use crate::keys::Keyring;
use crate::mischief::Mischief;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::pushed_requests::PushedRequests;
use crate::routes::routes;
use crate::scope::Scope;
use crate::server::Server;
use crate::session::OpSessions;
use crate::settings::IssuerEnd;
use crate::used_assertions::UsedAssertions;
use crate::world::random_token;

pub use self::builder::{DevProviderBuilder, StartError};

/// A running development provider. It stops with [`stop`](Self::stop), or when the last clone is dropped.
#[derive(Clone)]
pub struct DevProvider {
    provider: Arc<Provider>,
    server: Arc<Server>,
    default_client: Arc<Client>,
}

/// Somebody signed in at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedIn {
    /// The session's `sid`, as in ID tokens and logout tokens.
    pub sid: String,
    /// The person's subject identifier.
    pub sub: String,
}

impl DevProvider {
    /// Starts a provider on a free port of `127.0.0.1`, on the current tokio runtime.
    ///
    /// # Errors
    /// There was no port to listen on.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Prepares a provider that differs from the default.
    pub fn builder() -> DevProviderBuilder {
        DevProviderBuilder::new()
    }

    pub(crate) async fn start_from(builder: DevProviderBuilder) -> Result<Self, StartError> {
        let asked = builder.listen;
        if !asked.ip().is_loopback() {
            return Err(StartError::NotLoopback(asked));
        }
        let refused = |source| StartError::Listen {
            address: asked,
            source,
        };
        let listener = TcpListener::bind(asked).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let clients: Vec<Arc<Client>> = builder.clients.into_iter().map(Arc::new).collect();
        let default_client = clients
            .iter()
            .find(|client| client.client_id == DEFAULT_CLIENT_ID)
            .cloned()
            .unwrap_or_else(|| Arc::new(Client::development()));
        let provider = Arc::new(Provider {
            issuer: match builder.settings.issuer_end {
                IssuerEnd::Port => format!("http://{address}"),
                IssuerEnd::Slash => format!("http://{address}/"),
            },
            origin: format!("http://{address}"),
            // Cookies do not know ports: two providers on one machine must not share a name.
            session_cookie: format!("dev-provider-{}", address.port()),
            people: builder.people.into_iter().map(Arc::new).collect(),
            clients: RwLock::new(clients),
            settings: builder.settings,
            clock: builder.clock,
            keys: Keyring::generate(),
            sessions: OpSessions::default(),
            transactions: Transactions::default(),
            pushed_requests: PushedRequests::default(),
            proofs: Proofs::default(),
            used_assertions: UsedAssertions::default(),
            ledger: Mutex::new(Ledger::default()),
            journal: Journal::default(),
            mischief: Mischief::default(),
            auto_sign_in: RwLock::default(),
        });
        let server = Arc::new(Server::spawn(listener, routes(&provider)));
        tracing::info!(issuer = %provider.issuer, "development provider started: anybody can sign in as anybody");
        Ok(Self {
            provider,
            server,
            default_client,
        })
    }

    /// The issuer identifier: `http://127.0.0.1:PORT`, without a trailing slash unless
    /// [`issuer_with_slash`](DevProviderBuilder::issuer_with_slash) asks for one.
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// The `client_id` of the default client.
    pub fn client_id(&self) -> &str {
        &self.default_client.client_id
    }

    /// The secret of the default client; empty if it was replaced by a public one.
    pub fn client_secret(&self) -> &str {
        self.default_client
            .client_secret
            .as_deref()
            .unwrap_or_default()
    }

    /// The settings of an application at `base_url` that signs people in here, as a TOML table for
    /// `latchgate::Gate::from_toml`. Every call draws a session key.
    pub fn settings(&self, base_url: &str) -> String {
        let (issuer, id, secret) = (self.issuer(), self.client_id(), self.client_secret());
        let session_key = random_token();
        format!(
            "base_url = {base_url:?}\nissuer = {issuer:?}\nclient_id = {id:?}\nclient_secret = {secret:?}\n\
             session_keys = [{session_key:?}]\n\
             scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n"
        )
    }

    /// The provider as a service that can be called in process, without a socket. It does not keep the server running.
    pub fn router(&self) -> Router {
        routes(&self.provider)
    }

    /// With somebody's `sub` or any name, the authorization endpoint responds at once, as if that person had been
    /// picked and had consented. With `None` it shows the picker again. `prompt=none` still needs a session at the
    /// provider.
    pub fn auto_sign_in(&self, person: Option<&str>) {
        let person = person.map(|name| self.provider.person_or_free_form(name));
        *self
            .provider
            .auto_sign_in
            .write()
            .unwrap_or_else(PoisonError::into_inner) = person;
    }

    /// Adds a client, or replaces the one with the same `client_id`: for what is known only once the provider runs, such
    /// as a back-channel logout URI.
    pub fn register_client(&self, client: Client) {
        let mut clients = self
            .provider
            .clients
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        clients.retain(|known| known.client_id != client.client_id);
        clients.push(Arc::new(client));
    }

    /// Makes new RS256 and ES256 keys with new `kid`s. The old ones leave the JWK Set at once.
    pub fn rotate_keys(&self) {
        self.provider.keys.rotate();
    }

    /// How many requests an endpoint got since the start or the last [`reset_calls`](Self::reset_calls).
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        self.provider.journal.calls(endpoint)
    }

    /// Forgets all calls and the requests recorded with them.
    pub fn reset_calls(&self) {
        self.provider.journal.reset();
    }

    /// The newest request to an endpoint.
    pub fn last_request(&self, endpoint: Endpoint) -> Option<RecordedRequest> {
        self.provider.journal.last(endpoint)
    }

    /// What makes the provider misbehave.
    pub fn mischief(&self) -> Mischief {
        self.provider.mischief.clone()
    }

    /// Who is signed in at the provider, in no particular order.
    pub fn sessions(&self) -> Vec<SignedIn> {
        let sessions = self.provider.sessions.all().into_iter();
        sessions
            .map(|session| SignedIn {
                sid: session.sid,
                sub: session.person.sub.clone(),
            })
            .collect()
    }

    /// Posts a valid logout token for the default client to `to` and returns the status of the response.
    ///
    /// # Errors
    /// The request could not be sent, or there was no response within five seconds.
    pub async fn send_backchannel_logout(
        &self,
        to: &str,
        target: LogoutTarget,
    ) -> Result<StatusCode, BackchannelLogoutError> {
        let token = self.logout_token(target, |_, _| {});
        crate::backchannel_logout::post(to, &token).await
    }

    /// A logout token for the default client; `change` may alter its header and claims before it is signed.
    pub fn logout_token(
        &self,
        target: LogoutTarget,
        change: impl FnOnce(&mut JsonObject, &mut JsonObject),
    ) -> String {
        self.provider
            .logout_token(&self.default_client.client_id, &target, change)
    }

    /// An access token of somebody for an API, as the default client would get it at a login: to try out an API that has
    /// none, and for its tests.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = latchgate_dev_provider::DevProvider::start().await?;
    /// let token = provider.access_token("alice", "https://api.example.com", "read write");
    /// println!("curl -H 'Authorization: Bearer {token}' http://127.0.0.1:3000/me");
    /// # Ok(())
    /// # }
    /// ```
    pub fn access_token(&self, person: &str, audience: &str, scope: &str) -> String {
        let scope = Scope::parse(scope);
        let grant = Arc::new(Grant {
            id: random_token(),
            client_id: self.default_client.client_id.clone(),
            person: self.provider.person_or_free_form(person),
            scope: scope.clone(),
            audience: vec![audience.to_owned()],
            sid: random_token(),
            auth_time: self.provider.now(),
            acr: "0".to_owned(),
            dpop_jkt: None,
            authorization_details: None,
        });
        self.provider.ledger().enter_grant(&grant);
        let (client, parameters) = (&self.default_client, Parameters::default());
        self.provider.issue_access_token(
            client,
            &grant,
            &scope,
            &parameters,
            &Confirmation::default(),
        )
    }

    /// Forgets every refresh token: using one is an `invalid_grant` from now on.
    pub fn revoke_all(&self) {
        self.provider.ledger().forget_refresh_tokens();
    }

    /// Revokes every access token: resources refuse them from now on.
    pub fn revoke_access_tokens(&self) {
        self.provider.ledger().forget_access_tokens();
    }

    /// Stops the server. When this returns, its port is free and its connections are closed.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}

impl fmt::Debug for DevProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevProvider")
            .field("issuer", &self.provider.issuer)
            .finish_non_exhaustive()
    }
}
