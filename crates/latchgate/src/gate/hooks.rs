//! When the application's hooks are called, and what becomes of their answers.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Gate, Keeping, Kept};
use crate::error::Error;
use crate::hook::{DEADLINE, Hook, HookError, Logout};
use crate::session::{Session, User};

impl Gate {
    /// Asks the application what to keep in a new session. Without its consent there is none.
    pub(super) async fn furnish(&self, session: Session) -> Result<Session, Error> {
        let Some(hook) = &self.0.hooks.login else {
            return Ok(session);
        };
        let session = Arc::new(session);
        match hook.call(self.user(&session)).await {
            Ok(data) => Ok(session.with_data(data)),
            Err(error) => {
                let error = Error::from(error);
                tracing::info!(
                    event = "login_rejected",
                    issuer = session.issuer,
                    subject = session.subject,
                    code = error.code(),
                    "the application did not accept a login"
                );
                Err(error)
            }
        }
    }

    /// Tells the application of a refresh, and keeps what it answers. Whatever goes wrong here, the
    /// refreshed session stays.
    pub(super) async fn after_refresh(&self, fresh: &mut Kept) {
        let Some(hook) = &self.0.hooks.refresh else {
            return;
        };
        let told = match timeout(DEADLINE, self.tell_of_refresh(hook, fresh)).await {
            Ok(told) => told,
            Err(_) => Err(HookError::TimedOut.into()),
        };
        if let Err(error) = told {
            tracing::warn!(
                event = "refresh_hook_failed",
                code = error.code(),
                cause = %error.chain(),
                "the on_refresh hook failed; the session keeps its value"
            );
        }
    }

    /// Asks for a new value until it is one that nobody has changed meanwhile.
    async fn tell_of_refresh(
        &self,
        hook: &Hook<User, Option<String>>,
        fresh: &mut Kept,
    ) -> Result<(), Error> {
        while let Some(data) = hook.call(self.user(&fresh.session)).await? {
            let Some(newest) = self.keep_data(fresh, &data).await? else {
                // Whoever ended the session has seen to it.
                break;
            };
            *fresh = newest;
            if fresh.session.extras.data == data {
                break;
            }
        }
        Ok(())
    }

    /// Keeps the answer to a refresh that is not over yet, unless the value has been changed since the
    /// refresh. Answers with the session as it is then.
    async fn keep_data(&self, fresh: &Kept, data: &str) -> Result<Option<Kept>, Error> {
        let premises = &self.0;
        if let Keeping::Stored(_) = &premises.keeping {
            let known = &fresh.session.extras.data;
            let change = |session: &Session| {
                Ok(if session.extras.data == *known {
                    session.with_data(data.to_owned())
                } else {
                    session.clone()
                })
            };
            return premises.change(fresh, change).await;
        }
        // Others wait for this very refresh before they change a sealed session, so nobody else has.
        let changed = fresh.session.with_data(data.to_owned());
        premises.cookies(&changed, None, &[], premises.clock.now())?;
        Ok(Some(Kept {
            session: Arc::new(changed),
            ticket: None,
        }))
    }

    /// Tells the application that a session has ended. Nobody waits for it.
    pub(super) fn tell_of(&self, end: Logout) {
        let Some(hook) = self.0.hooks.logout.clone() else {
            return;
        };
        let telling = async move {
            if let Err(error) = hook.call(end).await.map_err(Error::from) {
                tracing::warn!(
                    event = "logout_hook_failed",
                    code = error.code(),
                    cause = %error.chain(),
                    "the on_logout hook failed"
                );
            }
        };
        self.0
            .background
            .spawn_if_room("the on_logout hook", telling);
    }

    fn user(&self, session: &Arc<Session>) -> User {
        User::new(Arc::clone(session), Arc::clone(&self.0.claim_paths))
    }
}
