//! What a scenario wants to be different from the usual world.

use std::net::TcpListener;
use std::sync::Arc;

use latchgate::store::SessionStore;
use latchgate::{Gate, GateBuilder, MemoryStore, Provider, SessionKey, Tenants};
use latchgate_dev_provider::{Client, DevProvider, DevProviderBuilder, RegisteredUris};
use url::Url;

use crate::app;
use crate::clock::TestClock;
use crate::failure::Failure;
use crate::run::Framework;
use crate::store::SharedStore;
use crate::world::World;

/// The key that seals sessions unless a scenario says otherwise.
pub const KEY: [u8; 32] = *b"latchgate tests: the newest key.";

/// The key that was the newest before.
pub const OLD_KEY: [u8; 32] = *b"latchgate tests: the former key.";

type Register = Arc<dyn Fn(&DevProvider) -> Provider + Send + Sync>;

type Alter<T> = Arc<dyn Fn(T) -> T + Send + Sync>;

/// A world to be. Everything has a default: Alice signs in at once, sessions travel in the cookie, the application is at
/// its own loopback address.
#[derive(Clone)]
#[must_use = "a world begins when it is started"]
pub struct Setup {
    pub(crate) framework: Framework,
    pub(crate) site: Option<String>,
    pub(crate) store: Option<SharedStore>,
    pub(crate) revocations: Option<SharedStore>,
    gate: Vec<Alter<GateBuilder>>,
    registration: Vec<Alter<Provider>>,
    registered_as: Option<Register>,
    tenants: Option<Arc<dyn Fn() -> Tenants + Send + Sync>>,
    provider: Vec<Alter<DevProviderBuilder>>,
}

impl Setup {
    /// The usual world on a framework.
    pub fn new(framework: Framework) -> Self {
        Self {
            framework,
            site: None,
            store: None,
            revocations: None,
            gate: Vec::new(),
            registration: Vec::new(),
            registered_as: None,
            tenants: None,
            provider: Vec::new(),
        }
    }

    /// Sessions lie in a store in memory.
    pub fn stored(self) -> Self {
        self.keeping_in(MemoryStore::default())
    }

    /// Sessions lie in this store.
    pub fn keeping_in(self, store: impl SessionStore + 'static) -> Self {
        self.stored_in(SharedStore::new(store))
    }

    /// Sessions lie in this store, which the test holds on to.
    pub fn stored_in(mut self, store: SharedStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Nodes hear of each other's logouts: by the store that has the sessions, or else by one that has revocations.
    pub fn sharing_logouts(self) -> Self {
        if self.store.is_some() {
            return self;
        }
        self.revocations_in(SharedStore::default())
    }

    /// Nodes share revocations in this store.
    pub fn revocations_in(mut self, store: SharedStore) -> Self {
        self.revocations = Some(store);
        self
    }

    /// The application's public URL, without a slash at its end. Browsers reach it as through a proxy that ends TLS.
    pub fn site(mut self, base_url: &str) -> Self {
        self.site = Some(base_url.to_owned());
        self
    }

    /// Turns knobs of the gate.
    pub fn gate(
        mut self,
        alter: impl Fn(GateBuilder) -> GateBuilder + Send + Sync + 'static,
    ) -> Self {
        self.gate.push(Arc::new(alter));
        self
    }

    /// Seals with the first of these keys and opens with all.
    pub fn keys(self, keys: &[[u8; 32]]) -> Self {
        let keys = keys.to_vec();
        self.gate(move |gate| gate.session_keys(keys.iter().copied().map(SessionKey::from_bytes)))
    }

    /// Changes the registration at the provider: scopes, userinfo, response mode, client authentication.
    pub fn registration(
        mut self,
        alter: impl Fn(Provider) -> Provider + Send + Sync + 'static,
    ) -> Self {
        self.registration.push(Arc::new(alter));
        self
    }

    /// Registers in another way than the usual one, once it is known where the provider is.
    pub fn registered_as(
        mut self,
        register: impl Fn(&DevProvider) -> Provider + Send + Sync + 'static,
    ) -> Self {
        self.registered_as = Some(Arc::new(register));
        self
    }

    /// Everybody comes from a tenant: the gate has no provider of its own.
    pub fn for_tenants(mut self, tenants: impl Fn() -> Tenants + Send + Sync + 'static) -> Self {
        self.tenants = Some(Arc::new(tenants));
        self
    }

    /// The same with the provider of the gate's own.
    pub fn without_tenants(mut self) -> Self {
        self.tenants = None;
        self
    }

    /// Turns knobs of the development provider.
    pub fn provider(
        mut self,
        alter: impl Fn(DevProviderBuilder) -> DevProviderBuilder + Send + Sync + 'static,
    ) -> Self {
        self.provider.push(Arc::new(alter));
        self
    }

    /// Starts the provider and the application.
    ///
    /// # Errors
    /// No port is free, or the gate refuses its configuration.
    pub async fn start(self) -> Result<World, Failure> {
        let clock = TestClock::default();
        let time = clock.clone();
        let mut provider = DevProvider::builder().clock(Arc::new(move || time.now()));
        if let Some(site) = &self.site {
            let client = Client::development()
                .redirect_uris(RegisteredUris::exactly(format!("{site}/callback")))
                .post_logout_redirect_uris(RegisteredUris::exactly(format!("{site}/")));
            provider = provider.client(client);
        }
        let alter = self.provider.iter();
        let provider = alter
            .fold(provider, |provider, alter| alter(provider))
            .start()
            .await?;
        provider.auto_sign_in(Some("alice"));
        self.beside(provider, clock).await
    }

    /// Starts an application beside a provider that runs already.
    pub(crate) async fn beside(
        self,
        provider: DevProvider,
        clock: TestClock,
    ) -> Result<World, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let site = self.site.clone().unwrap_or_else(|| address.clone());
        let gate = self.build(&site, &provider, &clock)?;
        let (session_cookie, login_cookies) = cookie_names(&site)?;
        let serving = app::serve(self.framework, listener, gate.clone()).await?;
        Ok(World {
            provider,
            clock,
            gate,
            site,
            address,
            session_cookie,
            login_cookies,
            setup: self,
            serving,
        })
    }

    fn build(
        &self,
        site: &str,
        provider: &DevProvider,
        clock: &TestClock,
    ) -> Result<Gate, Failure> {
        let usual = || {
            Provider::new(provider.issuer(), provider.client_id())
                .client_secret(provider.client_secret())
                .scopes(["openid", "profile", "email", "offline_access"])
        };
        let registered_as = self.registered_as.as_ref();
        let registration = registered_as.map_or_else(usual, |register| register(provider));
        let registration = self
            .registration
            .iter()
            .fold(registration, |registration, alter| alter(registration));
        let gate = match &self.tenants {
            Some(tenants) => Gate::for_tenants(site, tenants()),
            None => Gate::builder(site, registration),
        };
        let mut gate = gate
            .session_keys([SessionKey::from_bytes(KEY)])
            .clock(clock.clone());
        if let Some(store) = &self.store {
            gate = gate.store(store.clone());
        }
        if let Some(store) = &self.revocations {
            gate = gate.revocations_in(store.clone());
        }
        Ok(self
            .gate
            .iter()
            .fold(gate, |gate, alter| alter(gate))
            .build()?)
    }
}

/// The session cookie's name at a site, and what the names of its login cookies begin with.
fn cookie_names(site: &str) -> Result<(String, String), Failure> {
    let site = Url::parse(site)?;
    let prefix = match site.scheme() {
        "https" => "__Host-",
        _ => "",
    };
    let port = site.port().map(|port| format!("-{port}"));
    let path = site.path().trim_end_matches('/').replace('/', "_");
    let session = format!("{prefix}latchgate{}{path}", port.unwrap_or_default());
    let login = format!("{session}-login.");
    Ok((session, login))
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("framework", &self.framework)
            .field("site", &self.site)
            .field("stored", &self.store.is_some())
            .finish_non_exhaustive()
    }
}
