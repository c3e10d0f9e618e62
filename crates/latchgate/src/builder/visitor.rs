//! What the application keeps for visitors who are not signed in.

use std::time::Duration;

use serde::Serialize;

use super::GateBuilder;
use crate::config::Problem;
use crate::hook::{Hook, LoginHook, LoginRejection};
use crate::session::User;
use crate::visitor::{LONGEST_LIFETIME, Visitor};

/// How long a visitor's data is kept after the last change, unless a setting says otherwise: 30 days.
pub(super) const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The shortest lifetime, in seconds.
const SHORTEST: u64 = 60;

impl GateBuilder {
    /// How long the data of a [`Visitor`] is kept after its last change: one minute to 365 days; the default is 30 days.
    ///
    /// A shorter lifetime applies to existing data at once. A year after its first value was set, all of a visitor's data is
    /// dropped in any case.
    pub fn visitor_lifetime(mut self, lifetime: Duration) -> Self {
        self.visitor_lifetime = lifetime;
        self
    }

    /// Replaces [`on_login`](Self::on_login) for an application that keeps data for visitors: the hook gets the data of the
    /// browser that signs in, and decides which of it goes into the session. When the session has begun, the data is
    /// removed from the browser, except what the hook has [set](Visitor::set). If the login fails, nothing changes.
    ///
    /// ```
    /// # use latchgate::{Gate, LoginRejection, Provider, User, Visitor};
    /// #[derive(Default, serde::Serialize, serde::Deserialize)]
    /// struct Cart {
    ///     items: Vec<u64>,
    /// }
    ///
    /// # let provider = Provider::new("https://login.example.com/", "my-app").client_secret("s");
    /// let gate = Gate::builder("http://localhost:3000", provider)
    ///     .on_login_with_visitor(async |user: User, visitor: Visitor| {
    ///         # let find = async |_: &str| Ok::<_, std::fmt::Error>(Cart::default());
    ///         let mut cart = find(user.subject()).await?; // in the application's database
    ///         cart.items.extend(visitor.get::<Cart>("cart").unwrap_or_default().items);
    ///         if let Some(language) = visitor.get::<String>("language") {
    ///             visitor.set("language", &language)?; // it stays with the browser
    ///         }
    ///         Ok(cart)
    ///     })
    ///     .build()?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// The data was written by this application, but not necessarily for this person: somebody may have used the browser
    /// before. It must not decide who anybody is or what they may do. The hook gets none of it if a link on another site has
    /// led to the login, if a third party has started it, or if it is silent: then the data stays in the browser, and handlers
    /// can ask the person about it.
    ///
    /// The arguments are this crate's [`User`] and [`Visitor`], or types that are [`From`] them, such as those of an
    /// adapter.
    pub fn on_login_with_visitor<U, V, T, F>(
        mut self,
        hook: impl Fn(U, V) -> F + Send + Sync + 'static,
    ) -> Self
    where
        U: From<User>,
        V: From<Visitor>,
        T: Serialize,
        F: Future<Output = Result<T, LoginRejection>> + Send + 'static,
    {
        let hook = Hook::login_with_visitor(hook);
        self.hooks.login = Some(LoginHook::WithVisitor(hook));
        self
    }
}

/// The lifetime in seconds.
pub(super) fn lifetime(lifetime: Duration) -> Result<u64, Problem> {
    match lifetime.as_secs() {
        seconds @ SHORTEST..=LONGEST_LIFETIME => Ok(seconds),
        _ => Err(Problem::VisitorLifetime),
    }
}
