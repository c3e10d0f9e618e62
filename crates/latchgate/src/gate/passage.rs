//! What extractors and guards ask of a visit: the person, or the token, or the challenge to answer
//! with. Written once for all frameworks.

use super::pass::asked;
use super::{Challenge, Visit};
use crate::error::Error;
use crate::guard::{Denial, Guard};
use crate::head::RequestHead;
use crate::session::{AccessToken, Ended, User};

impl Guard {
    /// Lets a request pass if the person who makes it meets the conditions. `visit` is what the
    /// layer put into the request's extensions; without one nobody is signed in.
    ///
    /// # Errors
    ///
    /// The challenge to answer with.
    pub async fn admit<H: RequestHead>(
        &self,
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<User, Challenge> {
        let Some(visit) = visit else {
            asked();
            return Err(Challenge::sign_in(head));
        };
        let user = match visit.user(head).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err(Challenge::sign_in(head).after(visit.over())),
            Err(error) => return Err(Challenge::failed(head, error)),
        };
        // As lenient with the provider's clock as the check of the ID token, or the two would loop.
        let gate = visit.gate();
        match self.check(&user, gate.now().saturating_sub(gate.0.leeway)) {
            Ok(()) => Ok(user),
            Err(denial) => {
                if let Denial::Role(_) = denial {
                    user.warn_without_roles_claim();
                }
                Err(Challenge::denied(head, denial).to(user))
            }
        }
    }
}

impl Visit {
    /// Why the session that the request brought is over. `None` when it is not, and for a cookie that
    /// does not open or leads to nothing: a store forgets what is over.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the session lies in a store that does not answer.
    pub fn ended(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<Ended>, Error>> + Send + use<> {
        let opened = self.user(head);
        let visit = self.clone();
        async move {
            opened.await?;
            Ok(visit.over())
        }
    }
}

impl User {
    /// Who makes a request that nobody needs to have signed in for.
    ///
    /// # Errors
    ///
    /// The challenge to answer with: a `503` when the session's store does not answer.
    pub async fn find<H: RequestHead>(
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<Option<Self>, Challenge> {
        match visit {
            Some(visit) => {
                let user = visit.user(head).await;
                user.map_err(|error| Challenge::failed(head, error))
            }
            None => {
                asked();
                Ok(None)
            }
        }
    }
}

impl Ended {
    /// What [`Visit::ended`] says, and `None` for a request without a visit.
    ///
    /// # Errors
    ///
    /// The challenge to answer with: a `503` when the session's store does not answer.
    pub async fn of<H: RequestHead>(
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<Option<Self>, Challenge> {
        match visit {
            Some(visit) => {
                let ended = visit.ended(head).await;
                ended.map_err(|error| Challenge::failed(head, error))
            }
            None => {
                asked();
                Ok(None)
            }
        }
    }
}

impl AccessToken {
    /// A fresh access token of the person who makes a request, refreshed first when it is about to
    /// expire.
    ///
    /// # Errors
    ///
    /// The challenge to answer with: to sign in, when nobody is or the token is gone for good; a
    /// `503` when it cannot be renewed at the moment.
    pub async fn obtain<H: RequestHead>(
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<Self, Challenge> {
        let Some(visit) = visit else {
            return Err(Challenge::sign_in(head));
        };
        token_or_challenge(visit.access_token(head).await, visit, head)
    }

    /// An access token refreshed right now, whether due or not.
    ///
    /// # Errors
    ///
    /// As [`AccessToken::obtain`], but a `401` without a way to log in when the session has no refresh
    /// token: another login would bring none either, and a visitor would go round for ever.
    pub async fn renew<H: RequestHead>(visit: Option<&Visit>, head: &H) -> Result<Self, Challenge> {
        let Some(visit) = visit else {
            return Err(Challenge::sign_in(head));
        };
        match visit.force_refresh(head).await {
            Err(error @ Error::NoRefreshToken) => Err(Challenge::refused(head, error)),
            token => token_or_challenge(token, visit, head),
        }
    }
}

fn token_or_challenge(
    token: Result<Option<AccessToken>, Error>,
    visit: &Visit,
    head: &dyn RequestHead,
) -> Result<AccessToken, Challenge> {
    match token {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(Challenge::sign_in(head).after(visit.over())),
        Err(error) => Err(match visit.kept() {
            Some(kept) => Challenge::failed(head, error).in_session(kept.session.extras.remembered),
            None => Challenge::failed(head, error),
        }),
    }
}
