//! Tenants: providers that the application finds by name when somebody signs in there.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::http_clients::HttpClients;
use super::{GateBuilder, Provider};
#[cfg(doc)]
use crate::authorization::LoginOptions;
use crate::client::tenant_registration_id;
use crate::config::{ConfigError, Mistake, Mistakes, Problem};
use crate::gate::{TenantOfPage, TenantPage};
use crate::hook::{Hook, HookError};
#[cfg(doc)]
use crate::io::ReqwestClient;
use crate::io::{HttpClient, Reach, TraceHook};
use crate::provider::IssuerError;
use crate::relying_party::{TenantProvider, TenantResolver};

/// The tenants of an application, each with an OpenID Provider of its own: for a service whose customers bring theirs.
///
/// The application has an asynchronous function from the name of a tenant to the registration at its provider. It is asked
/// when the provider is needed, and its answer is kept for a while.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use latchgate::{Gate, Provider, SessionKey, Tenants};
///
/// struct Customer {
///     issuer: String,
///     client_id: String,
///     client_secret: String,
/// }
///
/// struct Database(HashMap<String, Customer>);
///
/// impl Database {
///     async fn customer(&self, name: &str) -> std::io::Result<Option<&Customer>> {
///         Ok(self.0.get(name))
///     }
/// }
///
/// # fn build(database: Arc<Database>, key: SessionKey) -> Result<Gate, latchgate::ConfigError> {
/// let tenants = Tenants::new(move |name: String| {
///     let database = Arc::clone(&database);
///     async move {
///         let Some(customer) = database.customer(&name).await? else {
///             return Ok(None);
///         };
///         let provider = Provider::new(&customer.issuer, &customer.client_id)
///             .client_secret(customer.client_secret.as_str());
///         Ok::<_, std::io::Error>(Some(provider))
///     }
/// })
/// // `/t/acme/invoices` belongs to `acme`.
/// .of_pages(|page| page.path().strip_prefix("/t/")?.split('/').next().map(str::to_owned));
///
/// let gate = Gate::for_tenants("https://app.example.com", tenants)
///     .session_keys([key])
///     .build()?;
/// # Ok(gate)
/// # }
/// ```
///
/// # Names
///
/// A name has 1 to 63 lower-case letters, digits, `-` or `.`, and begins with a letter or a digit. `initiate` is not one,
/// nor is the name of a provider of the gate's own. The paths below `/login`, `/callback`, `/backchannel-logout` and
/// `/frontchannel-logout` are the tenants': `/login/acme` starts a login at the provider of `acme`.
/// [`Gate::tenant_uris`](crate::Gate::tenant_uris) lists what to register there. A page of the application that requires a
/// login sends people there if [`of_pages`](Self::of_pages) says so, or if it asks for it by
/// [`LoginOptions::provider`]; otherwise they choose on a page ([`by_email_domain`](Self::by_email_domain),
/// [`GateBuilder::sign_in_page`]).
///
/// [`Gate::client_credentials`](crate::Gate::client_credentials), access tokens beside sessions ([`GateBuilder::api`]) and logins
/// that a third party starts are for the gate's own providers.
///
/// # Who somebody is
///
/// A tenant chooses its provider, so its provider can claim that anybody is anybody. Trust it within the tenant only: a
/// person is identified by [`User::tenant`](crate::User::tenant), issuer and subject. Neither the issuer and the subject
/// nor the e-mail address are enough.
///
/// A session belongs to the registration that it came from: the tenant, the issuer and the client id. Once the tenant has
/// another, or is gone, the session is no longer valid. It is refreshed, revoked and ended at its own provider, and a logout
/// by the provider of one tenant ends no session of another, even if both name the same issuer. A browser has one session at
/// a time.
///
/// # What is asked, and how often
///
/// An answer is used for five minutes ([`max_age`](Self::max_age)) or until [`Gate::forget_tenant`](crate::Gate::forget_tenant);
/// that a tenant does not exist, for 30 seconds. Each name is looked up by one call at a time, which is not
/// interrupted when a browser hangs up; it runs in its own task, for at most ten seconds. While the function fails, logins get a `503`, as
/// do requests with a session whose provider this process does not know; what it does know is used for another hour at most.
///
/// Strangers can ask for names that they invent. Such names displace no tenant, and after 100 of them only ten more are
/// looked up each second; further names that this process does not know then get a `503`, unless they come from a session.
///
/// # Where requests go
///
/// Somebody else chooses the URLs of a tenant's provider, including the endpoints in its metadata. Requests go over https
/// and to public addresses only, as with [`ReqwestClient::public_only`], and no redirect is followed. The
/// gate's own [`http_client`](GateBuilder::http_client) is not used for them: see [`http_client`](Self::http_client).
///
/// A provider that is slow keeps people of its own tenant waiting, and no others: 64 logins of one tenant are finished at once, and
/// 64 of its refresh tokens revoked; further logins wait, and further tokens are not revoked.
#[must_use]
pub struct Tenants {
    resolver: Resolver,
    options: TenantOptions,
    reach: Reach,
    http: Option<Arc<dyn HttpClient>>,
}

/// What an application can choose about its tenants.
#[derive(Clone)]
pub(super) struct TenantOptions {
    pub(super) capacity: usize,
    pub(super) max_age: Duration,
    pub(super) by_email_domain: bool,
    pub(super) of_pages: Option<TenantOfPage>,
}

type Resolver = Arc<dyn Fn(String) -> Resolving + Send + Sync>;

type Resolving = Pin<Box<dyn Future<Output = Result<Option<Provider>, HookError>> + Send>>;

impl Tenants {
    /// The tenants that a function knows: it returns the registration at the provider of the tenant with a name, or `None`
    /// if there is no such tenant. An error means that it could not find out, and is logged.
    ///
    /// Of the registration, [`Provider::name`], [`Provider::label`] and [`Provider::email_domain`] have no effect. Do not let
    /// a tenant choose what weakens its logins, such as a symmetric [`Provider::id_token_alg`].
    pub fn new<E, F>(resolver: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<Option<Provider>, E>> + Send + 'static,
    {
        let resolver = move |name: String| -> Resolving {
            let answer = resolver(name);
            Box::pin(async move {
                answer
                    .await
                    .map_err(|error| HookError::Failed(error.into()))
            })
        };
        Self {
            resolver: Arc::new(resolver),
            options: TenantOptions {
                capacity: 1_000,
                max_age: Duration::from_secs(300),
                by_email_domain: false,
                of_pages: None,
            },
            reach: Reach::Public,
            http: None,
        }
    }

    /// How many tenants this process keeps in memory; the default is 1,000. Each takes some 30 KB with the metadata and keys
    /// of its provider. If there are more, the one that was looked up first makes room.
    pub fn capacity(mut self, tenants: usize) -> Self {
        self.options.capacity = tenants;
        self
    }

    /// How long an answer is used, from one second to one day; the default is five minutes. After that time a tenant that is
    /// gone has no sessions, and one with a new registration needs new logins, on every node.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = age;
        self
    }

    /// Finds tenants by the domain of an e-mail address: `/login?login_hint=alice@acme.example` leads to the provider of the
    /// tenant `acme.example`, and the page for choosing has a field for the address. The address decides where people are sent,
    /// and says nothing about who they are.
    pub fn by_email_domain(mut self) -> Self {
        self.options.by_email_domain = true;
        self
    }

    /// Says which tenant a page belongs to, by the path of the request or by a header that a proxy sets; `None` for a page of
    /// no tenant.
    ///
    /// Somebody who has to sign in for a page of a tenant does so at the tenant's provider. Only a session of this tenant is
    /// valid there: with a session of another tenant, or of none, nobody is signed in on this page, and the session stays
    /// as it is. An access token instead of a session is checked as always ([`GateBuilder::api`]).
    ///
    /// Without this, a session is valid on every page, and handlers have to check [`User::tenant`](crate::User::tenant).
    ///
    /// One gate cannot serve a host name for each tenant, because its cookies and redirect URIs belong to one host.
    pub fn of_pages(
        mut self,
        rule: impl Fn(&TenantPage<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.options.of_pages = Some(Arc::new(rule));
        self
    }

    /// Also accepts providers on this machine, over plain http or https: for development and tests only. On a server that
    /// others can reach, a tenant could make it talk to anything else that runs there.
    pub fn dangerous_loopback_for_development(mut self) -> Self {
        self.reach = Reach::PublicAndLoopback;
        self
    }

    /// Calls the providers of tenants with another HTTP client, which has to refuse addresses that are not public by itself, with
    /// an egress proxy, say. See [`HttpClient`] for what else it must do.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.http = Some(Arc::new(client));
        self
    }

    /// The clients that call their providers.
    pub(super) fn http_clients(
        &self,
        extra_roots: Option<Vec<u8>>,
        trace_context: Option<TraceHook>,
        mistakes: &mut Mistakes,
    ) -> Option<HttpClients> {
        let given = self.http.clone();
        HttpClients::new(self.reach, given, extra_roots, trace_context, mistakes)
    }

    /// The options. What is wrong with them is added to `mistakes`.
    pub(super) fn options(&self, mistakes: &mut Mistakes) -> TenantOptions {
        if self.options.capacity == 0 {
            mistakes.add("tenants", Problem::TenantCapacity);
        }
        let day = Duration::from_secs(24 * 3_600);
        if !(Duration::from_secs(1)..=day).contains(&self.options.max_age) {
            mistakes.add("tenants", Problem::TenantAge);
        }
        self.options.clone()
    }

    /// The function, from a name to the registration.
    pub(super) fn resolver(self, redirect_uri: String, http: HttpClients) -> TenantResolver {
        let http = Arc::new(http);
        let redirect_uri: Arc<str> = redirect_uri.into();
        let (resolver, reach) = (self.resolver, self.reach);
        Hook::tenant(move |name: String| {
            let answer = resolver(name.clone());
            let (redirect_uri, http) = (Arc::clone(&redirect_uri), Arc::clone(&http));
            async move {
                let Some(provider) = answer.await? else {
                    return Ok(None);
                };
                let registered = register(provider, &name, &redirect_uri, &http, reach);
                match registered {
                    Ok(registered) => Ok(Some(registered)),
                    Err(error) => Err(HookError::Failed(Box::new(error))),
                }
            }
        })
    }
}

/// The registration at the provider of a tenant, the options of logins there, and the client that calls it.
fn register(
    provider: Provider,
    tenant: &str,
    redirect_uri: &str,
    http: &HttpClients,
    reach: Reach,
) -> Result<TenantProvider, ConfigError> {
    let mut mistakes = Mistakes::default();
    let login_options = provider.every_login();
    let provider = provider.name(tenant);
    let registration = provider.register(format!("{redirect_uri}/{tenant}"), &mut mistakes);
    if let Some(registration) = &registration
        && reach == Reach::Public
        && registration.issuer.is_plain_http()
    {
        let problem = Problem::Issuer(IssuerError::NotHttps);
        mistakes.add("issuer", problem);
    }
    let client = registration.as_ref().map(|one| http.of(one));
    let client = client.and_then(|client| mistakes.keep_of("client_cert_file", client));
    mistakes.check()?;
    let (Some(mut registration), Some(client)) = (registration, client) else {
        return Err(Mistake::new("issuer", Problem::Missing).into());
    };
    let (issuer, client_id) = (&registration.issuer, &registration.client_id);
    registration.id = tenant_registration_id(tenant, issuer, client_id);
    Ok((registration, login_options, client))
}

impl GateBuilder {
    /// Starts with the public URL of an application whose people all come from tenants. It has no provider of its own;
    /// [`provider`](Self::provider) adds one, which needs a [name](Provider::name).
    /// [`Gate::for_tenants`](crate::Gate::for_tenants) is the same.
    pub fn for_tenants(base_url: impl Into<String>, tenants: Tenants) -> Self {
        Self::with(base_url.into(), Vec::new()).tenants(tenants)
    }

    /// Adds tenants, each with a provider of its own, beside the gate's providers, each of which then needs a
    /// [name](Provider::name).
    pub fn tenants(mut self, tenants: Tenants) -> Self {
        self.tenants = Some(tenants);
        self
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants")
            .field("capacity", &self.options.capacity)
            .field("max_age", &self.options.max_age)
            .field("by_email_domain", &self.options.by_email_domain)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
