//! The gate: request in, verdict out. All awaiting happens in this room.

mod back_channel;
mod callback;
mod challenge;
mod change;
mod claims;
mod data;
mod door;
mod ending;
mod errand;
mod front_channel;
#[cfg(test)]
mod hang_ups;
mod hooks;
mod login;
mod logout;
mod outstanding;
mod page;
mod pass;
mod passage;
mod reach;
mod refresh;
mod refusal;
mod refuse;
mod routes;
mod tokens;
mod turn;
mod unopened;
mod visit;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::authorization::{LoginOptions, RememberMe};
use crate::background::Background;
use crate::client::Registration;
use crate::cookie::CookieKind;
use crate::error::Error;
use crate::head::RequestHead;
use crate::hook::Hooks;
use crate::outside::{Clock, Random};
use crate::provider::ClaimPaths;
use crate::seal::KeyRing;
use crate::session::{Lifetimes, ObeyedTokens, Renewals, Revocations, SharedRevocations};

pub use challenge::Challenge;
pub use data::SessionData;
pub(crate) use door::{Keeping, Kept};
pub use errand::Errand;
pub(crate) use outstanding::Outstanding;
pub use pass::Pass;
pub(crate) use reach::Reach;
pub(crate) use refusal::PageHook;
pub use refusal::{LoginForm, Refusal, WayOn};
pub use routes::BasePath;
pub(crate) use routes::{Evidence, Route, Routes};
pub(crate) use unopened::Unopened;
pub use visit::{ResponseHead, Visit};

/// The door of one application: who is configured, what is known of them, how sessions are kept.
///
/// Cheap to clone. Built by [`Gate::from_env`], [`Gate::from_toml`] or [`Gate::builder`], without
/// the network: the provider's metadata is fetched when the first login needs it, kept, and used
/// on while the provider is down.
#[derive(Clone)]
pub struct Gate(pub(crate) Arc<Premises>);

pub(crate) struct Premises {
    pub(crate) base: Base,
    pub(crate) routes: Routes,
    pub(crate) registration: Registration,
    /// What every login asks for unless it has wishes of its own.
    pub(crate) login_options: LoginOptions,
    pub(crate) reach: Reach,
    pub(crate) keys: KeyRing,
    pub(crate) session_cookie: CookieKind,
    pub(crate) login_cookie: CookieKind,
    pub(crate) logout_cookie: CookieKind,
    pub(crate) keeping: Keeping,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) remember_me: RememberMe,
    pub(crate) renewals: Arc<Renewals>,
    pub(crate) revocations: Revocations,
    pub(crate) unopened: Unopened,
    /// The revocations of all nodes, where they share them.
    pub(crate) shared_revocations: Option<SharedRevocations>,
    /// The obeyed logout tokens of all nodes, where they have a store in common.
    pub(crate) obeyed_tokens: Option<ObeyedTokens>,
    /// What browsers are asked to forget at logout, as a header.
    pub(crate) clear_site_data: Option<HeaderValue>,
    /// The claims that hold roles and permissions.
    pub(crate) claim_paths: Arc<ClaimPaths>,
    /// How far the provider's clock may be off, in seconds.
    pub(crate) leeway: u64,
    pub(crate) background: Arc<Background>,
    /// Ends of sessions that a store has yet to hear of.
    pub(crate) outstanding: Outstanding,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) page_hook: Option<PageHook>,
    pub(crate) hooks: Hooks,
}

/// The public URL of the application, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// `https://app.example.com`
    pub(crate) origin: String,
    /// The path the application lives under, without a trailing slash; mostly empty.
    pub(crate) path: String,
    pub(crate) arrives: BasePath,
}

impl Base {
    /// A path of ours in the form in which requests for it arrive.
    fn arriving<'p>(&self, path: &'p str) -> &'p str {
        match self.arrives {
            BasePath::Kept => path,
            BasePath::Stripped => path.strip_prefix(&self.path).unwrap_or(path),
        }
    }
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It is for one of our routes: run the errand and send its response. The application is never
    /// asked.
    Respond(Box<Errand>),
    /// It is the application's. With a session cookie of ours comes a visit, for the request's
    /// extensions; without one there is nothing to carry.
    Pass(Pass),
}

impl Gate {
    /// Decides about a request by its head. Without a cookie of ours this allocates nothing.
    pub fn admit<H: RequestHead>(&self, head: &H) -> Verdict {
        if let Some(errand) = self.errand(head) {
            return Verdict::Respond(Box::new(errand));
        }
        let mut ours = false;
        head.header("cookie", &mut |field| {
            ours = ours || self.0.session_cookie.is_in(field);
        });
        let visit = ours.then(|| Visit::new(self.clone()));
        Verdict::Pass(Pass::new(self, visit, head))
    }

    /// Fetches the provider's metadata and keys now, for applications that would rather fail at
    /// start than at the first login.
    ///
    /// # Errors
    ///
    /// What a login would fail with: the provider cannot be reached, or its metadata or keys cannot
    /// be used.
    pub async fn warm_up(&self) -> Result<(), Error> {
        let now = self.0.clock.now();
        self.0.reach.metadata(now).await?;
        self.0.reach.keys(now).await?;
        Ok(())
    }

    /// The path that starts a login, for links and forms: `/login` unless configured otherwise.
    ///
    /// Both may say where to come back to (`return_to`, a path of the application's) and that the
    /// browser is to be remembered (`remember=yes`). A form, by `POST`, may also have the field
    /// `prompt` with the value `login` or `select_account`, so that the provider asks who is there:
    /// for "switch account". It is refused from another site, which has no say in a login.
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

    /// The redirect URI to register at the provider.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.0.registration.redirect_uri
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
        self.0.clock.now()
    }
}

/// How long all of one call to the provider may take.
pub(crate) const PROVIDER_DEADLINE: Duration = Duration::from_secs(10);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("base", &self.0.base)
            .field("routes", &self.0.routes)
            .field("registration", &self.0.registration)
            .finish_non_exhaustive()
    }
}
