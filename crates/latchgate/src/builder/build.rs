//! From a builder to a gate: every check first, then every part.

use std::sync::Arc;

use super::checks::{base, cookie_name, key_ring, leeway, loopback, session_keys, temporary_key};
use super::csrf::csrf;
use super::http_clients::HttpClients;
use super::protected_resource::Surroundings;
use super::silent_login::silent_logins;
use super::{GateBuilder, Provider, several, visitor};
use crate::authorization::LoginOptions;
use crate::background::Background;
use crate::client::Registration;
use crate::config::{ConfigError, Mistake, Mistakes, Problem};
use crate::cookie::{CookieKind, SameSite};
use crate::gate::{Base, Gate, GateParts, KeyOrigin, USUAL_CLAIMS};
use crate::io::{HttpClient, Random, Reach};
use crate::logout::clear_site_data_header;
use crate::relying_party::{
    RelyingParties, RelyingParty, RelyingPartyConfig, TenantConfig, TenantParties,
};
use crate::request_session::Context;
use crate::seal::{KeyRing, SessionKey};
use crate::session::{APPLICATION, Lifetimes};
use crate::sessions::{Registrations, Sessions, SessionsConfig};
use crate::telemetry;
use crate::visitor::{Visitors, VisitorsConfig};

impl GateBuilder {
    /// Builds the gate, without the network, and logs what to register at the provider.
    ///
    /// # Errors
    ///
    /// Every setting that is missing, malformed or contradicts another, all at once.
    pub fn build(self) -> Result<Gate, ConfigError> {
        let mut mistakes = self.mistakes;
        // A stand-in for a wrong base URL, so that everything else is still checked.
        let given = mistakes.keep_of("base_url", base(&self.base_url));
        let (mut base, transport) = given.unwrap_or_else(loopback);
        base.arrives = self.paths.arrives;
        let providers = self.providers;
        let has_tenants = self.tenants.is_some();
        several::check(&providers, has_tenants, &mut mistakes);
        let names = providers.iter().map(|provider| provider.name.clone());
        let names = names.filter(|name| !name.is_empty()).collect();
        let routes = self.paths.routes(&base, names, has_tenants, &mut mistakes);
        let redirect_uri = format!("{}{}", base.origin, routes.callback);
        let tenants = self.tenants.map(|tenants| {
            let options = tenants.options(&mut mistakes);
            let (roots, trace_context) = (self.extra_roots.clone(), self.trace_context.clone());
            let clients = tenants.http_clients(roots, trace_context, &mut mistakes);
            let resolver = clients.map(|clients| tenants.resolver(redirect_uri.clone(), clients));
            (options, resolver)
        });
        let http = HttpClients::new(
            Reach::Anywhere,
            self.http,
            self.extra_roots,
            self.trace_context,
            &mut mistakes,
        );
        let registered: Vec<_> = providers
            .into_iter()
            .map(|provider| register(provider, &redirect_uri, http.as_ref(), &mut mistakes))
            .collect();
        let name = mistakes.keep_of("cookie_name", cookie_name(self.cookie_name, &base));
        let leeway = leeway(self.leeway, &mut mistakes);
        let (idle, absolute) = self.lifetimes;
        let lifetimes = Lifetimes::new(idle, absolute, self.session_ceiling);
        let lifetimes = mistakes.keep_of("session_idle", lifetimes.ok_or(Problem::Lifetimes));
        let silent_logins = mistakes.keep_of("silent_login", silent_logins(self.silent_login));
        let visitor_lifetime = visitor::lifetime(self.visitor_lifetime);
        let visitor_lifetime = mistakes.keep_of("visitor_lifetime", visitor_lifetime);
        let keys = mistakes.keep_of("session_keys", session_keys(self.keys, transport));
        if let Some(resource) = &self.api {
            if registered.is_empty() {
                mistakes.add("issuer", Problem::Missing);
            }
            resource.check(&mut mistakes);
        }
        mistakes.check()?;
        let parts = (
            registered.into_iter().collect::<Option<Vec<_>>>(),
            name,
            lifetimes.zip(visitor_lifetime),
            keys,
        );
        let (Some(registered), Some(name), Some((lifetimes, visitor_lifetime)), Some(keys)) = parts
        else {
            return Err(Mistake::new("issuer", Problem::Missing).into());
        };

        let key_origin = match keys.is_empty() {
            true => KeyOrigin::ThisProcess,
            false => KeyOrigin::Configured,
        };
        let keys = sealing_keys(keys, &base, self.random.as_ref());
        let keys = keys.map_err(|problem| Mistake::new("session_keys", problem))?;

        let session_cookie = CookieKind::new(&name, transport, SameSite::Lax);
        let store_name = match &self.store {
            Some(store) => format!("{store:?}"),
            None => "cookie".to_owned(),
        };
        let background = Arc::new(Background::new(self.runtime));
        let ids = registered
            .iter()
            .map(|(registration, _, _)| registration.id.clone());
        let mut registrations = Registrations::new(ids.chain([APPLICATION.to_owned()]));
        if has_tenants {
            registrations = registrations.and_of_tenants();
        }
        let sessions = Sessions::new(SessionsConfig {
            store: self.store,
            revocations: self.revocations,
            keys: Arc::clone(&keys),
            registrations,
            cookie: session_cookie,
            lifetimes,
            background: Arc::clone(&background),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        });
        let registered = registered.into_iter();
        let parties = registered.map(|(registration, login_options, http)| {
            RelyingParty::new(RelyingPartyConfig {
                registration,
                login_options,
                http,
                leeway,
                background: Arc::clone(&background),
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
            })
        });
        let (tenant_options, resolver) = tenants.unzip();
        let tenants = tenant_options.as_ref().zip(resolver.flatten());
        let tenants = tenants.map(|(options, resolver)| {
            Arc::new(TenantParties::new(TenantConfig {
                resolver,
                capacity: options.capacity,
                max_age: options.max_age.as_secs(),
                by_email_domain: options.by_email_domain,
                leeway,
                background: Arc::clone(&background),
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
            }))
        });
        let relying_parties = RelyingParties::new(parties, leeway).and_of(tenants);
        let main = relying_parties.main();
        let resource_server = self.api.zip(main).map(|(resource, main)| {
            let registration = main.registration();
            let around = Surroundings {
                issuer: registration.issuer.clone(),
                base: Some(&base),
                claim_paths: Some(&registration.claim_paths),
                connection: Arc::clone(main.connection()),
                leeway,
                clock: Arc::clone(&self.clock),
                random: Arc::clone(&self.random),
                keys: Some(Arc::clone(&keys)),
            };
            Arc::new(resource.build(around, &mut mistakes))
        });
        let visitors = Visitors::new(VisitorsConfig {
            keys: Arc::clone(&keys),
            cookie: CookieKind::new(&format!("{name}-visitor"), transport, SameSite::Lax),
            lifetime: visitor_lifetime,
            origin: base.origin.clone(),
            trusted_origins: self.trusted_origins.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        });
        let csrf = csrf(self.csrf_protection, self.trusted_origins, &mut mistakes);
        if self.session_claims.is_some() && routes.session.is_none() {
            let setting = "session_path";
            mistakes.add("session_claims", Problem::NoEffectWithout { setting });
        }
        mistakes.check()?;
        let context = Context {
            sessions: Arc::new(sessions),
            relying_parties,
            hooks: self.hooks,
            background: Arc::clone(&background),
            origin: base.origin.clone(),
            stripped_path: base.stripped().to_owned(),
            csrf,
        };
        let login_name = format!("{name}-login");
        let gate = Gate(Arc::new(GateParts {
            base,
            routes,
            redirect_uri,
            tenant_of_page: tenant_options.and_then(|options| options.of_pages),
            context: Arc::new(context),
            keys,
            key_origin,
            login_cookie: CookieKind::new(&login_name, transport, SameSite::Lax),
            cross_site_login_cookie: CookieKind::new(&login_name, transport, SameSite::None),
            silent_cookie: CookieKind::new(&format!("{name}-silent"), transport, SameSite::Lax),
            silent_logins: silent_logins.unwrap_or_default(),
            visitors: Arc::new(visitors),
            logout_cookie: CookieKind::new(&format!("{name}-logout"), transport, SameSite::Lax),
            remember_me: self.remember_me,
            ui_locales: self.ui_locales,
            session_claims: self
                .session_claims
                .unwrap_or_else(|| USUAL_CLAIMS.map(str::to_owned).into()),
            clear_site_data: clear_site_data_header(&self.clear_site_data),
            resource_server,
            page_hook: self.page_hook,
            background,
            random: self.random,
        }));
        telemetry::describe();
        announce(&gate, &store_name);
        Ok(gate)
    }
}

/// What sessions are sealed with: the given keys or, on loopback, one of this process.
fn sealing_keys(
    mut keys: Vec<SessionKey>,
    base: &Base,
    random: &dyn Random,
) -> Result<Arc<KeyRing>, Problem> {
    if keys.is_empty() {
        tracing::warn!(
            event = "session_keys_made_up",
            "no session keys are configured, so sessions end with this process; that is fine on loopback, set LATCHGATE_SESSION_KEYS to keep them"
        );
        keys.push(temporary_key(random)?);
    }
    key_ring(&keys, base)
}

/// A provider's registration, the options of its logins, and the client that calls it. Errors are added to `mistakes`,
/// under the provider's name.
fn register(
    provider: Provider,
    redirect_uri: &str,
    http: Option<&HttpClients>,
    mistakes: &mut Mistakes,
) -> Option<(Registration, LoginOptions, Arc<dyn HttpClient>)> {
    let name = provider.name.clone();
    let below = if name.is_empty() {
        String::new()
    } else {
        format!("/{name}")
    };
    let redirect_uri = format!("{redirect_uri}{below}");
    let login_options = provider.every_login();
    let mut own = Mistakes::default();
    let registration = provider.register(redirect_uri, &mut own);
    let client = registration.as_ref().zip(http);
    let client = client
        .and_then(|(registration, http)| own.keep_of("client_cert_file", http.of(registration)));
    mistakes.extend(own.of_provider(&name));
    Some((registration?, login_options, client?))
}

/// Logs once where this gate is and which URIs each provider has to know.
fn announce(gate: &Gate, store: &str) {
    let context = &gate.0.context;
    if context.relying_parties.tenants().is_some() {
        let uris = gate.tenant_uris("{tenant}");
        tracing::info!(
            event = "tenants_ready",
            redirect_uri = uris.redirect_uri,
            post_logout_redirect_uri = uris.post_logout_redirect_uri,
            backchannel_logout_uri = uris.back_channel_logout_uri,
            frontchannel_logout_uri = uris.front_channel_logout_uri,
            store,
            cookie = context.sessions.cookie_name(),
            "login for tenants is set up; register these URIs at the provider of each, with the tenant's name"
        );
    }
    for party in context.relying_parties.iter() {
        let registration = party.registration();
        tracing::info!(
            event = "gate_ready",
            issuer = registration.issuer.as_str(),
            client_id = registration.client_id,
            redirect_uri = registration.redirect_uri.as_str(),
            post_logout_redirect_uri = gate.post_logout_redirect_uri(),
            backchannel_logout_uri = gate.back_channel_logout_uri(),
            frontchannel_logout_uri = gate.front_channel_logout_uri(),
            initiate_login_uri = gate.initiate_login_uri(),
            store,
            cookie = context.sessions.cookie_name(),
            "login is set up; register these URIs at the provider"
        );
    }
}
