//! The application's hooks.

use serde::Serialize;

use super::{GateBuilder, Ready};
use crate::hook::{Hook, LoginRejection, Logout};
use crate::session::User;

impl GateBuilder<Ready> {
    /// Asks the application about every login, after all that came from the provider has been
    /// verified and before there is a session. What it answers is kept in the session, as JSON of
    /// 64 KiB at most: handlers get it by [`User::data`], or as an argument by the adapters'
    /// `SessionData`.
    ///
    /// A [`LoginRejection`] leaves no session behind; the refresh token is revoked if the provider
    /// can do that. A hook has ten seconds and must not block its thread.
    ///
    /// ```
    /// # use latchgate::{Gate, LoginRejection, Provider, User};
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Customer {
    ///     number: u64,
    /// }
    ///
    /// async fn customer(user: User) -> Result<Customer, LoginRejection> {
    ///     # let find = async |_: &str| Ok::<_, std::fmt::Error>(Some(1));
    ///     let number = find(user.subject()).await?; // in the application's database
    ///     let number = number.ok_or(LoginRejection::forbidden("not a customer"))?;
    ///     Ok(Customer { number })
    /// }
    ///
    /// # let provider = Provider::new("https://login.example.com/", "my-app").client_secret("s");
    /// let gate = Gate::builder()
    ///     .base_url("http://localhost:3000")
    ///     .provider(provider)
    ///     .on_login(customer)
    ///     .build()?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    pub fn on_login<T, F>(mut self, hook: impl Fn(User) -> F + Send + Sync + 'static) -> Self
    where
        T: Serialize,
        F: Future<Output = Result<T, LoginRejection>> + Send + 'static,
    {
        self.hooks.login = Some(Hook::login(hook));
        self
    }

    /// Tells the application of every token refresh, once the new tokens are safe, with what the
    /// provider says of the person now. It may answer with a new value for the session; `None` leaves
    /// it as it is. An error is logged and changes nothing. When a handler changes the value at the same
    /// moment, the hook is asked again, with what the handler made of it.
    ///
    /// Requests that wait for the new tokens wait for the hook too: it has ten seconds in all, and
    /// must not block its thread.
    ///
    /// ```
    /// # use latchgate::{GateBuilder, Ready, User};
    /// # fn hooked(builder: GateBuilder<Ready>) -> GateBuilder<Ready> {
    /// builder.on_refresh(async |user: User| {
    ///     let admin = user.roles().contains(&"admin");
    ///     Ok::<_, std::fmt::Error>(Some(admin))
    /// })
    /// # }
    /// ```
    pub fn on_refresh<T, E, F>(mut self, hook: impl Fn(User) -> F + Send + Sync + 'static) -> Self
    where
        T: Serialize,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        self.hooks.refresh = Some(Hook::refresh(hook));
        self
    }

    /// Tells the application that a session has ended: somebody signed out, or the provider ended or
    /// revoked it. Not of sessions that reach a deadline, nor of one that a new login in the same
    /// browser replaces.
    ///
    /// Nobody waits for the hook. It has ten seconds, and must not block its thread; an error is logged.
    ///
    /// ```
    /// # use latchgate::{GateBuilder, Ready, Logout};
    /// # fn hooked(builder: GateBuilder<Ready>) -> GateBuilder<Ready> {
    /// builder.on_logout(async |logout: Logout| {
    ///     println!("{} is gone: {}", logout.subject.unwrap_or_default(), logout.why);
    ///     Ok::<_, std::fmt::Error>(())
    /// })
    /// # }
    /// ```
    pub fn on_logout<E, F>(mut self, hook: impl Fn(Logout) -> F + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.hooks.logout = Some(Hook::logout(hook));
        self
    }
}
