//! The application's hooks.

use serde::Serialize;

use super::GateBuilder;
use crate::hook::{Hook, LoginHook, LoginRejection, Logout};
use crate::session::User;

impl GateBuilder {
    /// Asks the application about every login, after everything from the provider has been verified
    /// and before there is a session. The value that the hook returns is kept in the session, as JSON
    /// of 64 KiB at most: handlers get it by [`User::data`], or as an argument by the adapters'
    /// `SessionData`.
    ///
    /// A [`LoginRejection`] ends the login without a session; the refresh token is revoked if the
    /// provider supports that. A hook has ten seconds and must not block its thread.
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
    /// let gate = Gate::builder("http://localhost:3000", provider)
    ///     .on_login(customer)
    ///     .build()?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// Where several providers sign people in, it is here that the application says that two identities are one account
    /// of its own: the value names the account, whichever identity led to it. Sessions stay with their identity. A logout
    /// concerns the sessions of one provider, and [`Gate::end_sessions_of`](crate::Gate::end_sessions_of) one identity: to log
    /// an account out everywhere, call it for each identity that is linked to it. Link an identity only while its person
    /// is signed in to the account, never because two providers say the same e-mail address.
    ///
    /// The argument is this crate's [`User`] or any type that is [`From`] it, such as the `User` of an
    /// adapter: a hook can share functions with handlers. A closure has to name the type:
    ///
    /// ```
    /// # use latchgate::{GateBuilder, LoginRejection};
    /// struct Email(Option<String>); // or latchgate_tower::User, latchgate_actix::User
    ///
    /// impl From<latchgate::User> for Email {
    ///     fn from(user: latchgate::User) -> Self {
    ///         Self(user.email().map(str::to_owned))
    ///     }
    /// }
    ///
    /// # fn hooked(builder: GateBuilder) -> GateBuilder {
    /// builder.on_login(async |Email(address): Email| {
    ///     address.ok_or(LoginRejection::forbidden("no e-mail address"))
    /// })
    /// # }
    /// ```
    pub fn on_login<U, T, F>(mut self, hook: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: Serialize,
        F: Future<Output = Result<T, LoginRejection>> + Send + 'static,
    {
        self.hooks.login = Some(LoginHook::Alone(Hook::login(hook)));
        self
    }

    /// Tells the application of every token refresh, after the new tokens have been stored, with what
    /// the provider now says about the person. The hook may return a new value for the session; `None`
    /// leaves it as it is. An error is logged and changes nothing. If a handler changes the value at
    /// the same moment, the hook is called again, with the handler's value.
    ///
    /// Requests that wait for the new tokens wait for the hook too: it has ten seconds in all, and
    /// must not block its thread. Its argument is a [`User`] or any type that is [`From`] it, as with
    /// [`on_login`](Self::on_login).
    ///
    /// ```
    /// # use latchgate::{GateBuilder, User};
    /// # fn hooked(builder: GateBuilder) -> GateBuilder {
    /// builder.on_refresh(async |user: User| {
    ///     let admin = user.roles().contains(&"admin");
    ///     Ok::<_, std::fmt::Error>(Some(admin))
    /// })
    /// # }
    /// ```
    pub fn on_refresh<U, T, E, F>(mut self, hook: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: Serialize,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        self.hooks.refresh = Some(Hook::refresh(hook));
        self
    }

    /// Tells the application that a session has ended: somebody signed out, or the provider ended or
    /// revoked it. The hook is not called for sessions that reach a deadline, nor for one that a new
    /// login in the same browser replaces.
    ///
    /// The hook runs in the background. It has ten seconds, and must not block its thread; an error is
    /// logged.
    ///
    /// ```
    /// # use latchgate::{GateBuilder, Logout};
    /// # fn hooked(builder: GateBuilder) -> GateBuilder {
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
