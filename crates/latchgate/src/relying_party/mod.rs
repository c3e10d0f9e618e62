//! The application as the relying party of a provider: it exchanges codes, verifies, refreshes and revokes tokens.
//! Knows no store and no cookie.

mod authorization;
mod cached;
mod check;
mod claims;
mod connection;
mod exchange;
mod logout;
mod other_apis;
mod parties;
mod plain_oauth2;
mod proofs;
mod refresh;
mod tenant_share;
mod tenants;
mod token_cache;
mod verify;

use std::sync::{Arc, OnceLock};

use http::{Request, Response};
use tokio::sync::Semaphore;

use crate::authorization::{LoginOptions, Prompt};
use crate::background::Background;
use crate::client::{Freshness, Registration};
use crate::error::Error;
use crate::io::{Clock, HttpClient, HttpError, Random};
use crate::jose::ProofKey;
use crate::provider::{ClaimPaths, Discovery, Endpoints, Metadata};
use crate::telemetry::ProviderEndpoint;
use crate::token::Nonces;
pub(crate) use check::LogoutUris;
pub(crate) use connection::ProviderConnection;
pub(crate) use other_apis::TokenOfApi;
pub(crate) use parties::{RESERVED_NAME, RelyingParties};
use tenant_share::TenantShare;
pub(crate) use tenants::{Asker, TenantConfig, TenantParties, TenantProvider, TenantResolver};
pub(crate) use token_cache::GettingToken;
use token_cache::TokenCache;

/// The application as the client of one provider.
pub(crate) struct RelyingParty {
    registration: Registration,
    /// The defaults of every login.
    login_options: LoginOptions,
    connection: Arc<ProviderConnection>,
    /// The nonces that the provider's servers require in the next proofs of possession.
    nonces: Arc<Nonces>,
    /// Access tokens for other APIs.
    tokens: TokenCache,
    /// What the application's own tokens are bound to, if they are.
    own_key: OnceLock<ProofKey>,
    /// Limits how many authorization requests are pushed at once.
    pushes: Semaphore,
    /// What a tenant may use of what is there for all. `None` unless it is a tenant's.
    share: Option<Arc<TenantShare>>,
    /// How far the provider's clock may be off, in seconds.
    leeway: u64,
    background: Arc<Background>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// What a relying party is made of.
pub(crate) struct RelyingPartyConfig {
    pub(crate) registration: Registration,
    pub(crate) login_options: LoginOptions,
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) leeway: u64,
    pub(crate) background: Arc<Background>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl RelyingParty {
    pub(crate) fn new(config: RelyingPartyConfig) -> Self {
        let background = Arc::clone(&config.background);
        let issuer = config.registration.issuer.clone();
        let mut connection = ProviderConnection::new(issuer, config.http, background)
            .calling(config.registration.endpoints())
            .counted_as(config.registration.counted_as());
        if let Some(plain) = &config.registration.plain_oauth2 {
            connection = match plain.metadata.clone() {
                Some(metadata) => connection.knowing(metadata),
                None => connection.published_by(Discovery::OAuth2).for_logins(),
            };
        }
        Self {
            connection: Arc::new(connection),
            share: config.registration.tenant().map(|_| Arc::default()),
            registration: config.registration,
            login_options: config.login_options,
            nonces: Arc::default(),
            tokens: TokenCache::new(),
            own_key: OnceLock::new(),
            pushes: Semaphore::new(authorization::PUSHES),
            leeway: config.leeway,
            background: config.background,
            clock: config.clock,
            random: config.random,
        }
    }

    /// The same with what is under way for an earlier one of the tenant, and with its connection, if that is to the same provider
    /// and already has metadata and keys.
    fn continuing(mut self, before: &Self) -> Self {
        self.share.clone_from(&before.share);
        let may_differ = |party: &Self| {
            // The endpoints of a provider without OpenID Connect, and the certificate that a connection presents.
            party.is_plain_oauth2() || party.registration.endpoints() != Endpoints::Usual
        };
        let same = self.issuer() == before.issuer();
        if same && !may_differ(&self) && !may_differ(before) {
            self.connection = Arc::clone(&before.connection);
            self.nonces = Arc::clone(&before.nonces);
        }
        self
    }

    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    pub(crate) fn issuer(&self) -> &str {
        self.registration.issuer.as_str()
    }

    /// What people know the provider by.
    pub(crate) fn label(&self) -> &str {
        let registration = &self.registration;
        match (&registration.label, registration.name.as_str()) {
            (Some(label), _) => label,
            (None, "") => self.issuer(),
            (None, name) => name,
        }
    }

    /// The claims that hold roles and permissions.
    pub(crate) fn claim_paths(&self) -> &Arc<ClaimPaths> {
        &self.registration.claim_paths
    }

    /// The connection to the provider, for others that need its metadata and keys.
    pub(crate) fn connection(&self) -> &Arc<ProviderConnection> {
        &self.connection
    }

    /// How far the provider's clock may be off, in seconds.
    #[cfg(test)]
    pub(crate) fn leeway(&self) -> u64 {
        self.leeway
    }

    /// Fetches metadata and keys.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        self.metadata().await?;
        if !self.is_plain_oauth2() {
            self.connection.keys(self.now()).await?;
        }
        Ok(())
    }

    /// The login options, with the defaults of every login for what they leave open.
    pub(crate) fn login_options(&self, options: LoginOptions) -> LoginOptions {
        options.or(&self.login_options)
    }

    #[cfg(test)]
    pub(crate) fn every_login(&self) -> &LoginOptions {
        &self.login_options
    }

    /// The `prompt` that lets another person sign in: every provider must support `login` (OpenID Connect Core 1.0
    /// §15.1), and some say that they support `select_account`.
    pub(crate) fn account_switch_prompt(&self) -> Prompt {
        let metadata = self.connection.known_metadata();
        if metadata.is_some_and(|metadata| metadata.lets_people_choose_an_account()) {
            Prompt::SelectAccount
        } else {
            Prompt::Login
        }
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let metadata = self.connection.metadata(self.now()).await?;
        self.registration.check_profile(&metadata)?;
        Ok(metadata)
    }

    async fn send(
        &self,
        whom: ProviderEndpoint,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        self.connection.send(whom, request).await
    }

    /// What the next request to the provider has for itself alone.
    fn fresh(&self) -> Result<Freshness, Error> {
        Ok(Freshness::draw(self.now(), self.random.as_ref())?)
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }
}

debug_fields!(RelyingParty { registration });
