//! The application's own value in the session, as handlers read and update it.

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
/// [`on_login`](crate::GateBuilder::on_login) hook returned, with every update since.
pub struct SessionData<T> {
    value: T,
    session: RequestSession,
}

/// The application's value in a request's session.
pub(crate) enum FoundData<T> {
    Value(SessionData<T>),
    /// Somebody is signed in, but has no value of this type: signing in again makes one.
    Outdated(CookiePersistence),
    Nobody,
}

/// For a session younger than this, in seconds, a new login would not bring another value.
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
        session.outdated_data(error).map(FoundData::Outdated)
    }

    /// Updates the value atomically: no concurrent update or token refresh is lost. `change` may be called several
    /// times, each time with the newest value; when this returns, the value is the result of the last call.
    ///
    /// An update of a session in a store is visible on every node at once. An update of a session in cookies is known to this
    /// process and carried by the response's cookie: a client that keeps an older cookie can bring the older value back
    /// to another process, or to this one after ten minutes. If that must not happen, use a store or a database.
    ///
    /// `change` may be applied twice: when a store's response is lost, and the value is updated by somebody else before the
    /// retry, it is applied to a value that includes it already.
    ///
    /// # Errors
    ///
    /// The old value stays when the new one exceeds 64 KiB as JSON or cannot be serialized ([`Error::Data`]), when the
    /// session no longer fits into cookies ([`Error::SessionTooLarge`]), has ended ([`Error::SessionEnded`]), its store
    /// fails ([`Error::Store`]), or a refresh that is under way takes longer than twelve seconds
    /// ([`Error::RefreshUnavailable`]).
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

impl RequestSession {
    /// What to do about data that cannot be used: sign in again, if that would bring other data.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it would not.
    pub(crate) fn outdated_data(&self, error: DataError) -> Result<CookiePersistence, Error> {
        let loaded = self.loaded().ok_or(Error::SessionEnded)?;
        let now = self.sessions().now();
        let useless = if self.context().hooks.login.is_none() {
            "no on_login hook is configured"
        } else if now.saturating_sub(loaded.session.times.begun_at) < FRESH {
            "the on_login hook returned none of this type less than a minute ago"
        } else {
            tracing::info!(event = "session_data_outdated", cause = %error, "signing in again");
            return Ok(loaded.session.extras.remembered);
        };
        tracing::warn!(event = "session_data_unusable", cause = %error, "signing in again would not help: {useless}");
        Err(error.into())
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
