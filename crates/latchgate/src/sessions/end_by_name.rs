//! Ending sessions by name: for their provider, for the application, or for anyone who knows a `sid`.

use super::stored::Removal;
use super::{Backend, Sessions};
use crate::error::Error;
use crate::logout::{LogoutTarget, LogoutTokenError, VerifiedLogoutToken};
use crate::session::{SessionName, Stamp, User};

impl Sessions {
    /// Ends the sessions that a logout token names, on every node, and records the token so that it cannot be replayed.
    ///
    /// # Errors
    ///
    /// [`LogoutTokenError::Replayed`] when it was processed before; [`Error::Store`] when a store fails; then the same
    /// token may be sent again.
    pub(crate) async fn end_by_logout_token(
        &self,
        issuer: &str,
        token: &VerifiedLogoutToken,
    ) -> Result<(), Error> {
        let now = self.now();
        let jti = &token.jti;
        if self.revocations.has_processed(issuer, jti, now).await? {
            return Err(LogoutTokenError::Replayed.into());
        }
        // The token is recorded last: if a store fails before that, the provider may send it again.
        self.end_named(issuer, &token.target).await?;
        let noted = self
            .revocations
            .note_processed(issuer, jti, now, token.expires_at);
        if !noted.await? {
            return Err(LogoutTokenError::Replayed.into());
        }
        Ok(())
    }

    /// Ends the sessions of a target for an authorized caller, wherever their cookies are. Idempotent: call it again
    /// after an error.
    pub(crate) async fn end_named(&self, issuer: &str, target: &LogoutTarget) -> Result<(), Error> {
        let now = self.now();
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        let (named, without_sid) = match target {
            LogoutTarget::Session { sid, sub } => {
                let sub = sub.as_deref();
                let without_sid = sub.map(|sub| SessionName::WithoutSid { issuer, sub });
                (SessionName::Sid { issuer, sid }, without_sid)
            }
            LogoutTarget::Person(sub) => (SessionName::Sub { issuer, sub }, None),
        };
        for named in std::iter::once(named).chain(without_sid) {
            self.revocations.end(named, stamp, now).await?;
            self.remove_named(named, None, now).await?;
        }
        Ok(())
    }

    /// Ends every session that a person has begun so far, except the one that `user` comes from.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`] when that session has itself ended; [`Error::Store`] when a store fails.
    pub(crate) async fn end_others(&self, user: &User) -> Result<(), Error> {
        let now = self.now();
        let (session, stored_under) = user.session().ok_or(Error::SessionEnded)?;
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        if self.refreshes.has_ended(session, now)
            || !self.revocations.end_others(session, stamp, now).await?
        {
            return Err(Error::SessionEnded);
        }
        let person = SessionName::sub_of(session);
        self.remove_named(person, stored_under, now).await?;
        Ok(())
    }

    /// Ends the session with this `sid` for an unauthenticated caller. Nothing is written for a session that may not
    /// exist: it is removed from its store, or marked in the memory of this node, which holds a limited number of such
    /// marks.
    pub(crate) async fn end_unauthenticated(&self, issuer: &str, sid: &str) -> Result<(), Error> {
        let now = self.now();
        let named = SessionName::Sid { issuer, sid };
        if let Backend::Stored(stored) = &self.backend {
            let removed = stored.remove_named(&self.keys, named, None, now).await?;
            if removed == Removal::Done {
                return Ok(());
            }
        }
        let stamp = Stamp::draw(now, self.random.as_ref())?;
        self.revocations.end_unauthenticated(named, stamp, now);
        Ok(())
    }

    /// Removes the sessions of a name from the store, if there is one.
    async fn remove_named(
        &self,
        named: SessionName<'_>,
        spared: Option<[u8; 32]>,
        now: u64,
    ) -> Result<(), Error> {
        if let Backend::Stored(stored) = &self.backend {
            let removed = stored.remove_named(&self.keys, named, spared, now).await?;
            if removed == Removal::Done {
                self.revocations.removed_from_store(named, now);
            }
        }
        Ok(())
    }
}
