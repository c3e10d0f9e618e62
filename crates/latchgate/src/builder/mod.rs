//! Building a gate: two required parts, and options that have defaults.

mod api;
mod build;
mod checks;
mod client_auth;
mod csrf;
mod encryption;
mod hooks;
mod http_clients;
mod known;
mod paths;
mod profile;
mod protected_resource;
mod provider;
mod security;
mod several;
mod silent_login;
mod tenants;
mod trace_context;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use crate::authorization::RememberMe;
use crate::config::Mistakes;
use crate::gate::{PageHook, Refusal, UiLocales};
use crate::hook::Hooks;
use crate::io::{Clock, HttpClient, Random, SystemClock, SystemRandom, TraceHook};
use crate::logout::ClearSiteData;
use crate::seal::SessionKey;
use crate::session::SessionCeiling;
use crate::store::SessionStore;
use bytes::Bytes;
use http::Response;
use tokio::runtime::Handle;

pub use api::ApiBuilder;
use checks::Paths;
pub use protected_resource::ProtectedResource;
pub use provider::Provider;
pub use tenants::Tenants;

/// Builds a [`Gate`](crate::Gate) from its two required parts and any options that differ from the defaults.
#[must_use]
pub struct GateBuilder {
    base_url: String,
    providers: Vec<Provider>,
    tenants: Option<Tenants>,
    /// Found while the settings were read.
    mistakes: Mistakes,
    keys: Vec<SessionKey>,
    lifetimes: (Duration, Duration),
    session_ceiling: SessionCeiling,
    remember_me: RememberMe,
    ui_locales: UiLocales,
    silent_login: Option<Duration>,
    visitor_lifetime: Duration,
    paths: Paths,
    cookie_name: Option<String>,
    store: Option<Arc<dyn SessionStore>>,
    revocations: Option<Arc<dyn SessionStore>>,
    csrf_protection: bool,
    trusted_origins: Vec<String>,
    session_claims: Option<Vec<String>>,
    clear_site_data: Vec<ClearSiteData>,
    leeway: Duration,
    extra_roots: Option<Vec<u8>>,
    http: Option<Arc<dyn HttpClient>>,
    trace_context: Option<TraceHook>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    runtime: Option<Handle>,
    api: Option<ProtectedResource>,
    page_hook: Option<PageHook>,
    hooks: Hooks,
}

impl GateBuilder {
    /// Starts with the public URL of the application, such as `https://app.example.com`, and the
    /// registration at the OpenID Provider. [`Gate::builder`](crate::Gate::builder) is the same.
    ///
    /// Redirect URIs are made from the URL, never from a `Host` or `Forwarded` header. Plain http is
    /// accepted on loopback only. If the URL or the provider is wrong, [`build`](Self::build) returns an error.
    pub fn new(base_url: impl Into<String>, provider: Provider) -> Self {
        Self::with(base_url.into(), vec![provider])
    }

    fn with(base_url: String, providers: Vec<Provider>) -> Self {
        Self {
            base_url,
            providers,
            tenants: None,
            mistakes: Mistakes::default(),
            keys: Vec::new(),
            lifetimes: (
                Duration::from_secs(24 * 3600),
                Duration::from_secs(7 * 24 * 3600),
            ),
            session_ceiling: SessionCeiling::default(),
            remember_me: RememberMe::default(),
            ui_locales: UiLocales::default(),
            silent_login: None,
            visitor_lifetime: visitor::LIFETIME,
            paths: Paths::default(),
            cookie_name: None,
            store: None,
            revocations: None,
            csrf_protection: false,
            trusted_origins: Vec::new(),
            session_claims: None,
            clear_site_data: Vec::new(),
            leeway: Duration::from_secs(30),
            extra_roots: None,
            http: None,
            trace_context: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::default()),
            runtime: None,
            api: None,
            page_hook: None,
            hooks: Hooks::default(),
        }
    }

    /// Adds mistakes that were found before.
    pub(crate) fn mistaken(mut self, mistakes: Mistakes) -> Self {
        self.mistakes.extend(mistakes);
        self
    }

    /// The keys that seal sessions, newest first: the first seals, all open. Required unless the
    /// base URL is on loopback, where the default is a random key that is lost when the process ends.
    pub fn session_keys(mut self, keys: impl IntoIterator<Item = SessionKey>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// How long a session lasts without use, and in all. The defaults are one day and seven days.
    pub fn session_lifetimes(mut self, idle: Duration, absolute: Duration) -> Self {
        self.lifetimes = (idle, absolute);
        self
    }

    /// Which claims of the ID token limit a session in addition to its lifetimes; the default is
    /// `session_expiry`. Existing sessions keep the rule they began with.
    pub fn session_ceiling(mut self, ceiling: SessionCeiling) -> Self {
        self.session_ceiling = ceiling;
        self
    }

    /// Who decides whether a session outlives the browser; by default every session does.
    ///
    /// A session that does not has a cookie without `Max-Age`. Its lifetimes apply in any case.
    pub fn remember_me(mut self, remember: RememberMe) -> Self {
        self.remember_me = remember;
        self
    }

    /// Asks the provider for pages in the languages that the browser prefers (`Accept-Language`), by `ui_locales`; by
    /// default the provider decides. At most eight language tags are passed on, in the order of preference.
    ///
    /// The `ui_locales` of one login ([`LoginOptions::ui_locales`](crate::LoginOptions::ui_locales)) take precedence, and
    /// those of every login are used for a browser that names no language.
    pub fn ui_locales_from_browser(mut self) -> Self {
        self.ui_locales = UiLocales::OfTheBrowser;
        self
    }

    /// The name of the session cookie, without the `__Host-` prefix: 1 to 64 letters, digits, `-` or
    /// `_`. The default is `latchgate` with the port and path of the base URL, so that applications on
    /// one host do not share a cookie: `latchgate-3000` for `http://localhost:3000`, `latchgate_shop` for
    /// `https://example.com/shop`.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Keeps sessions in a store instead of the cookie.
    pub fn store(self, store: impl SessionStore + 'static) -> Self {
        self.store_opened(Arc::new(store))
    }

    pub(crate) fn store_opened(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Shares logouts with all nodes that use this store: for sessions in cookies, which no node can
    /// delete, and for session stores without an index.
    ///
    /// Every logout leaves a mark in the store until the last session that it concerns has expired; the store
    /// sees keyed hashes and times. Opening a session then takes three more lookups for each session
    /// key, sent together and once per request; a request that does not ask for a user takes none.
    /// While the store fails, requests with a session get [`Error::Store`](crate::Error::Store), a 503.
    /// Without this setting, a node knows only of the logouts that it has handled itself.
    ///
    /// A mark ends the sessions that had begun when it was made, even if the clocks of the nodes differ: a
    /// session records the marks that exist when it begins.
    pub fn revocations_in(self, store: impl SessionStore + 'static) -> Self {
        self.revocations_opened(Arc::new(store))
    }

    pub(crate) fn revocations_opened(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.revocations = Some(store);
        self
    }

    /// Which data of this origin browsers are asked to clear when somebody signs out ([Clear Site Data
    /// §3.1](https://www.w3.org/TR/clear-site-data/#header)); by default none.
    ///
    /// ```
    /// # use latchgate::{ClearSiteData, GateBuilder};
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// builder.clear_site_data([ClearSiteData::Cache, ClearSiteData::Storage])
    /// # }
    /// ```
    pub fn clear_site_data(mut self, kinds: impl IntoIterator<Item = ClearSiteData>) -> Self {
        self.clear_site_data = kinds.into_iter().collect();
        self
    }

    /// How far the provider's clock may be off; the default is 30 seconds, the maximum 60.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Additional root certificates for calls to the provider, as a PEM bundle.
    pub fn extra_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.extra_roots = Some(pem.into());
        self
    }

    /// Calls the provider with another HTTP client. See [`HttpClient`] for what it must do.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(client));
        self
    }

    /// Replaces the system clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Replaces the source of randomness with another one, which must be cryptographically secure.
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The runtime for work that outlives a request: token refreshes, retries of logouts that did not
    /// reach a store, revocations, logout hooks. The default is the runtime that serves the request if it is
    /// multi-threaded, and otherwise a thread of its own, because the runtime of an actix-web
    /// worker stops with the worker.
    ///
    /// The runtime has to run as long as requests are served. Before it stops, wait for
    /// [`Gate::drain`](crate::Gate::drain).
    pub fn background_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Accepts access tokens of the same provider for this audience as well as sessions, so that browsers and API clients
    /// can call the same routes, and a handler gets the same `User` from both.
    ///
    /// A request with an `Authorization` header of the scheme `Bearer` or `DPoP` is judged by it alone, even if it has a
    /// session cookie: a bad token is refused, and never falls back to the session. [`Api`](crate::Api) describes how tokens are
    /// checked. Requests to the gate's own routes are not affected.
    ///
    /// ```
    /// # use latchgate::GateBuilder;
    /// # fn set(builder: GateBuilder) -> GateBuilder {
    /// builder.api("https://app.example.com/api")
    /// # }
    /// ```
    pub fn api(mut self, resource: impl Into<ProtectedResource>) -> Self {
        self.api = Some(resource.into());
        self
    }

    /// Renders refusals with the application's own pages; `None` falls back to the built-in page. A
    /// [`Refusal`] has a text and links that fit what happened. A login in a [pop-up](crate::Gate::login_path) always ends with
    /// the built-in page, which closes the pop-up.
    pub fn pages(
        mut self,
        render: impl Fn(&Refusal) -> Option<Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        self.page_hook = Some(Arc::new(render));
        self
    }
}

debug_fields!(GateBuilder {
    base_url,
    providers,
    tenants
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientAuth, ResponseMode};
    use crate::io::scripted::{BrokenRandom, ScriptedHttp, StoppedClock};
    use crate::jose::Algorithm;
    use crate::store::MemoryStore;

    const SECRET: &str = "hunter2-hunter2-hunter2-hunter2!";

    fn provider() -> Provider {
        Provider::new("https://login.example.com/", "my-app").client_secret(SECRET)
    }

    fn key() -> SessionKey {
        SessionKey::from_bytes(*b"hunter2-hunter2-hunter2-hunter2!")
    }

    fn builder(provider: Provider) -> GateBuilder {
        GateBuilder::new("https://app.example.com", provider)
            .session_keys([key()])
            .http_client(ScriptedHttp::default())
    }

    /// The setting and the text of the error.
    fn refused(builder: GateBuilder) -> (String, String) {
        let error = builder.build().map(|_| ()).unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let mistakes: Vec<_> = error.mistakes().collect();
        assert_eq!(mistakes.len(), 1, "{error}");
        (mistakes[0].setting().to_owned(), error.to_string())
    }

    #[test]
    fn every_mistake_of_a_builder_names_the_setting() {
        let good = || builder(provider());
        let seconds = Duration::from_secs;
        for (builder, setting, cure) in [
            (good().cookie_name(""), "cookie_name", "1 to 64 letters"),
            (good().cookie_name("a;b"), "cookie_name", "1 to 64 letters"),
            (
                good().cookie_name("x".repeat(65)),
                "cookie_name",
                "1 to 64 letters",
            ),
            (good().leeway(seconds(61)), "leeway", "at most 60 seconds"),
            (
                good().session_lifetimes(seconds(0), seconds(9)),
                "session_idle",
                "at least one second",
            ),
            (
                good().session_keys([]),
                "session_keys",
                "openssl rand -base64 32",
            ),
            (
                good().session_keys([key(), SessionKey::from_bytes([0; 32])]),
                "session_keys",
                "position 2",
            ),
            (
                good().session_keys([SessionKey::from_bytes(*b"01234567890123456789012345678901")]),
                "session_keys",
                "anybody can know",
            ),
            (
                good().callback_path("/login"),
                "callback_path",
                "every route needs its own",
            ),
            (good().login_path(""), "login_path", "plain absolute path"),
            (
                builder(provider().parameter("state", "x")),
                "parameters",
                "`state` cannot be set by hand",
            ),
            (
                builder(provider().parameter("redirect_uri", "x")),
                "parameters",
                "cannot be set by hand",
            ),
            (
                builder(provider().parameter("", "x")),
                "parameters",
                "cannot be set by hand",
            ),
            (
                builder(Provider::new("https://a.example", "b")),
                "client_secret",
                "`client_auth = none`",
            ),
            (
                builder(provider().client_secret(" ")),
                "client_secret",
                "is required",
            ),
            (
                builder(Provider::new("https://a.example", " ").client_secret("c")),
                "client_id",
                "is required",
            ),
            (
                builder(provider().scopes(Vec::<String>::new())),
                "scopes",
                "lacks `openid`",
            ),
            (
                builder(
                    provider()
                        .client_auth(ClientAuth::None)
                        .id_token_alg(Algorithm::Hs512),
                ),
                "id_token_alg",
                "needs a client secret",
            ),
        ] {
            let (found, said) = refused(builder);
            assert_eq!(found, setting, "{said}");
            assert!(said.contains(cure), "{said}");
            let names_a_variable = said.contains("(LATCHGATE_");
            let has_one = setting != "leeway";
            assert_eq!(names_a_variable, has_one, "{said}");
        }
    }

    #[test]
    fn without_keys_on_loopback_chance_makes_one_or_there_is_no_gate() {
        let loopback = || {
            GateBuilder::new("http://localhost:3000", provider())
                .http_client(ScriptedHttp::default())
        };
        assert!(loopback().build().is_ok());
        let (setting, said) = refused(loopback().random(BrokenRandom));
        assert_eq!(setting, "session_keys");
        assert!(said.contains("random generator failed"), "{said}");
    }

    #[test]
    fn every_option_arrives() {
        let gate = builder(provider())
            .cookie_name("door")
            .leeway(Duration::from_secs(60))
            .session_lifetimes(Duration::from_secs(60), Duration::from_secs(60))
            .store(MemoryStore::new(1))
            .clock(StoppedClock(7))
            .login_path("/a")
            .callback_path("/b")
            .logout_path("/c")
            .after_logout_path("/d")
            .build()
            .unwrap();
        assert_eq!(gate.now(), 7);
        assert_eq!(gate.0.context.relying_parties.first().leeway(), 60);
        assert_eq!(gate.0.context.sessions.cookie_name(), "__Host-door");
        assert_eq!(gate.0.login_cookie.name(), "__Host-door-login");
        assert_eq!(gate.0.logout_cookie.name(), "__Host-door-logout");
        assert!(gate.0.context.sessions.are_stored());
        assert_eq!((gate.login_path(), gate.logout_path()), ("/a", "/c"));
    }

    #[test]
    fn the_login_cookie_follows_the_answer_across_sites_when_it_must() {
        let set = |mode| {
            let gate = builder(provider().response_mode(mode)).build().unwrap();
            let cookie = gate.login_cookie(mode).set("", "v", None);
            cookie.to_str().unwrap().to_owned()
        };
        assert!(set(ResponseMode::Query).contains("SameSite=Lax; Secure"));
        assert!(set(ResponseMode::FormPost).contains("SameSite=None; Secure"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", provider(), builder(provider()));
        let gate = builder(provider()).build().unwrap();
        let shown = format!("{shown} {gate:?} {:?}", key());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("my-app"));
    }
}
