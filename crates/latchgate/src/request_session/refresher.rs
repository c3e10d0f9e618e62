//! What a refresh does at the provider and in the application.

use std::sync::Arc;

use super::Context;
use crate::error::Error;
use crate::hook::Logout;
use crate::relying_party::RelyingParty;
use crate::session::{Session, SessionEnd, User};
use crate::sessions::Refresher;

impl Context {
    /// The relying party that a session comes from.
    pub(crate) fn relying_party_of(&self, session: &Session) -> Option<&Arc<RelyingParty>> {
        self.relying_parties.registered(&session.registration)
    }

    /// The person of a session, for the application.
    pub(crate) fn user(&self, session: &Arc<Session>) -> User {
        let of_session = self.relying_party_of(session);
        let party = of_session.unwrap_or_else(|| self.relying_parties.first());
        User::new(Arc::clone(session), Arc::clone(party.claim_paths()))
    }

    /// Revokes a session's refresh token at its provider, in the background.
    pub(crate) fn revoke_tokens_of(&self, session: &Session) {
        if let Some(party) = self.relying_party_of(session) {
            party.revoke_tokens_of(session);
        }
    }

    /// Tells the application in the background that a session has ended.
    pub(crate) fn notify_logout(&self, end: Logout) {
        let Some(hook) = self.hooks.logout.clone() else {
            return;
        };
        let notification = async move {
            if let Err(error) = hook.call(end).await.map_err(Error::from) {
                tracing::warn!(
                    event = "logout_hook_failed",
                    code = error.code(),
                    cause = ?error,
                    "the on_logout hook failed"
                );
            }
        };
        self.background
            .spawn_if_room("the on_logout hook", notification);
    }
}

impl Refresher for Arc<Context> {
    async fn refresh(&self, session: &Session) -> Result<Option<Session>, Error> {
        match self.relying_party_of(session) {
            Some(party) => party.refresh(session).await.map(Some),
            None => Err(Error::RefreshUnavailable),
        }
    }

    async fn on_refresh(&self, session: &Arc<Session>) -> Result<Option<String>, Error> {
        match &self.hooks.refresh {
            Some(hook) => Ok(hook.call(self.user(session)).await?),
            None => Ok(None),
        }
    }

    fn on_end(&self, session: &Session, why: SessionEnd) {
        self.notify_logout(Logout::of(session, why));
    }

    fn revoke_tokens(&self, session: &Session) {
        self.revoke_tokens_of(session);
    }
}
