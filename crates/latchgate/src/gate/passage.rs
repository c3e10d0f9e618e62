//! What extractors and guards ask of a visit: the person, or the token, or the challenge to answer
//! with. Written once for all frameworks.

use super::{Challenge, Visit};
use crate::error::Error;
use crate::guard::Guard;
use crate::head::RequestHead;
use crate::session::{AccessToken, User};

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
            return Err(Challenge::sign_in(head));
        };
        let user = match visit.user(head).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err(Challenge::sign_in(head)),
            Err(error) => return Err(Challenge::failed(head, error)),
        };
        // As lenient with the provider's clock as the check of the ID token, or the two would loop.
        let gate = visit.gate();
        match self.check(&user, gate.now().saturating_sub(gate.0.leeway)) {
            Ok(()) => Ok(user),
            Err(denial) => Err(Challenge::denied(head, denial)),
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
        token_or_challenge(visit.access_token(head).await, head)
    }

    /// An access token refreshed right now, whether due or not.
    ///
    /// # Errors
    ///
    /// As [`AccessToken::obtain`]; also when the session has no refresh token.
    pub async fn renew<H: RequestHead>(visit: Option<&Visit>, head: &H) -> Result<Self, Challenge> {
        let Some(visit) = visit else {
            return Err(Challenge::sign_in(head));
        };
        token_or_challenge(visit.force_refresh(head).await, head)
    }
}

fn token_or_challenge(
    token: Result<Option<AccessToken>, Error>,
    head: &dyn RequestHead,
) -> Result<AccessToken, Challenge> {
    match token {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(Challenge::sign_in(head)),
        Err(error) => Err(Challenge::failed(head, error)),
    }
}
