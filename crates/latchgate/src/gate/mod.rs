//! The gate: request in, answer out.

mod answer;
mod api;
mod api_answer;
mod api_challenges;
mod back_channel;
mod callback;
mod challenge;
mod check;
mod chooser;
mod client_credentials;
mod csrf;
mod end_sessions;
mod extract;
mod front_channel;
#[cfg(test)]
mod hang_ups;
mod initiate_login;
mod login;
mod logout;
mod page;
mod pass;
mod popup;
mod refusal;
mod refuse;
mod route_request;
mod routes;
mod session_route;
mod sign_in;
mod silent_login;
mod tenants;
#[cfg(feature = "testing")]
mod test_login;
#[cfg(feature = "testing")]
mod test_visitor;
mod words;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response};

use crate::authorization::RememberMe;
use crate::background::Background;
use crate::cookie::CookieKind;
use crate::error::Error;
use crate::head::RequestHead;
use crate::io::Random;
use crate::relying_party::RelyingParties;
use crate::request_session::{Context, RequestSession};
use crate::resource_server::{RequestToken, ResourceServer};
use crate::seal::KeyRing;
use crate::sessions::Sessions;
use crate::visitor::Visitors;

pub use api::Api;
pub(crate) use api::ApiParts;
pub use challenge::Challenge;
pub use check::GateCheck;
pub use chooser::LoginProvider;
pub use extract::Extract;
#[cfg(test)]
pub(crate) use hang_ups::SlowStore;
pub use pass::Pass;
pub(crate) use refusal::PageHook;
pub use refusal::{LoginForm, Refusal, WayOn};
pub use route_request::RouteRequest;
pub use routes::BasePath;
pub(crate) use routes::{Evidence, Route, Routes};
pub(crate) use session_route::USUAL_CLAIMS;
pub use sign_in::SignedIn;
pub(crate) use tenants::TenantOfPage;
pub use tenants::{TenantPage, TenantUris};
#[cfg(feature = "testing")]
pub use test_login::TestLoginError;

/// The gate of one application: its provider, its sessions and its routes.
///
/// Cheap to clone. Built by [`Gate::from_env`], [`Gate::from_toml`] or [`Gate::builder`], without
/// the network: the provider's metadata is fetched when the first login needs it, kept, and used
/// stale while the provider is down.
#[derive(Clone)]
pub struct Gate(pub(crate) Arc<GateParts>);

/// What a gate is made of.
pub(crate) struct GateParts {
    pub(crate) base: Base,
    pub(crate) routes: Routes,
    /// The redirect URI of a provider without a name. Those of others are below it.
    pub(crate) redirect_uri: String,
    /// Says which tenant a page belongs to.
    pub(crate) tenant_of_page: Option<TenantOfPage>,
    /// The sessions, their providers and the application's hooks.
    pub(crate) context: Arc<Context>,
    /// For the cookies of pending logins and logouts.
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) key_origin: KeyOrigin,
    pub(crate) login_cookie: CookieKind,
    /// The same for providers that answer by a cross-site `POST`.
    pub(crate) cross_site_login_cookie: CookieKind,
    pub(crate) logout_cookie: CookieKind,
    /// The marker of browsers that have tried a silent login.
    pub(crate) silent_cookie: CookieKind,
    pub(crate) silent_logins: SilentLogins,
    /// What the application keeps for visitors.
    pub(crate) visitors: Arc<Visitors>,
    pub(crate) remember_me: RememberMe,
    pub(crate) ui_locales: UiLocales,
    /// The claims that scripts may read.
    pub(crate) session_claims: Vec<String>,
    /// The `Clear-Site-Data` header sent at logout.
    pub(crate) clear_site_data: Option<HeaderValue>,
    /// Where access tokens are accepted beside sessions.
    pub(crate) resource_server: Option<Arc<ResourceServer>>,
    pub(crate) page_hook: Option<PageHook>,
    pub(crate) background: Arc<Background>,
    pub(crate) random: Arc<dyn Random>,
}

/// Where the session keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// The configuration.
    Configured,
    /// This process has drawn one, which ends with it.
    ThisProcess,
}

/// Where the languages of the provider's pages come from, unless a login says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UiLocales {
    /// The options of every login.
    #[default]
    AsConfigured,
    /// `Accept-Language`, or else the options of every login.
    OfTheBrowser,
}

/// Who starts silent logins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SilentLogins {
    /// Handlers alone.
    #[default]
    ByHandlers,
    /// Pages that ask for a user as well, after so many seconds again.
    Every(u64),
}

/// The public URL of the application, in parts.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// `https://app.example.com`
    pub(crate) origin: String,
    /// The path of the application, without a trailing slash; usually empty.
    pub(crate) path: String,
    pub(crate) arrives: BasePath,
}

impl Base {
    /// The path that a proxy removes from every request's; usually empty.
    pub(crate) fn stripped(&self) -> &str {
        match self.arrives {
            BasePath::Kept => "",
            BasePath::Stripped => &self.path,
        }
    }

    /// A path of ours as requests for it arrive.
    fn as_received<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.stripped()).unwrap_or(path)
    }
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It is for one of our routes: run it and send its response. The application does not see it.
    Respond(Box<RouteRequest>),
    /// It is answered already: send this. The application does not see it.
    Answer(Box<Response<Bytes>>),
    /// It is for the application. If it has a session cookie of ours or an access token, put [`Pass::session`] and
    /// [`Pass::token`] into its extensions.
    Pass(Pass),
}

impl Gate {
    /// Decides about a request by its head. Without a cookie of ours this allocates nothing.
    pub fn admit<H: RequestHead>(&self, head: &H) -> Verdict {
        if let Some(request) = self.route_request(head) {
            return Verdict::Respond(Box::new(request));
        }
        // A request that presents a token is judged by it alone: a bad one never falls back to a session.
        if let Some(server) = &self.0.resource_server {
            if let Some(answer) = api::metadata_answer(server, head) {
                return Verdict::Answer(Box::new(answer));
            }
            if let Some(token) = RequestToken::of(server, head) {
                return Verdict::Pass(Pass::new(self, None, Some(token), head));
            }
        }
        let mut ours = false;
        head.header("cookie", &mut |field| {
            ours = ours || self.sessions().has_cookie(field);
        });
        if ours && let Some(answer) = self.refuse_forgery(head) {
            return Verdict::Answer(Box::new(answer));
        }
        let tenant = self.tenant_of_page(head);
        let session =
            ours.then(|| RequestSession::new(Arc::clone(&self.0.context), tenant.clone()));
        let silent = match session {
            None => self.silent_navigation(head),
            Some(_) => None,
        };
        let pass = Pass::new(self, session, None, head).silently(silent);
        Verdict::Pass(pass.at_tenant(tenant))
    }

    /// Fetches the metadata and keys of every provider now, for applications that should fail at start rather than at the
    /// first login. Those of tenants are fetched when somebody signs in there.
    ///
    /// # Errors
    ///
    /// As a login would: a provider cannot be reached, or its metadata or keys are not valid.
    pub async fn warm_up(&self) -> Result<(), Error> {
        for party in self.relying_parties().iter() {
            party.warm_up().await?;
        }
        Ok(())
    }

    /// The path that starts a login, for links and forms: `/login` unless configured otherwise. If there are several
    /// providers, the visitor chooses one there, unless the parameter `login_hint` is an e-mail address whose domain
    /// one of them [claims](crate::Provider::email_domain); [`Gate::providers`] has the path of each.
    ///
    /// Both accept the parameters `return_to`, a path of the application, and `remember=yes`, to keep the session
    /// across browser restarts; from pages of the application also `ui_locales`, the languages of the provider's pages, and
    /// `display=popup`. A form sent by `POST` may also have the field `prompt` with the value `login` or
    /// `select_account`, so that the provider asks who is there, for "switch account"; or `none`, which shows no page, and comes
    /// back without a session if the provider would have to show one. The fields `acr_values` and
    /// `max_age` (in seconds) let a script do what a guard's challenge asked for. A form from another site is refused.
    ///
    /// # In a pop-up
    ///
    /// With `display=popup`, which goes to the provider, too ([OpenID Connect Core 1.0
    /// §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)), a login ends with a page that says so on
    /// the broadcast channel `latchgate` and closes its window. Pages of the same origin hear `{ type: "login", outcome:
    /// "signed_in" }`, or `outcome: "refused"` with the `code` and `id` of the refusal, and never a token or a claim; the
    /// page that opened the window gets the same message from it. Scripts need nothing but this:
    ///
    /// ```js
    /// const channel = new BroadcastChannel("latchgate");
    ///
    /// /** Signs somebody in without leaving the page. Call it from a click: browsers block other pop-ups. */
    /// function signIn() {
    ///   const here = location.pathname + location.search + location.hash;
    ///   const login = "/login?return_to=" + encodeURIComponent(here);
    ///   if (!window.open(login + "&display=popup", "login", "popup,width=480,height=640")) {
    ///     location.assign(login);
    ///   }
    /// }
    ///
    /// channel.addEventListener("message", async ({ data }) => {
    ///   if (data.type !== "login") return;
    ///   if (data.outcome === "refused") return alert(`Not signed in: ${data.code} (${data.id})`);
    ///   const session = await fetch("/session").then((response) => response.json());
    ///   // The page goes on with what it was doing, for `session.claims.sub`.
    /// });
    /// ```
    ///
    /// Do not poll the window's `closed`: a provider with a `Cross-Origin-Opener-Policy` severs the link, and it seems closed while
    /// somebody is typing a password. If somebody closes the window, no page is told. If a login takes longer than fifteen
    /// minutes, pages hear `refused`, for up to an hour. A guard that needs a stronger login gets one in the same
    /// way, by a form with `target="login"` that posts the fields above and `display`. Another site's page cannot open such
    /// a login: it gets an ordinary one.
    #[must_use]
    pub fn login_path(&self) -> &str {
        &self.0.routes.login
    }

    /// The path that signs out, for forms with `method="post"`: `/logout` unless configured
    /// otherwise.
    #[must_use]
    pub fn logout_path(&self) -> &str {
        &self.0.routes.logout
    }

    /// The path at which scripts read who is signed in; `None` unless [`session_path`](crate::GateBuilder::session_path)
    /// is set.
    #[must_use]
    pub fn session_path(&self) -> Option<&str> {
        self.0.routes.session.as_deref()
    }

    /// The redirect URI to register at the provider; at the first one, if there are several ([`Gate::providers`]). For
    /// those of tenants, see [`Gate::tenant_uris`].
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        match self.relying_parties().main() {
            Some(party) => &party.registration().redirect_uri,
            None => &self.0.redirect_uri,
        }
    }

    /// The URI at which a provider or a portal may start a login, to register as `initiate_login_uri`; `None` unless
    /// [`initiate_login_path`](crate::GateBuilder::initiate_login_path) is set.
    #[must_use]
    pub fn initiate_login_uri(&self) -> Option<String> {
        let path = self.0.routes.initiate_login.as_deref()?;
        Some(format!("{}{path}", self.0.base.origin))
    }

    /// The back-channel logout URI to register at the provider.
    #[must_use]
    pub fn back_channel_logout_uri(&self) -> String {
        format!(
            "{}{}",
            self.0.base.origin, self.0.routes.back_channel_logout
        )
    }

    /// The front-channel logout URI to register at the provider, with
    /// `frontchannel_logout_session_required`.
    #[must_use]
    pub fn front_channel_logout_uri(&self) -> String {
        format!(
            "{}{}",
            self.0.base.origin, self.0.routes.front_channel_logout
        )
    }

    /// The post-logout redirect URI to register at the provider.
    #[must_use]
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}{}", self.0.base.origin, self.0.routes.after_logout)
    }

    /// The current time by the gate's clock, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.sessions().now()
    }

    fn sessions(&self) -> &Arc<Sessions> {
        &self.0.context.sessions
    }

    fn relying_parties(&self) -> &RelyingParties {
        &self.0.context.relying_parties
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("base", &self.0.base)
            .field("routes", &self.0.routes)
            .field("relying_parties", self.relying_parties())
            .finish_non_exhaustive()
    }
}
