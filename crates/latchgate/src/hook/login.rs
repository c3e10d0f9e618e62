//! The login hook, and its answer when it does not admit somebody.

use super::{Hook, HookError};
use crate::session::User;
use crate::visitor::Visitor;

/// The application's hook for logins, with or without what it keeps for visitors.
#[derive(Clone, Debug)]
pub(crate) enum LoginHook {
    Alone(Hook<User, String>),
    WithVisitor(Hook<(User, Visitor), String>),
}

impl LoginHook {
    pub(crate) fn takes_visitor(&self) -> bool {
        matches!(self, Self::WithVisitor(_))
    }

    /// The application's value in the new session. Of the visitor's data, only what the hook has set is left then.
    pub(crate) async fn call(&self, user: User, visitor: &Visitor) -> Result<String, HookError> {
        match self {
            Self::Alone(hook) => hook.call(user).await,
            Self::WithVisitor(hook) => {
                let data = hook.call((user, visitor.clone())).await?;
                visitor.leave_to_session();
                Ok(data)
            }
        }
    }
}

/// Why the application's [`on_login`](crate::GateBuilder::on_login) hook turns somebody away: it does
/// not admit this person, or it could not decide.
///
/// `?` turns any error into the latter:
///
/// ```
/// use latchgate::{LoginRejection, User};
///
/// async fn customer(user: User) -> Result<u64, LoginRejection> {
///     let number = user.claim("customer_number").and_then(|number| number.as_str());
///     let number = number.ok_or(LoginRejection::forbidden("no customer number"))?;
///     Ok(number.parse()?)
/// }
/// ```
#[derive(Debug)]
pub struct LoginRejection(HookError);

impl LoginRejection {
    /// The application does not admit this person: the visitor gets a `403` with the code
    /// `login_refused`, and the reason is logged.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self(HookError::Refused {
            reason: reason.into(),
        })
    }

    /// The application could not decide: the visitor gets a `503` with the code `hook_failed`, and the
    /// error is logged. For errors that `?` does not convert, such as a boxed one.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(HookError::Failed(error.into()))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for LoginRejection {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

impl From<LoginRejection> for HookError {
    fn from(LoginRejection(error): LoginRejection) -> Self {
        error
    }
}
