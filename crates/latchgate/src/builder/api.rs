//! Building an API: two required parts, and options that have defaults.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::checks::{base, issuer, key_ring, leeway, session_keys, temporary_key};
use super::http_clients::common_client;
use super::protected_resource::{ProtectedResource, Surroundings};
use crate::background::Background;
use crate::config::{ConfigError, Mistake, Mistakes, Problem};
use crate::cookie::Transport;
use crate::gate::{Api, ApiParts, Base, BasePath};
use crate::io::{
    Clock, HttpClient, Random, Reach, SystemClock, SystemRandom, TraceHook, TracedClient,
};
use crate::provider::Discovery;
use crate::relying_party::ProviderConnection;
use crate::seal::{KeyRing, SessionKey};
use crate::telemetry;

/// Builds an [`Api`] from its two required parts and any options that differ from the defaults.
#[must_use]
pub struct ApiBuilder {
    issuer: String,
    discovery: Discovery,
    resource: ProtectedResource,
    /// Found while the settings were read.
    mistakes: Mistakes,
    base_url: Option<String>,
    arrives: BasePath,
    leeway: Duration,
    extra_roots: Option<Vec<u8>>,
    http: Option<Arc<dyn HttpClient>>,
    pub(super) trace_context: Option<TraceHook>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    runtime: Option<Handle>,
    keys: Vec<SessionKey>,
}

impl ApiBuilder {
    /// Starts with the issuer of the access tokens, spelled as it spells itself, and the audience of the API.
    /// [`Api::builder`] is the same. If either is wrong, [`build`](Self::build) returns an error.
    pub fn new(issuer: impl Into<String>, resource: impl Into<ProtectedResource>) -> Self {
        Self {
            issuer: issuer.into(),
            discovery: Discovery::default(),
            resource: resource.into(),
            mistakes: Mistakes::default(),
            base_url: None,
            arrives: BasePath::default(),
            leeway: Duration::from_secs(30),
            extra_roots: None,
            http: None,
            trace_context: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: None,
            keys: Vec::new(),
        }
    }

    /// Adds mistakes that were found before.
    pub(crate) fn mistaken(mut self, mistakes: Mistakes) -> Self {
        self.mistakes.extend(mistakes);
        self
    }

    /// The standard by which the authorization server publishes its metadata, with its keys and its introspection endpoint; the
    /// default is OpenID Connect Discovery.
    pub fn discovery(mut self, discovery: Discovery) -> Self {
        self.discovery = discovery;
        self
    }

    /// The public URL of the API; the default is the audience, if it is one. DPoP proofs are checked against it, never
    /// against a `Host` or `Forwarded` header, and its metadata is served below it. Plain http is accepted on loopback
    /// only.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Whether a proxy strips the path of the base URL; by default it does not.
    pub fn base_path(mut self, arrives: BasePath) -> Self {
        self.arrives = arrives;
        self
    }

    /// How far other clocks may be off; the default is 30 seconds, the maximum 60.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Additional root certificates for calls to the authorization server, as a PEM bundle.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots = Some(pem.into());
        self
    }

    /// Calls the authorization server with another HTTP client. See [`HttpClient`] for what it must do.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(client));
        self
    }

    /// Replaces the system clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Replaces the source of randomness, which names refusals in the log.
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The runtime for connections to the authorization server, as in
    /// [`GateBuilder::background_runtime`](crate::GateBuilder::background_runtime).
    pub fn background_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// The keys that nonces for DPoP proofs are made with, the newest first; all nodes need the same. They may be those of a
    /// gate. Only [`ProtectedResource::proof_nonces`] needs them; on loopback a temporary key is enough.
    pub fn session_keys(mut self, keys: impl IntoIterator<Item = SessionKey>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// Builds the API, without the network.
    ///
    /// # Errors
    ///
    /// Every setting that is missing, malformed or contradicts another, all at once.
    pub fn build(self) -> Result<Api, ConfigError> {
        let mut mistakes = self.mistakes;
        let issuer = mistakes.keep_of("issuer", issuer(&self.issuer));
        self.resource.check(&mut mistakes);
        let url = self
            .base_url
            .or_else(|| self.resource.url().map(String::from));
        let mut base = url.and_then(|url| mistakes.keep_of("base_url", base(&url)));
        if let Some((base, _)) = &mut base {
            base.arrives = self.arrives;
        }
        let keys = match &base {
            Some((base, transport)) if self.resource.makes_nonces() => {
                let keys = nonce_keys(self.keys, *transport, base, self.random.as_ref());
                mistakes.keep_of("session_keys", keys)
            }
            None if self.resource.makes_nonces() => {
                mistakes.add("base_url", Problem::Missing);
                None
            }
            _ => None,
        };
        let leeway = leeway(self.leeway, &mut mistakes);
        let roots = self.extra_roots.as_deref();
        let http = common_client(Reach::Anywhere, self.http, roots, &mut mistakes);
        mistakes.check()?;
        let (Some(issuer), Some(http)) = (issuer, http) else {
            return Err(Mistake::new("issuer", Problem::Missing).into());
        };
        let http = TracedClient::around(http, self.trace_context.as_ref());
        let background = Arc::new(Background::new(self.runtime));
        let connection = ProviderConnection::new(issuer.clone(), http, Arc::clone(&background))
            .published_by(self.discovery);
        let around = Surroundings {
            issuer,
            base: base.as_ref().map(|(base, _)| base),
            claim_paths: None,
            connection: Arc::new(connection),
            leeway,
            clock: self.clock,
            random: Arc::clone(&self.random),
            keys,
        };
        let server = self.resource.build(around, &mut mistakes);
        mistakes.check()?;
        telemetry::describe();
        tracing::info!(
            event = "api_ready",
            issuer = server.rules().issuer.as_str(),
            audience = server.rules().audience,
            metadata = server.metadata().map(|metadata| metadata.url.as_str()),
            "access tokens are accepted"
        );
        Ok(Api(Arc::new(ApiParts {
            server: Arc::new(server),
            background,
            random: self.random,
        })))
    }
}

/// What nonces are made with: the given keys or, on loopback, one of this process.
fn nonce_keys(
    given: Vec<SessionKey>,
    transport: Transport,
    base: &Base,
    random: &dyn Random,
) -> Result<Arc<KeyRing>, Problem> {
    let mut keys = session_keys(given, transport)?;
    if keys.is_empty() {
        keys.push(temporary_key(random)?);
    }
    key_ring(&keys, base)
}

debug_fields!(ApiBuilder { issuer, resource });
