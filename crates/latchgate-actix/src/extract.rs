//! Extractors for actix-web.

use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::ops::{Deref, DerefMut};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use latchgate::adapter::{Challenge, Extract, RequestSession, RequestToken};
use latchgate::{Gate, LoginOptions, Person, SessionEnd};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::failure::report;
use crate::head::{Head, Headers, status};

/// The person who makes the request: signed in with a session, or named by an access token for this API.
///
/// As a handler's argument it requires one: a browser's navigation is sent to log in and comes back
/// to the same URL, anything else gets `401` with a problem document. `Option<User>` never redirects. An access token that
/// is refused gets `401` from either.
///
/// ```
/// use latchgate_actix::User;
///
/// async fn me(user: User) -> String {
///     format!("Hello, {}", user.name().unwrap_or(user.subject()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct User(pub latchgate::User);

/// A fresh access token, refreshed first if it is about to expire.
#[derive(Clone, Debug)]
pub struct AccessToken(pub latchgate::AccessToken);

/// An access token that was refreshed for this request, whether due or not. If that fails, the response is a `503`,
/// even if the old one is still valid.
#[derive(Clone, Debug)]
pub struct RefreshedAccessToken(pub latchgate::AccessToken);

/// The access tokens of the signed-in person for APIs other than the one that [`AccessToken`] is for. As a handler's
/// argument it requires somebody to be signed in, as [`User`] does.
///
/// ```
/// use latchgate_actix::{ApiTokens, Rejection, TokenFor};
///
/// async fn orders(tokens: ApiTokens) -> Result<String, Rejection> {
///     let orders = TokenFor::resource("https://orders.example.com").scope("orders:read");
///     let token = tokens.get(&orders).await?;
///     // Call the API with it: `token.call()`.
///     Ok(format!("a token for {}", token.scope()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ApiTokens(pub latchgate::ApiTokens);

/// The application's own value in the session, which its
/// [`on_login`](latchgate::GateBuilder::on_login) hook returned.
///
/// As a handler's argument it requires somebody to be signed in, as [`User`] does, and sends those
/// whose session has no such value to sign in again. `Option<SessionData<T>>` never redirects.
///
/// ```
/// use latchgate_actix::{Rejection, SessionData};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Cart {
///     items: Vec<u64>,
/// }
///
/// async fn add(mut cart: SessionData<Cart>) -> Result<String, Rejection> {
///     let cart = cart.update(|cart| cart.items.push(7)).await?;
///     Ok(format!("{} items", cart.items.len()))
/// }
/// ```
#[derive(Debug)]
pub struct SessionData<T>(pub latchgate::SessionData<T>);

/// Why the session of the request has ended. `None` if it has not, if there was none, or if the reason is
/// unknown. For pages that tell the visitor.
///
/// ```
/// use latchgate_actix::{SessionEnd, SessionEnded};
///
/// async fn welcome(ended: SessionEnded) -> &'static str {
///     match ended.0 {
///         Some(SessionEnd::Idle) => "You were away for a while. Please sign in again.",
///         _ => "Please sign in.",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionEnded(pub Option<SessionEnd>);

/// Starts a login with the handler's own options: return
/// [`SignIn::with`] from it as an error.
///
/// ```
/// use actix_web::HttpResponse;
/// use latchgate_actix::{LoginOptions, Prompt, Rejection, SignIn};
///
/// async fn switch_account(sign_in: SignIn) -> Result<HttpResponse, Rejection> {
///     Err(sign_in.with(LoginOptions::new().prompt(Prompt::SelectAccount)))
/// }
/// ```
pub struct SignIn(HttpRequest);

/// The session that [`SignIn::as_person`] has started. The response must carry its cookies: see [`SignedIn::on`].
#[derive(Debug)]
#[must_use = "the response has to carry the session's cookies"]
pub struct SignedIn(pub latchgate::SignedIn);

impl SignedIn {
    /// The response, with the session's cookies.
    pub fn on<B>(self, mut response: HttpResponse<B>) -> HttpResponse<B> {
        self.0.apply_to(&mut Headers(response.headers_mut()));
        response
    }
}

/// A request that may not pass. [`LoginMiddleware`](crate::LoginMiddleware) or [`ApiMiddleware`](crate::ApiMiddleware)
/// turns it into the actual response.
#[derive(Clone, Debug)]
pub struct Rejection(Box<Challenge>);

impl Deref for User {
    type Target = latchgate::User;

    fn deref(&self) -> &latchgate::User {
        &self.0
    }
}

impl Deref for AccessToken {
    type Target = latchgate::AccessToken;

    fn deref(&self) -> &latchgate::AccessToken {
        &self.0
    }
}

impl Deref for RefreshedAccessToken {
    type Target = latchgate::AccessToken;

    fn deref(&self) -> &latchgate::AccessToken {
        &self.0
    }
}

impl Deref for ApiTokens {
    type Target = latchgate::ApiTokens;

    fn deref(&self) -> &latchgate::ApiTokens {
        &self.0
    }
}

impl<T> Deref for SessionData<T> {
    type Target = latchgate::SessionData<T>;

    fn deref(&self) -> &latchgate::SessionData<T> {
        &self.0
    }
}

impl<T> DerefMut for SessionData<T> {
    fn deref_mut(&mut self) -> &mut latchgate::SessionData<T> {
        &mut self.0
    }
}

impl From<latchgate::User> for User {
    fn from(user: latchgate::User) -> Self {
        Self(user)
    }
}

impl Serialize for User {
    /// The JSON object of all claims.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for SessionData<T> {
    /// The value itself.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl Rejection {
    /// The status that the client gets, unless the middleware starts a login instead.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        status(self.0.status())
    }

    pub(crate) fn challenge(&self) -> Challenge {
        Challenge::clone(&self.0)
    }
}

impl From<Challenge> for Rejection {
    fn from(challenge: Challenge) -> Self {
        Self(Box::new(challenge))
    }
}

impl From<latchgate::Error> for Rejection {
    /// An error that stopped a handler. The response is a status and a problem document, or, if the handler has taken
    /// [`ApiTokens`], what a browser gets elsewhere: a login or a page.
    fn from(error: latchgate::Error) -> Self {
        Challenge::from(error).into()
    }
}

impl fmt::Display for Rejection {
    /// For logs, not for visitors: it may name causes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// A placeholder that [`LoginMiddleware`](crate::LoginMiddleware) or [`ApiMiddleware`](crate::ApiMiddleware) replaces.
    /// Its text is for developers who forgot the middleware.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status()).body(
            "Sign-in is required, but there is no latchgate LoginMiddleware (or ApiMiddleware) around this app to answer it.",
        );
        response.extensions_mut().insert(self.challenge());
        response
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn")
    }
}

impl SignIn {
    /// The rejection that starts a login. It leads back to the handler's own URL, so a handler that
    /// always answers with it needs [`LoginOptions::return_to`].
    pub fn with(self, options: LoginOptions) -> Rejection {
        Challenge::sign_in_with(&Head(&self.0), options).into()
    }

    /// Starts a session without a provider, for somebody whom the application has identified: see
    /// [`Gate::sign_in`](latchgate::Gate::sign_in). The result adds it to the response:
    ///
    /// ```
    /// use actix_web::{HttpResponse, web};
    /// use latchgate_actix::{Gate, Person, Rejection, SignIn};
    ///
    /// async fn by_password(sign_in: SignIn, gate: web::Data<Gate>) -> Result<HttpResponse, Rejection> {
    ///     // Here the password has been checked, and that the form came from a page of this application.
    ///     let person = Person::new("42").claim("name", "Jane Doe");
    ///     let signed_in = sign_in.as_person(&gate, person).await?;
    ///     Ok(signed_in.on(HttpResponse::SeeOther().insert_header(("location", "/me")).finish()))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gate::sign_in`](latchgate::Gate::sign_in).
    pub async fn as_person(self, gate: &Gate, person: Person) -> Result<SignedIn, Rejection> {
        let started = gate.sign_in(person, &Head(&self.0));
        Ok(SignedIn(started.await?))
    }
}

/// Runs an extraction of a request.
fn extract<T: 'static, F>(
    request: &HttpRequest,
    from: F,
) -> LocalBoxFuture<'static, Result<T, Rejection>>
where
    F: AsyncFnOnce(Extract<'_, Head<'_>>) -> Result<T, Challenge> + 'static,
{
    let request = request.clone();
    Box::pin(async move {
        let session = request.extensions().get::<RequestSession>().cloned();
        let token = request.extensions().get::<RequestToken>().cloned();
        let head = Head(&request);
        let extract = Extract::new(session.as_ref(), &head).presenting(token.as_ref());
        let extracted = from(extract).await;
        match extracted {
            Err(failure) if failure.is_failure() => Err(report(request, failure).await.into()),
            other => other.map_err(Rejection::from),
        }
    })
}

impl FromRequest for User {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| extract.user().await.map(Self))
    }
}

impl FromRequest for AccessToken {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| {
            extract.access_token().await.map(Self)
        })
    }
}

impl FromRequest for RefreshedAccessToken {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| {
            extract.refreshed_access_token().await.map(Self)
        })
    }
}

impl FromRequest for ApiTokens {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| {
            extract.api_tokens().await.map(Self)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for SessionData<T> {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| extract.data().await.map(Self))
    }
}

impl FromRequest for SessionEnded {
    type Error = Rejection;
    type Future = LocalBoxFuture<'static, Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        extract(request, async |extract| {
            extract.session_end().await.map(Self)
        })
    }
}

impl FromRequest for SignIn {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}
