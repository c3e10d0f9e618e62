//! Extractors for axum.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::StatusCode;
use http::request::Parts;
use latchgate::adapter::{Challenge, Extract, RequestSession, RequestToken};
use latchgate::{Gate, LoginOptions, Person, SessionEnd};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::guard::unanswered;
use crate::head::Head;

/// The person who makes the request: signed in with a session, or named by an access token for this API.
///
/// As a handler's argument it requires one: a browser's navigation is sent to log in and comes back
/// to the same URL, anything else gets `401` with a problem document. `Option<User>` never redirects. An access token that
/// is refused gets `401` from either.
///
/// ```
/// use latchgate_tower::User;
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
/// use latchgate_tower::{ApiTokens, Rejection, TokenFor};
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
/// use latchgate_tower::{Rejection, SessionData};
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
/// use latchgate_tower::{SessionEnd, SessionEnded};
///
/// async fn welcome(SessionEnded(ended): SessionEnded) -> &'static str {
///     match ended {
///         Some(SessionEnd::Idle) => "You were away for a while. Please sign in again.",
///         _ => "Please sign in.",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionEnded(pub Option<SessionEnd>);

/// Starts a login with the handler's own options: return
/// [`SignIn::with`] from it.
///
/// ```
/// use latchgate_tower::{LoginOptions, Prompt, SignIn};
///
/// async fn switch_account(sign_in: SignIn) -> impl axum::response::IntoResponse {
///     sign_in.with(LoginOptions::new().prompt(Prompt::SelectAccount))
/// }
/// ```
pub struct SignIn(Parts);

/// The session that [`SignIn::as_person`] has started, as a part of the response, which carries its cookies.
#[derive(Debug)]
#[must_use = "the response has to carry the session's cookies"]
pub struct SignedIn(pub latchgate::SignedIn);

/// A request that may not pass. The [`LoginLayer`](crate::LoginLayer) or [`ApiLayer`](crate::ApiLayer) turns it into the
/// actual response.
#[derive(Debug)]
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
    /// The status that the client gets, unless the layer starts a login instead.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
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

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        unanswered(*self.0)
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn")
    }
}

impl SignIn {
    /// The response that starts a login. It leads back to the handler's own URL, so a handler that
    /// always answers with it needs [`LoginOptions::return_to`].
    pub fn with(self, options: LoginOptions) -> Rejection {
        Challenge::sign_in_with(&Head::of_parts(&self.0), options).into()
    }

    /// Starts a session without a provider, for somebody whom the application has identified: see
    /// [`Gate::sign_in`](latchgate::Gate::sign_in). The result belongs in the response:
    ///
    /// ```
    /// use axum::response::{IntoResponse, Redirect};
    /// use latchgate_tower::{Gate, Person, Rejection, SignIn};
    ///
    /// async fn by_password(sign_in: SignIn, gate: Gate) -> Result<impl IntoResponse, Rejection> {
    ///     // Here the password has been checked, and that the form came from a page of this application.
    ///     let person = Person::new("42").claim("name", "Jane Doe");
    ///     Ok((sign_in.as_person(&gate, person).await?, Redirect::to("/me")))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gate::sign_in`](latchgate::Gate::sign_in).
    pub async fn as_person(self, gate: &Gate, person: Person) -> Result<SignedIn, Rejection> {
        let started = gate.sign_in(person, &Head::of_parts(&self.0));
        Ok(SignedIn(started.await?))
    }
}

/// A request, with what the layer has put into its extensions.
fn extract<'a>(parts: &'a Parts, head: &'a Head<'a>) -> Extract<'a, Head<'a>> {
    let session = parts.extensions.get::<RequestSession>();
    Extract::new(session, head).presenting(parts.extensions.get::<RequestToken>())
}

impl IntoResponseParts for SignedIn {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.0.apply_to(parts.headers_mut());
        Ok(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let user = extract.user().await?;
        Ok(Self(user))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let user = extract.optional_user().await?;
        Ok(user.map(Self))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AccessToken {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let token = extract.access_token().await?;
        Ok(Self(token))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RefreshedAccessToken {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let token = extract.refreshed_access_token().await?;
        Ok(Self(token))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ApiTokens {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let tokens = extract.api_tokens().await?;
        Ok(Self(tokens))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for SessionData<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let data = extract.data().await?;
        Ok(Self(data))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> OptionalFromRequestParts<S> for SessionData<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let data = extract.optional_data().await?;
        Ok(data.map(Self))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionEnded {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let head = Head::of_parts(parts);
        let extract = extract(parts, &head);
        let ended = extract.session_end().await?;
        Ok(Self(ended))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignIn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.clone()))
    }
}
