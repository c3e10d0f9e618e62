//! Guards inside handlers.

use std::convert::Infallible;
use std::fmt;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use latchgate::Guard;
use latchgate::adapter::{Extract, RequestSession, RequestToken};

use crate::extract::{Rejection, User};
use crate::head::Head;

/// Checks a [`Guard`] inside a handler, for rules that depend on what the handler has read.
///
/// For whole routes, use a [`GuardLayer`](crate::GuardLayer).
///
/// ```
/// use axum::extract::Path;
/// use latchgate_tower::{Access, Guard, Rejection};
///
/// async fn invoice(access: Access, Path(customer): Path<String>) -> Result<String, Rejection> {
///     let user = access.require(&Guard::signed_in().role(format!("customer-{customer}"))).await?;
///     Ok(format!("Hello, {}", user.subject()))
/// }
/// ```
pub struct Access(Parts);

impl Access {
    /// The person who makes the request, if the guard admits them.
    ///
    /// # Errors
    ///
    /// The rejection to return: it starts a login if nobody is signed in, or if only a stronger or more recent login is
    /// missing; otherwise it is a `403`, or a `503` if the session cannot be read or a rule of the application could not decide.
    pub async fn require(&self, guard: &Guard) -> Result<User, Rejection> {
        let session = self.0.extensions.get::<RequestSession>();
        let head = Head::of_parts(&self.0);
        let token = self.0.extensions.get::<RequestToken>();
        let extract = Extract::new(session, &head).presenting(token);
        let user = extract.guarded(guard).await?;
        Ok(User(user))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.clone()))
    }
}
