//! The application's own value in the session, as handlers get and update it. Written once for all
//! frameworks.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RequestSession;
use crate::authorization::CookiePersistence;
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{DataError, encode_data};

/// The application's own value in the session of the person who makes a request: what its
/// [`on_login`](crate::GateBuilder::on_login) hook has put there, with every change since.
pub struct SessionData<T> {
    value: T,
    session: RequestSession,
}

/// What a request's session has of the application's value.
pub(crate) enum FoundData<T> {
    Value(SessionData<T>),
    /// Somebody is signed in, but there is no such value: signing in again makes one.
    Outdated(CookiePersistence),
    Nobody,
}

/// A session that began less than this ago, in seconds, would not get another value by a new login.
const FRESH: u64 = 60;

impl<T: DeserializeOwned> SessionData<T> {
    pub(crate) async fn find<H: RequestHead>(
        session: &RequestSession,
        head: &H,
    ) -> Result<FoundData<T>, Error> {
        session.user(head).await?;
        let Some(loaded) = session.loaded() else {
            return Ok(FoundData::Nobody);
        };
        let error = match loaded.session.data() {
            Ok(Some(value)) => {
                let session = session.clone();
                return Ok(FoundData::Value(Self { value, session }));
            }
            Ok(None) => DataError::Missing,
            Err(error) => error,
        };
        let age = session
            .sessions()
            .now()
            .saturating_sub(loaded.session.times.begun_at);
        let useless = if session.context().hooks.login.is_none() {
            "no on_login hook is configured that would make one"
        } else if age < FRESH {
            "the on_login hook made none of this type at the login a moment ago"
        } else {
            tracing::info!(event = "session_data_outdated", cause = %error, "signing in again");
            return Ok(FoundData::Outdated(loaded.session.extras.remembered));
        };
        tracing::error!(event = "session_data_unusable", cause = %error, "a new login is of no use: {useless}");
        Err(error.into())
    }

    /// Changes the value atomically, and keeps it: no other change and no token refresh at the same
    /// moment is lost. `change` may be called several times, each time with the newest value; when
    /// this returns, the data is what it made of the last one.
    ///
    /// Changes of a stored session are known on every node at once. Those of a sealed one are known
    /// to this process, and leave it with the response's cookie: whoever keeps an older cookie can
    /// bring an older value back to another process, or to this one after ten minutes. What must
    /// never go back belongs into a store or a database.
    ///
    /// At least once: when a store's answer is lost and somebody else changes the value before the call
    /// is repeated, `change` is applied to a value that has it already.
    ///
    /// # Errors
    ///
    /// The old value stays when the new one is longer than 64 KiB as JSON or is none
    /// ([`Error::Data`]), the session no longer fits into cookies ([`Error::SessionTooLarge`]), has
    /// ended ([`Error::SessionEnded`]), its store fails ([`Error::Store`]), or a refresh that is under
    /// way takes longer than twelve seconds ([`Error::RefreshUnavailable`]).
    pub async fn update(&mut self, change: impl Fn(&mut T)) -> Result<&T, Error>
    where
        T: Serialize,
    {
        let loaded = self.session.loaded().ok_or(Error::SessionEnded)?;
        let sessions = self.session.sessions();
        let changed = sessions
            .update(&loaded, |session| {
                let mut value = session.data()?.ok_or(DataError::Missing)?;
                change(&mut value);
                Ok(session.with_data(encode_data(&value)?))
            })
            .await?
            .ok_or(Error::SessionEnded)?;
        self.value = changed.session.data()?.ok_or(DataError::Missing)?;
        self.session.set_loaded(changed);
        Ok(&self.value)
    }
}

impl<T> SessionData<T> {
    /// The value itself.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for SessionData<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for SessionData<T> {
    /// The value is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionData").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::{Session, SessionEnd};

    /// A request of somebody whose session has the value 1, and the session.
    fn request_session() -> (RequestSession, Arc<Session>) {
        let session = Arc::new(Session::example().with_data("1".to_owned()));
        (RequestSession::example(&session), session)
    }

    #[tokio::test]
    async fn every_change_builds_on_the_newest_value() {
        let (request, _) = request_session();
        let mut one = SessionData {
            value: 1_u32,
            session: request.clone(),
        };
        let mut other = SessionData {
            value: 1,
            session: request,
        };
        assert_eq!(*one.update(|number| *number += 1).await.unwrap(), 2);
        assert_eq!(*other.update(|number| *number *= 10).await.unwrap(), 20);
        assert_eq!((*one, other.into_value()), (2, 20));
    }

    #[tokio::test]
    async fn a_session_that_has_ended_changes_no_more() {
        let (request, session) = request_session();
        request
            .sessions()
            .refreshes()
            .end(&session, SessionEnd::SignedOut, 1_001);
        let mut data = SessionData {
            value: 1,
            session: request,
        };
        let error = data.update(|number| *number += 1).await.unwrap_err();
        assert!(matches!(error, Error::SessionEnded));
        assert_eq!(*data, 1);
    }

    #[tokio::test]
    async fn a_change_that_fails_is_none() {
        let (request, session) = request_session();
        let mut data = SessionData {
            value: String::new(),
            session: request.clone(),
        };
        let error = data.update(|text| text.push('x')).await.unwrap_err();
        assert!(matches!(error, Error::Data(DataError::Mismatch { .. })));
        let newest = request
            .sessions()
            .refreshes()
            .newest(&session, &crate::io::scripted::StoppedClock(1_001))
            .await;
        assert_eq!(newest.unwrap().generation, session.generation);
        assert_eq!(format!("{data:?}"), "SessionData { .. }");
    }
}
