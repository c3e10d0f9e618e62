//! What extractors and guards read from a request: its user, access token or session data, or the challenge to respond
//! with. Shared by all frameworks.

use serde::de::DeserializeOwned;

use super::Challenge;
use super::pass::asked;
use crate::error::{Error, LayerError, RequestError};
use crate::guard::{Guard, GuardError};
use crate::head::RequestHead;
use crate::hook::HookError;
use crate::request_session::{ApiTokens, FoundData, RequestSession, SessionData};
use crate::resource_server::RequestToken;
use crate::session::{AccessToken, DataError, SessionEnd, User};
use crate::visitor::{RequestVisitor, Visitor};

/// An application request, as an extractor sees it.
#[derive(Debug)]
pub struct Extract<'a, H> {
    session: Option<&'a RequestSession>,
    token: Option<&'a RequestToken>,
    head: &'a H,
}

impl<'a, H: RequestHead> Extract<'a, H> {
    /// A request with this head. `session` is what the layer put into the request's extensions; without it nobody is
    /// signed in.
    pub fn new(session: Option<&'a RequestSession>, head: &'a H) -> Self {
        if session.is_none() {
            asked();
        }
        Self {
            session,
            token: None,
            head,
        }
    }

    /// The application's data for whoever makes this request, signed in or not. Asking for it is not asking who is there.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: a `500` if the request has passed no login layer, or is not being polled by one.
    pub fn visitor(head: &H) -> Result<Visitor, Challenge> {
        let current = RequestVisitor::current(head);
        current.ok_or_else(|| Challenge::failed(head, LayerError::Missing.into()))
    }

    /// The request presents this access token: what the layer put into the request's extensions beside the session. It
    /// counts alone, so that a bad token never falls back to a session.
    #[must_use]
    pub fn presenting(mut self, token: Option<&'a RequestToken>) -> Self {
        self.token = token;
        self
    }

    /// Who makes the request.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: to sign in, when nobody is; a `503` when the session's store is unavailable.
    pub async fn user(&self) -> Result<User, Challenge> {
        let user = self.optional_user().await?;
        user.ok_or_else(|| self.sign_in())
    }

    /// Who makes the request, if anyone is signed in.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: a `503` when the session's store is unavailable; a `401` when the request presents
    /// an access token that is refused.
    pub async fn optional_user(&self) -> Result<Option<User>, Challenge> {
        match (self.token, self.session) {
            (Some(token), _) => match token.user().await {
                Ok(user) => Ok(Some(user)),
                Err(error) => Err(Challenge::refused_token(self.head, error, token)),
            },
            (None, Some(session)) => {
                let user = session.user(self.head).await;
                user.map_err(|error| self.failed(error))
            }
            (None, None) => Ok(None),
        }
    }

    /// Who makes the request, if they meet a guard's conditions.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: as for [`Extract::user`]; to authenticate again, if nothing else is missing; a
    /// `403`; or a `503` when a rule of the application could not decide.
    pub async fn guarded(&self, guard: &Guard) -> Result<User, Challenge> {
        let user = self.user().await?;
        // With the same leeway for the provider's clock as the check of the ID token, or the two would loop.
        let now = match (self.token, self.session) {
            (Some(token), _) => {
                let server = token.server();
                server.now().saturating_sub(server.rules().leeway)
            }
            (None, Some(session)) => {
                let context = session.context();
                let leeway = context.relying_parties.leeway();
                context.sessions.now().saturating_sub(leeway)
            }
            (None, None) => 0,
        };
        match guard.check(&user, now).await {
            Ok(()) => Ok(user),
            Err(GuardError::Denied(denial)) => {
                if denial.is_about_a_role() {
                    user.warn_without_roles_claim();
                }
                let denied = Challenge::denied(self.head, denial).to(user);
                Err(denied.presenting(self.token))
            }
            Err(GuardError::Failed(HookError::Data(error))) => Err(self.without_data(error).await),
            Err(GuardError::Failed(error)) => {
                let failed = Challenge::refused(self.head, Error::Guard(error));
                Err(failed.presenting(self.token))
            }
        }
    }

    /// Why the session that the request brought has ended. `None` when it has not, and for a request without one.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: a `503` when the session's store is unavailable.
    pub async fn session_end(&self) -> Result<Option<SessionEnd>, Challenge> {
        match self.own_session() {
            Some(session) => {
                let ended = session.ended(self.head).await;
                ended.map_err(|error| self.failed(error))
            }
            None => Ok(None),
        }
    }

    /// A fresh access token of the person who makes the request, refreshed first when it is about to expire.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: to sign in, when nobody is or the token can no longer be refreshed; a `503` when
    /// it cannot be refreshed now.
    pub async fn access_token(&self) -> Result<AccessToken, Challenge> {
        let Some(session) = self.own_session() else {
            return Err(self.no_session().await);
        };
        self.token_or_challenge(session.access_token(self.head).await)
    }

    /// An access token refreshed right now, whether due or not.
    ///
    /// # Errors
    ///
    /// As for [`Extract::access_token`], but a `401` that starts no login when the session has no refresh token:
    /// another login would bring none either, and the visitor would be redirected for ever.
    pub async fn refreshed_access_token(&self) -> Result<AccessToken, Challenge> {
        let Some(session) = self.own_session() else {
            return Err(self.no_session().await);
        };
        match session.force_refresh(self.head).await {
            Err(error @ Error::NoRefreshToken) => Err(Challenge::refused(self.head, error)),
            token => self.token_or_challenge(token),
        }
    }

    /// Refuses a request that a page of another site may have made the browser send, by the rules of
    /// [`csrf_protection`](crate::GateBuilder::csrf_protection), whether or not that is switched on.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: a `403` with the code `cross_site_request`.
    pub fn own_doing(&self) -> Result<(), Challenge> {
        let forged = self.own_session().is_some_and(|session| {
            let context = session.context();
            context.csrf.always_forbids(self.head, &context.origin)
        });
        match forged {
            true => Err(Challenge::refused(
                self.head,
                RequestError::CrossSite.into(),
            )),
            false => Ok(()),
        }
    }

    /// The access tokens of the person who makes the request, for APIs other than the login's.
    ///
    /// # Errors
    ///
    /// The challenge to respond with, as for [`Extract::user`].
    pub async fn api_tokens(&self) -> Result<ApiTokens, Challenge> {
        self.user().await?;
        match self.own_session() {
            Some(session) => {
                session.keep_head(self.head);
                Ok(ApiTokens::of(session))
            }
            None => Err(self.no_session().await),
        }
    }

    /// The application's value in the session of the person who makes the request.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: to sign in, when nobody is, or when the session has no value of this type, for
    /// example because it is older than the application. Signing in again then asks the `on_login` hook for one. If
    /// that would not help, because there is no such hook or it ran less than a minute ago, a `500` with the code
    /// `session_data`; the log says why.
    pub async fn data<T: DeserializeOwned>(&self) -> Result<SessionData<T>, Challenge> {
        match self.find_data().await? {
            FoundData::Value(data) => Ok(data),
            FoundData::Outdated(remembered) => {
                Err(Challenge::sign_in(self.head).in_session(remembered))
            }
            FoundData::Nobody => Err(self.no_session().await),
        }
    }

    /// The same, but `None` where [`Extract::data`] would ask for a login.
    ///
    /// # Errors
    ///
    /// The challenge to respond with when the session or its value cannot be read.
    pub async fn optional_data<T: DeserializeOwned>(
        &self,
    ) -> Result<Option<SessionData<T>>, Challenge> {
        Ok(match self.find_data().await? {
            FoundData::Value(data) => Some(data),
            FoundData::Outdated(_) | FoundData::Nobody => None,
        })
    }

    async fn find_data<T: DeserializeOwned>(&self) -> Result<FoundData<T>, Challenge> {
        if self.token.is_some() {
            self.user().await?;
        }
        match self.own_session() {
            Some(session) => {
                let found = SessionData::find(session, self.head).await;
                found.map_err(|error| self.failed(error))
            }
            None => Ok(FoundData::Nobody),
        }
    }

    /// The session's data cannot be used by a guard's rule.
    async fn without_data(&self, error: DataError) -> Challenge {
        let session = self.own_session();
        match session.map(|session| session.outdated_data(error)) {
            Some(Ok(remembered)) => Challenge::sign_in(self.head).in_session(remembered),
            Some(Err(error)) => self.failed(error),
            None => self.no_session().await,
        }
    }

    fn token_or_challenge(
        &self,
        token: Result<Option<AccessToken>, Error>,
    ) -> Result<AccessToken, Challenge> {
        match token {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(self.sign_in()),
            Err(error) => Err(self.failed(error).replacing(self.session)),
        }
    }

    /// The session, unless the request presents a token.
    fn own_session(&self) -> Option<&'a RequestSession> {
        self.session.filter(|_| self.token.is_none())
    }

    /// For what comes with a session, if the request has none.
    async fn no_session(&self) -> Challenge {
        if self.token.is_none() {
            return self.sign_in();
        }
        match self.user().await {
            Ok(_) => Challenge::refused(self.head, Error::SessionRequired).presenting(self.token),
            Err(challenge) => challenge,
        }
    }

    fn sign_in(&self) -> Challenge {
        let ended = self.session.and_then(RequestSession::known_end);
        Challenge::sign_in(self.head).after(ended)
    }

    fn failed(&self, error: Error) -> Challenge {
        Challenge::failed(self.head, error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::hang_ups::SlowStore;
    use super::*;
    use crate::cookie::PresentPieces;
    use crate::session::Session;
    use crate::sessions::LoadedSession;
    use crate::sessions::example::sessions;
    use crate::store::SessionStore;

    #[tokio::test]
    async fn a_store_is_asked_once_however_many_ask() {
        let store = Arc::new(SlowStore::default());
        let shared: Arc<dyn SessionStore> = store.clone();
        let sessions = sessions(Some(shared), 1_001);
        let session = Arc::new(Session::example());
        let ticket = Some(sessions.put(&session).await);
        let signed_in = LoadedSession { session, ticket };
        let cookies = sessions.cookies(&signed_in, PresentPieces::default());
        let cookies = cookies.unwrap();
        let cookie = cookies[0].to_str().unwrap().split(';').next().unwrap();
        let head = http::Request::get("/").header("cookie", cookie);
        let head = head.body(()).unwrap();

        let request = RequestSession::example_among(sessions);
        let extract = Extract::new(Some(&request), &head);
        let before = store.calls();
        let (one, other) = tokio::join!(extract.user(), extract.user());
        let later = extract.user().await;
        for user in [one, other, later] {
            assert_eq!(user.unwrap().subject(), "248289761001");
        }
        assert_eq!(store.calls() - before, 1);
    }

    /// Frameworks put it into a box with the request, for every handler that wants to know who is there.
    #[test]
    fn who_is_there_is_a_small_future() {
        let head = http::Request::new(());
        let extract = Extract::new(None, &head);
        let bytes = size_of_val(&extract.user());
        assert!(bytes <= 300, "{bytes} bytes");
    }
}
