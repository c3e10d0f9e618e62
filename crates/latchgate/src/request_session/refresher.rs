//! What a refresh does at the provider and in the application.

use std::sync::Arc;

use super::Context;
use crate::background::SpareTask;
use crate::error::Error;
use crate::hook::Logout;
use crate::relying_party::RelyingParty;
use crate::session::{Session, SessionEnd, User};
use crate::sessions::Refresher;

impl Context {
    /// The relying party that a session comes from. For a tenant's, the application may have to be asked.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unavailable`](crate::TenantError::Unavailable) when it cannot say.
    pub(crate) async fn relying_party_of(
        &self,
        session: &Session,
    ) -> Result<Option<Arc<RelyingParty>>, Error> {
        let id = &session.registration;
        self.relying_parties.find_registered(id).await
    }

    /// The person of a session, for the application. A tenant's provider was found when the session was opened.
    pub(crate) fn user(&self, session: &Arc<Session>) -> User {
        let parties = &self.relying_parties;
        let paths = match parties.registered(&session.registration) {
            Some(party) => Arc::clone(party.claim_paths()),
            None => match parties.last_registered(&session.registration) {
                Some(party) => Arc::clone(party.claim_paths()),
                None => Arc::clone(parties.default_claim_paths()),
            },
        };
        User::new(Arc::clone(session), paths)
    }

    /// Revokes a session's refresh token at its provider, in the background.
    pub(crate) fn revoke_tokens_of(self: &Arc<Self>, session: &Session) {
        if let Some(party) = self.relying_parties.registered(&session.registration) {
            return party.revoke_tokens_of(session);
        }
        let (Some(_), Some(token)) = (session.tenant(), &session.tokens.refresh_token) else {
            return;
        };
        let (context, id, token) = (Arc::clone(self), session.registration.clone(), token.text());
        let revocation = async move {
            match context.relying_parties.find_registered(&id).await {
                Ok(Some(party)) => party.revoke(token),
                Ok(None) => {}
                Err(error) => tracing::warn!(
                    event = "token_not_revoked",
                    code = error.code(),
                    "the refresh token was not revoked: the tenant's provider is unknown"
                ),
            }
        };
        self.background
            .spawn_if_room(SpareTask::Revocation, revocation);
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
            .spawn_if_room(SpareTask::LogoutHook, notification);
    }
}

impl Refresher for Arc<Context> {
    async fn refresh(&self, session: &Session) -> Result<Option<Session>, Error> {
        match self.relying_party_of(session).await? {
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
