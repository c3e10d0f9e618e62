//! What extractors and guards read from a request: its user, access token or session data, or the challenge to respond
//! with. Shared by all frameworks.

use serde::de::DeserializeOwned;

use super::Challenge;
use super::pass::asked;
use crate::error::Error;
use crate::guard::{Denial, Guard};
use crate::head::RequestHead;
use crate::request_session::{FoundData, RequestSession, SessionData};
use crate::session::{AccessToken, SessionEnd, User};

/// An application request, as an extractor sees it.
#[derive(Debug)]
pub struct Extract<'a, H> {
    session: Option<&'a RequestSession>,
    head: &'a H,
}

impl<'a, H: RequestHead> Extract<'a, H> {
    /// A request with this head. `session` is what the layer put into the request's extensions; without it nobody is
    /// signed in.
    pub fn new(session: Option<&'a RequestSession>, head: &'a H) -> Self {
        if session.is_none() {
            asked();
        }
        Self { session, head }
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
    /// The challenge to respond with: a `503` when the session's store is unavailable.
    pub async fn optional_user(&self) -> Result<Option<User>, Challenge> {
        match self.session {
            Some(session) => {
                let user = session.user(self.head).await;
                user.map_err(|error| self.failed(error))
            }
            None => Ok(None),
        }
    }

    /// Who makes the request, if they meet a guard's conditions.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: as for [`Extract::user`], or a `403`.
    pub async fn guarded(&self, guard: &Guard) -> Result<User, Challenge> {
        let user = self.user().await?;
        // With the same leeway for the provider's clock as the check of the ID token, or the two would loop.
        let now = self.session.map_or(0, |session| {
            let context = session.context();
            let leeway = context.relying_parties.first().leeway();
            context.sessions.now().saturating_sub(leeway)
        });
        match guard.check(&user, now) {
            Ok(()) => Ok(user),
            Err(denial) => {
                if let Denial::Role(_) = denial {
                    user.warn_without_roles_claim();
                }
                Err(Challenge::denied(self.head, denial).to(user))
            }
        }
    }

    /// Why the session that the request brought has ended. `None` when it has not, and for a request without one.
    ///
    /// # Errors
    ///
    /// The challenge to respond with: a `503` when the session's store is unavailable.
    pub async fn session_end(&self) -> Result<Option<SessionEnd>, Challenge> {
        match self.session {
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
        let Some(session) = self.session else {
            return Err(self.sign_in());
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
        let Some(session) = self.session else {
            return Err(self.sign_in());
        };
        match session.force_refresh(self.head).await {
            Err(error @ Error::NoRefreshToken) => Err(Challenge::refused(self.head, error)),
            token => self.token_or_challenge(token),
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
            FoundData::Nobody => Err(self.sign_in()),
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
        match self.session {
            Some(session) => {
                let found = SessionData::find(session, self.head).await;
                found.map_err(|error| self.failed(error))
            }
            None => Ok(FoundData::Nobody),
        }
    }

    fn token_or_challenge(
        &self,
        token: Result<Option<AccessToken>, Error>,
    ) -> Result<AccessToken, Challenge> {
        match token {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(self.sign_in()),
            Err(error) => {
                let challenge = self.failed(error);
                let loaded = self.session.and_then(RequestSession::loaded);
                Err(match loaded {
                    Some(loaded) => challenge
                        .in_session(loaded.session.extras.remembered)
                        .of_registration(&loaded.session.registration),
                    None => challenge,
                })
            }
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
