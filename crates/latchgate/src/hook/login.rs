//! The answer of a login hook that does not admit somebody.

use super::HookError;

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
