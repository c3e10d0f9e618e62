//! The answer of a guard's own rule that does not admit somebody.

use super::HookError;

/// Why a rule of the application in a [`Guard`](crate::Guard) turns somebody away: it does not admit this person, or it
/// could not decide.
///
/// `?` turns any error into the latter:
///
/// ```
/// use latchgate::{GuardRejection, User};
/// # async fn is_blocked(_: &str) -> std::io::Result<bool> { Ok(false) }
///
/// async fn not_blocked(user: User) -> Result<(), GuardRejection> {
///     match is_blocked(user.subject()).await? {
///         true => Err(GuardRejection::forbidden("the account is blocked")),
///         false => Ok(()),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct GuardRejection(HookError);

impl GuardRejection {
    /// The rule does not admit this person: the visitor gets a `403` with the code `not_permitted`, and the reason is
    /// logged.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self(HookError::Refused {
            reason: reason.into(),
        })
    }

    /// The rule could not decide: the visitor gets a `503` with the code `guard_failed`, and the error is logged. For
    /// errors that `?` does not convert, such as a boxed one.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(HookError::Failed(error.into()))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for GuardRejection {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

impl From<GuardRejection> for HookError {
    fn from(GuardRejection(error): GuardRejection) -> Self {
        error
    }
}
