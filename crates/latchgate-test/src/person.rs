//! Who a test is signed in as.

use std::fmt;
use std::time::Duration;

use latchgate::testing::TestLogin;
use latchgate::{CookiePersistence, SessionEnd};
use serde::Serialize;
use serde_json::{Value, json};

/// The lifetime of an access token unless a test says otherwise.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// Somebody who has signed in at the gate's provider, as far as the application can tell.
///
/// By default they have just signed in, at the first provider, with the requested scope. Their access token
/// `test-access-token` lasts an hour, and there is no refresh token. The
/// [`on_login`](latchgate::GateBuilder::on_login) hook runs as at any login, unless [`data`](Self::data) replaces its value.
///
/// ```
/// use latchgate_test::Person;
/// use std::time::Duration;
///
/// let alice = Person::new("alice").role("admin").email("alice@example.com");
/// let with_second_factor = alice.clone().acr("mfa").amr(["pwd", "otp"]);
/// let since_yesterday = alice.signed_in_ago(Duration::from_secs(86_400));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Person {
    login: TestLogin,
}

impl Person {
    /// Somebody with this subject identifier (`sub`), of 1 to 255 characters.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            login: TestLogin::new(subject),
        }
    }

    /// The name of the provider at which they have signed in, for a gate with several.
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.login.provider = Some(name.into());
        self
    }

    /// Adds a role, in the claim where the gate looks for roles first.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.login.roles.push(role.into());
        self
    }

    /// Adds a permission, in the claim where the gate looks for permissions first.
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.login.permissions.push(permission.into());
        self
    }

    /// Sets a claim of their ID token. It replaces one that every login has (`iss`, `aud`, `iat`, `exp`, `auth_time`), but
    /// not `sub`.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.login.claims.insert(name.into(), value.into());
        self
    }

    /// Their full name (`name`).
    pub fn name(self, name: impl Into<String>) -> Self {
        self.claim("name", name.into())
    }

    /// Their e-mail address, which the provider has verified (`email`, `email_verified`).
    pub fn email(self, email: impl Into<String>) -> Self {
        self.claim("email", email.into())
            .claim("email_verified", true)
    }

    /// How they authenticated, as a class (`acr`).
    pub fn acr(self, acr: impl Into<String>) -> Self {
        self.claim("acr", acr.into())
    }

    /// How they authenticated, as methods (`amr`, RFC 8176).
    pub fn amr<S: Into<String>>(self, amr: impl IntoIterator<Item = S>) -> Self {
        let methods: Vec<String> = amr.into_iter().map(Into::into).collect();
        self.claim("amr", methods)
    }

    /// When they authenticated (`auth_time`), in seconds since the epoch. See also
    /// [`signed_in_ago`](Self::signed_in_ago).
    pub fn auth_time(self, seconds: u64) -> Self {
        self.claim("auth_time", json!(seconds))
    }

    /// They authenticated this long ago, and have used the application ever since: for guards with a `max_age`.
    pub fn signed_in_ago(mut self, ago: Duration) -> Self {
        self.login.age = ago;
        self
    }

    /// The session at the provider (`sid`), which a back-channel logout names.
    pub fn sid(self, sid: impl Into<String>) -> Self {
        self.claim("sid", sid.into())
    }

    /// Their access token.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.login.access_token = token.into();
        self
    }

    /// The granted scope, space-separated.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.login.scope = Some(scope.into());
        self
    }

    /// Their refresh token.
    pub fn refresh_token(mut self, token: impl Into<String>) -> Self {
        self.login.refresh_token = Some(token.into());
        self
    }

    /// The access token expires in this time from now.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.login.access_token_age = Duration::ZERO;
        self.login.expires_in = Some(lifetime);
        self
    }

    /// The access token was issued this long ago. By default it was issued just now, and if an API rejects a token that is
    /// younger than 30 seconds, no other one is requested.
    pub fn access_token_age(mut self, age: Duration) -> Self {
        self.login.access_token_age = age;
        self
    }

    /// Of its hour, the access token has half a minute left, so a handler that asks for it causes a refresh.
    /// The refresh token is `test-refresh-token` unless [set](Self::refresh_token); a provider that does not know it refuses,
    /// and the session ends.
    pub fn due_for_refresh(self) -> Self {
        self.issued_ago(LIFETIME - Duration::from_secs(30))
    }

    /// The access token expired a minute ago. As for [`due_for_refresh`](Self::due_for_refresh), there is a refresh token;
    /// while the provider cannot be reached, handlers that ask for the access token respond with `503`.
    pub fn with_expired_access_token(self) -> Self {
        self.issued_ago(LIFETIME + Duration::from_secs(60))
    }

    /// The application's own value in the session, in place of what the [`on_login`](latchgate::GateBuilder::on_login) hook
    /// would return: the hook does not run.
    ///
    /// # Panics
    ///
    /// If the value cannot be written as JSON.
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test is told that it is wrong")]
    pub fn data(mut self, data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(data) => self.login.data = Some(data),
            Err(error) => panic!("the session's data cannot be written as JSON: {error}"),
        }
        self
    }

    /// Their session outlives the browser.
    pub fn remembered(mut self) -> Self {
        self.login.remembered = CookiePersistence::AcrossRestarts;
        self
    }

    /// Their session has ended for this reason: [`SessionEnd::Idle`], [`SessionEnd::Absolute`], [`SessionEnd::SignedOut`] and
    /// so on. The browser still sends its cookie. The reason is known for a session in a cookie; one in a store no longer exists.
    pub fn session_ended(mut self, why: SessionEnd) -> Self {
        self.login.ended = Some(why);
        self
    }

    fn issued_ago(mut self, ago: Duration) -> Self {
        self.login.access_token_age = ago;
        self.login.expires_in = Some(LIFETIME);
        let refresh_token = self.login.refresh_token.take();
        self.login.refresh_token = refresh_token.or_else(|| Some("test-refresh-token".to_owned()));
        self
    }

    pub(crate) fn into_login(self) -> TestLogin {
        self.login
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.login.fmt(f)
    }
}
