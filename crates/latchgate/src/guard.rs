//! Access rules: conditions on the signed-in person, as values.

mod denial;

use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use denial::{Denial, GuardError};

use crate::authorization::StepUp;
use crate::hook::{GuardRejection, Hook, HookError};
use crate::session::User;

/// Conditions a person must meet, all of them.
///
/// A guard applies where it is placed, to the route that the framework matched, never to a path string.
///
/// ```
/// use std::time::Duration;
/// use latchgate::Guard;
///
/// let admins = Guard::signed_in().role("admin").max_age(Duration::from_secs(300));
/// ```
///
/// # Order
///
/// 1. roles, permissions and scopes,
/// 2. the alternatives of [`any_of`](Self::any_of),
/// 3. the application's own rules, [`when`](Self::when) and [`when_data`](Self::when_data), in the order they were added,
/// 4. how and when the person authenticated: [`acr`](Self::acr), [`amr`](Self::amr), [`max_age`](Self::max_age).
///
/// The first condition that is not met decides, and nothing after it is evaluated. A rule that asks a database is
/// therefore asked about people only who have the roles; and nobody is sent to authenticate again for what they may not
/// do in any case.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Guard {
    roles: Vec<String>,
    permissions: Vec<String>,
    scopes: Vec<String>,
    alternatives: Vec<Vec<Guard>>,
    rules: Vec<Hook<User, ()>>,
    authentication: StepUp,
}

/// What is still to be done by somebody who meets every condition but those of their authentication.
type Remaining = Result<Option<StepUp>, GuardError>;

impl Guard {
    /// Somebody must be signed in.
    pub fn signed_in() -> Self {
        Self::default()
    }

    /// They must also have this role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// They must also have this permission ([`User::permissions`](crate::User::permissions)).
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.permissions.push(permission.into());
        self
    }

    /// This scope value must also have been granted.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// They must also meet at least one of these guards. An empty list admits nobody.
    ///
    /// The alternatives are evaluated in order until one is met. If none is, but one of them lacks nothing but the
    /// required authentication, the person is sent to authenticate again for the first such one.
    ///
    /// ```
    /// # use latchgate::Guard;
    /// let staff = Guard::signed_in().any_of([
    ///     Guard::signed_in().role("admin"),
    ///     Guard::signed_in().role("support").permission("read:invoices"),
    /// ]);
    /// ```
    pub fn any_of(mut self, alternatives: impl IntoIterator<Item = Self>) -> Self {
        self.alternatives.push(alternatives.into_iter().collect());
        self
    }

    /// The application's own rule about the person, which may ask its database, must also admit them.
    ///
    /// The rule runs in its own task, for ten seconds at most. It denies by [`GuardRejection::forbidden`] (`403`). If it
    /// returns any other error, panics or takes too long, the visitor gets a `503` with the code `guard_failed` and an
    /// id, and the log the cause: a database that is down is not a denial.
    ///
    /// `U` is [`User`](crate::User), or the adapter's.
    ///
    /// ```
    /// # use latchgate::{Guard, GuardRejection, User};
    /// # async fn is_member(_: &str) -> std::io::Result<bool> { Ok(true) }
    /// let members = Guard::signed_in().when(async |user: User| {
    ///     match is_member(user.subject()).await? {
    ///         true => Ok(()),
    ///         false => Err(GuardRejection::forbidden("no member")),
    ///     }
    /// });
    /// ```
    pub fn when<U, F>(mut self, rule: impl Fn(U) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        F: Future<Output = Result<(), GuardRejection>> + Send + 'static,
    {
        self.rules.push(Hook::guard(rule));
        self
    }

    /// The same, for a rule about the person and the application's value in their session, which the
    /// [`on_login`](crate::GateBuilder::on_login) hook returned.
    ///
    /// Whoever has no value of this type is sent to sign in again, as by the extractor `SessionData`.
    ///
    /// ```
    /// # use latchgate::{Guard, GuardRejection, User};
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Account {
    ///     active: bool,
    /// }
    ///
    /// let active = Guard::signed_in().when_data(async |_: User, account: Account| {
    ///     match account.active {
    ///         true => Ok(()),
    ///         false => Err(GuardRejection::forbidden("the account is suspended")),
    ///     }
    /// });
    /// ```
    pub fn when_data<U, T, F>(mut self, rule: impl Fn(U, T) -> F + Send + Sync + 'static) -> Self
    where
        U: From<User>,
        T: DeserializeOwned,
        F: Future<Output = Result<(), GuardRejection>> + Send + 'static,
    {
        self.rules.push(Hook::guard_with_data(rule));
        self
    }

    /// The ID token's `acr` must also be this one, or another that was added: a person has one only. They are requested
    /// in the order they were added. Whoever has none of them is sent to authenticate again.
    pub fn acr(mut self, acr: impl Into<String>) -> Self {
        self.authentication.acr.push(acr.into());
        self
    }

    /// The ID token's `amr` must also contain this method (RFC 8176), such as `otp`. Whoever has authenticated without it
    /// is sent to authenticate again, with `prompt=login`: a provider has to know by `acr_values`, or by its own policy,
    /// which methods to use.
    pub fn amr(mut self, method: impl Into<String>) -> Self {
        self.authentication.amr.push(method.into());
        self
    }

    /// They must have authenticated at the provider within the last `age` (whole seconds). Whoever
    /// did not is sent there to authenticate again.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.authentication.max_age = Some(age.as_secs());
        self
    }

    /// Checks a person at the time `now`, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// The first condition that is not met, in the order above, or that a rule of the application could not decide.
    pub async fn check(&self, user: &User, now: u64) -> Result<(), GuardError> {
        match self.remaining(user, now).await? {
            None => Ok(()),
            Some(required) => Err(GuardError::Denied(Denial::StepUp(required))),
        }
    }

    async fn remaining(&self, user: &User, now: u64) -> Remaining {
        self.check_claims(user).map_err(GuardError::Denied)?;
        let mut remaining: Option<StepUp> = None;
        for alternatives in &self.alternatives {
            if let Some(required) = least_remaining(alternatives, user, now).await? {
                remaining = Some(match remaining {
                    Some(others) => others.and(required),
                    None => required,
                });
            }
        }
        for rule in &self.rules {
            match rule.call(user.clone()).await {
                Ok(()) => {}
                Err(HookError::Refused { reason }) => {
                    return Err(GuardError::Denied(Denial::Rule(reason)));
                }
                Err(error) => return Err(GuardError::Failed(error)),
            }
        }
        Ok(match remaining {
            Some(others) => Some(self.authentication.clone().and(others)),
            None if self.is_authenticated_by(user, now) => None,
            None => Some(self.authentication.clone()),
        })
    }

    fn check_claims(&self, user: &User) -> Result<(), Denial> {
        // Roles and permissions are in claims, which are parsed on demand.
        let mut roles = self.roles.iter();
        if let Some(role) = roles.find(|role| !user.roles().contains(&role.as_str())) {
            return Err(Denial::Role(role.clone()));
        }
        let mut permissions = self.permissions.iter();
        if let Some(permission) =
            permissions.find(|permission| !user.permissions().contains(&permission.as_str()))
        {
            return Err(Denial::Permission(permission.clone()));
        }
        let mut scopes = self.scopes.iter();
        match scopes.find(|scope| !user.scopes().any(|had| had == *scope)) {
            Some(scope) => Err(Denial::Scope(scope.clone())),
            None => Ok(()),
        }
    }

    fn is_authenticated_by(&self, user: &User, now: u64) -> bool {
        let required = &self.authentication;
        required.accepts_age(user.auth_time(), now)
            && (required.acr.is_empty() || required.accepts_acr(user.acr()))
            && (required.amr.is_empty() || required.accepts_amr(&user.amr()))
    }
}

/// The first alternative that is met, or else met but for the authentication. A rule that could not decide counts only
/// where no other alternative is met.
fn least_remaining<'a>(
    alternatives: &'a [Guard],
    user: &'a User,
    now: u64,
) -> Pin<Box<dyn Future<Output = Remaining> + Send + 'a>> {
    // In a box: alternatives may have alternatives.
    Box::pin(async move {
        let (mut required, mut failed, mut denials) = (None, None, Vec::new());
        for guard in alternatives {
            match guard.remaining(user, now).await {
                Ok(None) => return Ok(None),
                Ok(Some(other)) => required = required.or(Some(other)),
                Err(GuardError::Denied(denial)) => denials.push(denial),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, required) {
            (Some(error), _) => Err(error),
            (None, Some(required)) => Ok(Some(required)),
            (None, None) => Err(GuardError::Denied(Denial::NoneOf(denials))),
        }
    })
}

#[cfg(test)]
mod tests;
