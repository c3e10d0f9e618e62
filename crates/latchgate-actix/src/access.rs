//! Guards inside handlers.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use latchgate::Guard;
use latchgate::adapter::{Extract, RequestSession, RequestToken};

use crate::extract::{Rejection, User};
use crate::head::Head;

/// Checks a [`Guard`] inside a handler, for rules that depend on what the handler has read.
///
/// For whole scopes and resources, use a [`GuardMiddleware`](crate::GuardMiddleware).
///
/// ```
/// use actix_web::web::Path;
/// use latchgate_actix::{Access, Guard, Rejection};
///
/// async fn invoice(access: Access, customer: Path<String>) -> Result<String, Rejection> {
///     let user = access.require(&Guard::signed_in().role(format!("customer-{customer}"))).await?;
///     Ok(format!("Hello, {}", user.subject()))
/// }
/// ```
pub struct Access(HttpRequest);

impl Access {
    /// The person who makes the request, if the guard admits them.
    ///
    /// # Errors
    ///
    /// The rejection to return: it starts a login if nobody is signed in, or if only a stronger or more recent login is
    /// missing; otherwise it is a `403`, or a `503` if the session cannot be read or a rule of the application could not decide.
    pub async fn require(&self, guard: &Guard) -> Result<User, Rejection> {
        let session = self.0.extensions().get::<RequestSession>().cloned();
        let head = Head(&self.0);
        let token = self.0.extensions().get::<RequestToken>().cloned();
        let extract = Extract::new(session.as_ref(), &head).presenting(token.as_ref());
        let user = extract.guarded(guard).await?;
        Ok(User(user))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access")
    }
}

impl FromRequest for Access {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
