//! Access rules: conditions on the signed-in person, as values.

use std::fmt;
use std::time::Duration;

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
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Guard {
    roles: Vec<String>,
    scopes: Vec<String>,
    max_age: Option<u64>,
}

/// The first condition that a person does not meet.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The person lacks a role.
    Role(String),
    /// The session's tokens lack a scope value.
    Scope(String),
    /// The person authenticated too long ago, or at an unknown time: they may authenticate again.
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

debug_with_causes!(Denial);

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

    /// This scope value must also have been granted.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// They must have authenticated at the provider within the last `age` (whole seconds). Whoever
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
        // Roles are in claims, which are parsed on demand.
        if let Some(role) = self
            .roles
            .iter()
            .find(|role| !user.roles().contains(&role.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn person(claims: &Value) -> User {
        User::example(claims)
    }

    fn admin() -> User {
        person(&json!({ "sub": "1", "roles": ["admin", "editor"], "auth_time": 1_000 }))
    }

    #[test]
    fn anybody_who_is_signed_in_meets_no_condition() {
        let nobody_special = person(&json!({ "sub": "1" }));
        assert_eq!(Guard::signed_in().check(&nobody_special, 0), Ok(()));
    }

    #[test]
    fn every_role_is_required_to_the_letter() {
        let roles = |roles: &[&str]| {
            let guard = roles
                .iter()
                .fold(Guard::signed_in(), |guard, role| guard.role(*role));
            guard.check(&admin(), 1_000)
        };
        assert_eq!(roles(&["admin"]), Ok(()));
        assert_eq!(roles(&["editor", "admin"]), Ok(()));
        for missing in ["Admin", "admin ", "adm", "", "owner"] {
            let denied = Err(Denial::Role(missing.to_owned()));
            assert_eq!(roles(&["admin", missing]), denied, "{missing}");
        }
        let one_text = person(&json!({ "sub": "1", "roles": "admin editor" }));
        let role = |name: &str| Guard::signed_in().role(name).check(&one_text, 0);
        assert_eq!(role("admin editor"), Ok(()), "one text is one role");
        assert!(role("editor").is_err());
        let odd = person(&json!({ "sub": "1", "roles": { "admin": true } }));
        assert!(Guard::signed_in().role("admin").check(&odd, 0).is_err());
    }

    #[test]
    fn every_scope_must_have_been_granted() {
        let scope = |scope: &str| Guard::signed_in().scope(scope).check(&admin(), 1_000);
        assert_eq!(scope("openid"), Ok(()));
        assert_eq!(scope("email"), Ok(()));
        for missing in ["profile", "open", "openid email", ""] {
            assert_eq!(
                scope(missing),
                Err(Denial::Scope(missing.to_owned())),
                "{missing}"
            );
        }
    }

    #[test]
    fn authentication_is_recent_enough_and_known() {
        let guard = Guard::signed_in().max_age(Duration::from_secs(300));
        assert_eq!(guard.check(&admin(), 1_300), Ok(()));
        assert_eq!(guard.check(&admin(), 999), Ok(()));
        let denied = Err(Denial::TooLongAgo { max_age: 300 });
        assert_eq!(guard.check(&admin(), 1_301), denied);
        assert_eq!(guard.check(&person(&json!({ "sub": "1" })), 1_000), denied);
        let at_once = Guard::signed_in().max_age(Duration::ZERO);
        assert_eq!(at_once.check(&admin(), 1_000), Ok(()));
        assert!(at_once.check(&admin(), 1_001).is_err());
    }

    #[test]
    fn roles_come_first_then_scopes_then_age() {
        let mut guard = Guard::signed_in().max_age(Duration::ZERO);
        assert!(matches!(
            guard.check(&admin(), 9_999),
            Err(Denial::TooLongAgo { .. })
        ));
        guard = guard.scope("missing");
        assert!(matches!(
            guard.check(&admin(), 9_999),
            Err(Denial::Scope(_))
        ));
        guard = guard.role("missing");
        let denied = guard.check(&admin(), 9_999).unwrap_err();
        assert_eq!(denied.to_string(), "the role `missing` is required");
    }
}
