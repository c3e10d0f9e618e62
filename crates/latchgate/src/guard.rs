//! Who may pass: conditions on the signed-in person, as values.

use std::fmt;
use std::time::Duration;

use crate::session::User;

/// Conditions a person must meet, all of them.
///
/// A guard is evaluated where it is put, on the route the framework matched, never on a path string.
///
/// ```
/// use std::time::Duration;
/// use latchgate::Guard;
///
/// let admins = Guard::signed_in().role("admin").max_age(Duration::from_secs(300));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Guard {
    roles: Vec<String>,
    scopes: Vec<String>,
    max_age: Option<u64>,
}

/// The first condition that a person does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The person lacks a role.
    Role(String),
    /// The session's tokens lack a scope value.
    Scope(String),
    /// The person authenticated too long ago, or nobody knows when: they may authenticate again.
    TooLongAgo {
        /// The greatest acceptable age in seconds.
        max_age: u64,
    },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "the role `{role}` is required"),
            Self::Scope(scope) => write!(f, "the scope `{scope}` is required"),
            Self::TooLongAgo { max_age } => {
                write!(
                    f,
                    "authentication within the last {max_age} seconds is required"
                )
            }
        }
    }
}

impl std::error::Error for Denial {}

impl Guard {
    /// Somebody must be signed in.
    pub fn signed_in() -> Self {
        Self::default()
    }

    /// They must have this role as well.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// This scope value must have been granted as well.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// They must have authenticated at the provider within the last `age` (whole seconds). Who
    /// did not is sent there to authenticate again.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age.as_secs());
        self
    }

    /// Checks a person at the time `now`, in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// The first condition that is not met; roles come first, then scopes, then age.
    pub fn check(&self, user: &User, now: u64) -> Result<(), Denial> {
        let roles = user.roles();
        if let Some(role) = self
            .roles
            .iter()
            .find(|role| !roles.contains(&role.as_str()))
        {
            return Err(Denial::Role(role.clone()));
        }
        if let Some(scope) = self
            .scopes
            .iter()
            .find(|scope| !user.scopes().any(|had| had == *scope))
        {
            return Err(Denial::Scope(scope.clone()));
        }
        let fresh = |max_age| {
            user.auth_time()
                .is_some_and(|time| now.saturating_sub(time) <= max_age)
        };
        match self.max_age {
            Some(max_age) if !fresh(max_age) => Err(Denial::TooLongAgo { max_age }),
            _ => Ok(()),
        }
    }
}
