//! Building a gate: two decisions that must be made, and knobs that need not be turned.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use url::Url;

use crate::authorization::check_parameter;
use crate::client::{ClientAuth, ClientSecret, Registration, ResponseMode, UserinfoPolicy};
use crate::config::{ConfigError, Problem};
use crate::cookie::{CookieKind, SameSite, Transport};
use crate::gate::{Base, Gate, Keeping, PageHook, Premises, Reach, Refusal, Routes};
use crate::jose::Algorithm;
use crate::outside::{Clock, HttpClient, Random, ReqwestClient, SystemClock, SystemRandom};
use crate::provider::{ClaimPath, Issuer, ProviderPreset, is_https_or_loopback};
use crate::return_to::ReturnTo;
use crate::seal::{KeyRing, SessionKey};
use crate::session::{Lifetimes, Renewals, SealedSessions, SessionStore, StoredSessions};

/// The registration at one OpenID Provider.
///
/// ```
/// use latchgate::{Provider, ProviderPreset};
///
/// let auth0 = Provider::new("https://tenant.eu.auth0.com/", "my-client-id")
///     .client_secret("my-client-secret")
///     .scopes(["openid", "profile", "email", "offline_access"])
///     .audience("https://api.example.com")
///     .preset(ProviderPreset::Auth0);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Provider {
    issuer: String,
    client_id: String,
    auth: Option<ClientAuth>,
    scopes: Vec<String>,
    audience: Option<String>,
    resources: Vec<String>,
    response_mode: ResponseMode,
    id_token_alg: Algorithm,
    trusted_audiences: Vec<String>,
    userinfo: UserinfoPolicy,
    parameters: Vec<(String, String)>,
    preset: ProviderPreset,
    roles: Option<ClaimPath>,
    permissions: Option<ClaimPath>,
}

impl Provider {
    /// A registration by its issuer, spelled as the provider spells it, and our client id there.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            auth: None,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            audience: None,
            resources: Vec::new(),
            response_mode: ResponseMode::Query,
            id_token_alg: Algorithm::Rs256,
            trusted_audiences: Vec::new(),
            userinfo: UserinfoPolicy::Never,
            parameters: Vec::new(),
            preset: ProviderPreset::Plain,
            roles: None,
            permissions: None,
        }
    }

    /// Authenticates by `client_secret_basic` with this secret.
    pub fn client_secret(self, secret: impl Into<ClientSecret>) -> Self {
        self.client_auth(ClientAuth::ClientSecretBasic(secret.into()))
    }

    /// How this client authenticates at the token endpoint. Must be decided: a public client says
    /// [`ClientAuth::None`].
    pub fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The scope values to ask for; `openid profile email` unless set. Add `offline_access` for a
    /// refresh token.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The API the access token is for, as Auth0's `audience` parameter.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The API the access token is for, as a resource indicator (RFC 8707): an absolute URI without
    /// fragment. May be called several times.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// How the authorization response comes back; in the query unless set.
    pub fn response_mode(mut self, mode: ResponseMode) -> Self {
        self.response_mode = mode;
        self
    }

    /// The one signature algorithm ID tokens may have; RS256 unless set.
    pub fn id_token_alg(mut self, alg: Algorithm) -> Self {
        self.id_token_alg = alg;
        self
    }

    /// An audience that ID tokens may name besides our client id. Any other is refused
    /// (OpenID Connect Core 1.0 §3.1.3.7 step 3).
    pub fn trusted_audience(mut self, audience: impl Into<String>) -> Self {
        self.trusted_audiences.push(audience.into());
        self
    }

    /// Whether the userinfo endpoint is asked at login; not unless set.
    pub fn userinfo(mut self, policy: UserinfoPolicy) -> Self {
        self.userinfo = policy;
        self
    }

    /// A further parameter for every authorization request, such as Auth0's `organization`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Where this provider puts roles and permissions.
    pub fn preset(mut self, preset: ProviderPreset) -> Self {
        self.preset = preset;
        self
    }

    /// The claim that holds a person's roles, instead of the preset's.
    pub fn role_claim(mut self, path: ClaimPath) -> Self {
        self.roles = Some(path);
        self
    }

    /// The claim that holds a person's permissions, instead of the preset's.
    pub fn permission_claim(mut self, path: ClaimPath) -> Self {
        self.permissions = Some(path);
        self
    }

    fn register(self, redirect_uri: String) -> Result<Registration, ConfigError> {
        let issuer = Issuer::parse(&self.issuer)
            .map_err(|problem| ConfigError::new("issuer", Problem::Issuer(problem)))?;
        let blank = |text: &str| text.trim().is_empty();
        if blank(&self.client_id) {
            return Err(ConfigError::new("client_id", Problem::Missing));
        }
        let auth = self
            .auth
            .ok_or(ConfigError::new("client_secret", Problem::NoClientAuth))?;
        if auth.secret().is_some_and(|secret| blank(secret.expose())) {
            return Err(ConfigError::new("client_secret", Problem::Missing));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(ConfigError::new("scopes", Problem::NoOpenidScope));
        }
        for resource in &self.resources {
            if Url::parse(resource).is_ok_and(|url| url.fragment().is_none()) {
                continue;
            }
            return Err(ConfigError::new("resource", Problem::Resource));
        }
        for (name, _) in &self.parameters {
            check_parameter(name)
                .map_err(|problem| ConfigError::new("parameter", Problem::Parameter(problem)))?;
        }
        if self.id_token_alg.is_symmetric() && auth.secret().is_none() {
            return Err(ConfigError::new(
                "id_token_alg",
                Problem::SymmetricWithoutSecret,
            ));
        }
        let redirect_uri = oauth2::RedirectUrl::new(redirect_uri)
            .map_err(|_| ConfigError::new("base_url", Problem::NotAUrl))?;
        Ok(Registration {
            name: "default".to_owned(),
            issuer,
            client_id: self.client_id,
            auth,
            redirect_uri,
            scopes: self.scopes,
            audience: self.audience,
            resources: self.resources,
            response_mode: self.response_mode,
            id_token_alg: self.id_token_alg,
            trusted_audiences: self.trusted_audiences,
            userinfo: self.userinfo,
            parameters: self.parameters,
            roles: self.roles.unwrap_or_else(|| self.preset.roles()),
            permissions: self
                .permissions
                .unwrap_or_else(|| self.preset.permissions()),
        })
    }
}

/// The base URL is still to be decided.
#[derive(Debug)]
pub enum WantsBaseUrl {}
/// The provider is still to be decided.
#[derive(Debug)]
pub enum WantsProvider {}
/// Everything that must be decided is.
#[derive(Debug)]
pub enum Ready {}

/// Builds a [`Gate`]: first the base URL, then the provider, then whatever differs from the
/// defaults.
#[must_use]
pub struct GateBuilder<State> {
    base_url: String,
    provider: Option<Provider>,
    keys: Vec<SessionKey>,
    lifetimes: (Duration, Duration),
    paths: Paths,
    cookie_name: String,
    store: Option<Arc<dyn SessionStore>>,
    leeway: Duration,
    extra_roots: Option<Vec<u8>>,
    http: Option<Arc<dyn HttpClient>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    page_hook: Option<PageHook>,
    state: PhantomData<fn() -> State>,
}

struct Paths {
    login: String,
    callback: String,
    logout: String,
    after_logout: String,
}

impl Gate {
    /// Starts to build a gate.
    ///
    /// ```
    /// use latchgate::{Gate, Provider, SessionKey};
    ///
    /// let gate = Gate::builder()
    ///     .base_url("https://app.example.com")
    ///     .provider(Provider::new("https://login.example.com/", "my-app").client_secret("s3cret"))
    ///     .session_keys([SessionKey::from_base64("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")?])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> GateBuilder<WantsBaseUrl> {
        GateBuilder {
            base_url: String::new(),
            provider: None,
            keys: Vec::new(),
            lifetimes: (
                Duration::from_secs(24 * 3600),
                Duration::from_secs(7 * 24 * 3600),
            ),
            paths: Paths {
                login: "/login".to_owned(),
                callback: "/callback".to_owned(),
                logout: "/logout".to_owned(),
                after_logout: "/".to_owned(),
            },
            cookie_name: "latchgate".to_owned(),
            store: None,
            leeway: Duration::from_secs(30),
            extra_roots: None,
            http: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            page_hook: None,
            state: PhantomData,
        }
    }
}

impl<State> GateBuilder<State> {
    fn turn<Next>(self) -> GateBuilder<Next> {
        GateBuilder {
            base_url: self.base_url,
            provider: self.provider,
            keys: self.keys,
            lifetimes: self.lifetimes,
            paths: self.paths,
            cookie_name: self.cookie_name,
            store: self.store,
            leeway: self.leeway,
            extra_roots: self.extra_roots,
            http: self.http,
            clock: self.clock,
            random: self.random,
            page_hook: self.page_hook,
            state: PhantomData,
        }
    }
}

impl GateBuilder<WantsBaseUrl> {
    /// The public URL of the application, such as `https://app.example.com`. Redirect URIs are made
    /// from it, never from a `Host` or `Forwarded` header. Plain http is accepted on loopback only.
    pub fn base_url(mut self, url: impl Into<String>) -> GateBuilder<WantsProvider> {
        self.base_url = url.into();
        self.turn()
    }
}

impl GateBuilder<WantsProvider> {
    /// The registration at the OpenID Provider.
    pub fn provider(mut self, provider: Provider) -> GateBuilder<Ready> {
        self.provider = Some(provider);
        self.turn()
    }
}

impl GateBuilder<Ready> {
    /// The keys that seal sessions, newest first: the first seals, all open. Required unless the
    /// base URL is on loopback, where a key that lives as long as the process is made up.
    pub fn session_keys(mut self, keys: impl IntoIterator<Item = SessionKey>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// How long a session lasts without use, and in all. One day and seven days unless set.
    pub fn session_lifetimes(mut self, idle: Duration, absolute: Duration) -> Self {
        self.lifetimes = (idle, absolute);
        self
    }

    /// The path that starts a login; `/login` unless set. Relative to the base URL.
    pub fn login_path(mut self, path: impl Into<String>) -> Self {
        self.paths.login = path.into();
        self
    }

    /// The path of the redirect URI; `/callback` unless set. Relative to the base URL.
    pub fn callback_path(mut self, path: impl Into<String>) -> Self {
        self.paths.callback = path.into();
        self
    }

    /// The path that signs out; `/logout` unless set. Relative to the base URL.
    pub fn logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.logout = path.into();
        self
    }

    /// The page of the application that visitors come back to after logout; `/` unless set.
    /// Relative to the base URL; register it at the provider as post-logout redirect URI.
    pub fn after_logout_path(mut self, path: impl Into<String>) -> Self {
        self.paths.after_logout = path.into();
        self
    }

    /// The name of the session cookie, without the `__Host-` prefix; `latchgate` unless set.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = name.into();
        self
    }

    /// Keeps sessions in a store instead of the cookie.
    pub fn store(mut self, store: impl SessionStore + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// How far the provider's clock may be off; 30 seconds unless set, 60 at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Further root certificates for calls to the provider, as a PEM bundle.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots = Some(pem.into());
        self
    }

    /// Reaches the provider by another HTTP client. See [`HttpClient`] for what it must do.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(client));
        self
    }

    /// Tells the time by another clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Draws randomness from another source, which must be cryptographically secure.
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Renders refusals with the application's own pages; `None` falls back to the built-in one.
    pub fn pages(
        mut self,
        render: impl Fn(&Refusal) -> Option<Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        self.page_hook = Some(Arc::new(render));
        self
    }

    /// Builds the gate, without the network.
    ///
    /// # Errors
    ///
    /// The first setting that is missing, malformed or contradicts another.
    pub fn build(self) -> Result<Gate, ConfigError> {
        let (base, transport) = base(&self.base_url)?;
        let routes = self.paths.routes(&base)?;
        let provider = self
            .provider
            .ok_or(ConfigError::new("issuer", Problem::Missing))?;
        let registration = provider.register(format!("{}{}", base.origin, routes.callback))?;
        if !is_cookie_name(&self.cookie_name) {
            return Err(ConfigError::new("cookie_name", Problem::CookieName));
        }
        if self.leeway > Duration::from_secs(60) {
            return Err(ConfigError::new("leeway", Problem::Leeway));
        }
        let lifetimes = Lifetimes::new(self.lifetimes.0, self.lifetimes.1)
            .ok_or(ConfigError::new("session_idle", Problem::Lifetimes))?;

        let keys = session_keys(self.keys, transport, self.random.as_ref())?;
        let keys = KeyRing::new(&keys, &base.origin)
            .ok_or(ConfigError::new("session_keys", Problem::Missing))?;
        let http = match self.http {
            Some(http) => http,
            None => {
                let client = ReqwestClient::new(self.extra_roots.as_deref())
                    .map_err(|problem| ConfigError::new("ca_file", Problem::HttpClient(problem)))?;
                Arc::new(client)
            }
        };

        let name = self.cookie_name;
        let session_cookie = CookieKind::new(&name, transport, SameSite::Lax);
        // A cross-site POST carries no Lax cookies.
        let same_site = match registration.response_mode {
            ResponseMode::FormPost => SameSite::None,
            ResponseMode::Query => SameSite::Lax,
        };
        let keeping = match self.store {
            Some(store) => Keeping::Stored(StoredSessions::new(store)),
            None => Keeping::Sealed(SealedSessions::new(session_cookie.clone())),
        };
        Ok(Gate(Arc::new(Premises {
            reach: Reach::new(registration.issuer.clone(), http),
            claim_paths: Arc::new((registration.roles.clone(), registration.permissions.clone())),
            registration,
            base,
            routes,
            keys,
            login_cookie: CookieKind::new(&format!("{name}-login"), transport, same_site),
            logout_cookie: CookieKind::new(&format!("{name}-logout"), transport, SameSite::Lax),
            session_cookie,
            keeping,
            lifetimes,
            renewals: Arc::new(Renewals::default()),
            leeway: self.leeway.as_secs(),
            clock: self.clock,
            random: self.random,
            page_hook: self.page_hook,
        })))
    }
}

impl Paths {
    fn routes(self, base: &Base) -> Result<Routes, ConfigError> {
        let complete = |setting, path: String| {
            let plain = ReturnTo::parse(&path).is_some_and(|parsed| parsed.as_str() == path);
            if !plain || path.contains(['?', '#']) {
                return Err(ConfigError::new(setting, Problem::Path));
            }
            Ok(format!("{}{path}", base.path))
        };
        let routes = Routes {
            login: complete("login_path", self.login)?,
            callback: complete("callback_path", self.callback)?,
            logout: complete("logout_path", self.logout)?,
            after_logout: complete("after_logout_path", self.after_logout)?,
        };
        let taken = [
            &routes.login,
            &routes.callback,
            &routes.logout,
            &routes.after_logout,
        ];
        for (setting, path) in [
            ("callback_path", &routes.callback),
            ("logout_path", &routes.logout),
            ("after_logout_path", &routes.after_logout),
        ] {
            if taken.iter().filter(|other| **other == path).count() > 1 {
                return Err(ConfigError::new(setting, Problem::Collision));
            }
        }
        Ok(routes)
    }
}

fn base(text: &str) -> Result<(Base, Transport), ConfigError> {
    let wrong = |problem| Err(ConfigError::new("base_url", problem));
    if text.is_empty() {
        return wrong(Problem::Missing);
    }
    let Ok(url) = Url::parse(text) else {
        return wrong(Problem::NotAUrl);
    };
    if !is_https_or_loopback(&url) {
        return wrong(Problem::NotHttps);
    }
    let decorated = url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some();
    if decorated {
        return wrong(Problem::Decorated);
    }
    let transport = if url.scheme() == "https" {
        Transport::Https
    } else {
        Transport::LoopbackHttp
    };
    let base = Base {
        origin: url.origin().ascii_serialization(),
        path: url.path().trim_end_matches('/').to_owned(),
    };
    Ok((base, transport))
}

fn session_keys(
    given: Vec<SessionKey>,
    transport: Transport,
    random: &dyn Random,
) -> Result<Vec<SessionKey>, ConfigError> {
    if !given.is_empty() {
        return Ok(given);
    }
    if transport == Transport::Https {
        return Err(ConfigError::new("session_keys", Problem::NoSessionKeys));
    }
    tracing::warn!(
        "no session keys are configured: sessions end when this process does. Fine on loopback; set LATCHGATE_SESSION_KEYS to keep them"
    );
    let made_up = random
        .array()
        .map_err(|problem| ConfigError::new("session_keys", Problem::Random(problem)))?;
    Ok(vec![SessionKey::from_bytes(made_up)])
}

fn is_cookie_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl<State> fmt::Debug for GateBuilder<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateBuilder")
            .field("base_url", &self.base_url)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
