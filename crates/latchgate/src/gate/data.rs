//! The application's own value in the session, as handlers get and change it. Written once for all
//! frameworks.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pass::asked;
use super::{Challenge, Visit};
use crate::authorization::Remembered;
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{DataError, encode_data};

/// The application's own value in the session of the person who makes a request: what its
/// [`on_login`](crate::GateBuilder::on_login) hook has put there, with every change since.
pub struct SessionData<T> {
    value: T,
    visit: Visit,
}

/// What a request's session has to offer.
enum Found<T> {
    Here(SessionData<T>),
    /// Somebody is signed in, but there is no such value: signing in again makes one.
    Outdated(Remembered),
    Nobody,
}

/// A session that began less than this ago, in seconds, would not get another value by a new login.
const FRESH: u64 = 60;

impl<T: DeserializeOwned> SessionData<T> {
    /// The value in the session of the person who makes a request. `visit` is what the layer put into
    /// the request's extensions; without one nobody is signed in.
    ///
    /// # Errors
    ///
    /// The challenge to answer with: to sign in, when nobody is, or when the session has no value of
    /// this type, for example since it is older than the application. Signing in again then asks the
    /// `on_login` hook for one. Where that would be of no use, because there is no such hook or it
    /// was asked less than a minute ago, a `500` with the code `session_data`; the log says more.
    pub async fn obtain<H: RequestHead>(
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<Self, Challenge> {
        match Self::look(visit, head).await {
            Ok(Found::Here(data)) => Ok(data),
            Ok(Found::Outdated(remembered)) => Err(Challenge::sign_in(head).in_session(remembered)),
            Ok(Found::Nobody) => Err(Challenge::sign_in(head).after(visit.and_then(Visit::over))),
            Err(error) => Err(Challenge::failed(head, error)),
        }
    }

    /// The same for requests that nobody needs to have signed in for: `None` where
    /// [`SessionData::obtain`] would ask somebody to.
    ///
    /// # Errors
    ///
    /// The challenge to answer with when nobody can tell.
    pub async fn find<H: RequestHead>(
        visit: Option<&Visit>,
        head: &H,
    ) -> Result<Option<Self>, Challenge> {
        match Self::look(visit, head).await {
            Ok(Found::Here(data)) => Ok(Some(data)),
            Ok(Found::Outdated(_) | Found::Nobody) => Ok(None),
            Err(error) => Err(Challenge::failed(head, error)),
        }
    }

    async fn look<H: RequestHead>(visit: Option<&Visit>, head: &H) -> Result<Found<T>, Error> {
        let Some(visit) = visit else {
            asked();
            return Ok(Found::Nobody);
        };
        visit.user(head).await?;
        let Some(kept) = visit.kept() else {
            return Ok(Found::Nobody);
        };
        let error = match kept.session.data() {
            Ok(Some(value)) => {
                let visit = visit.clone();
                return Ok(Found::Here(Self { value, visit }));
            }
            Ok(None) => DataError::Missing,
            Err(error) => error,
        };
        let premises = &visit.gate().0;
        let age = premises
            .clock
            .now()
            .saturating_sub(kept.session.times.begun_at);
        let useless = if premises.hooks.login.is_none() {
            "no on_login hook is configured that would make one"
        } else if age < FRESH {
            "the on_login hook made none of this type at the login a moment ago"
        } else {
            tracing::info!(event = "session_data_outdated", cause = %error, "signing in again");
            return Ok(Found::Outdated(kept.session.extras.remembered));
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
        let kept = self.visit.kept().ok_or(Error::SessionEnded)?;
        let changed = self
            .visit
            .gate()
            .0
            .change(&kept, |session| {
                let mut value = session.data()?.ok_or(DataError::Missing)?;
                change(&mut value);
                Ok(session.with_data(encode_data(&value)?))
            })
            .await?
            .ok_or(Error::SessionEnded)?;
        self.value = changed.session.data()?.ok_or(DataError::Missing)?;
        self.visit.keep(changed);
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
    use crate::session::{Ended, Session};

    /// A visit of somebody whose session has the value 1, and the session.
    fn visit() -> (Visit, Arc<Session>) {
        let session = Arc::new(Session::example().with_data("1".to_owned()));
        (Visit::example(&session), session)
    }

    #[tokio::test]
    async fn every_change_builds_on_the_newest_value() {
        let (visit, _) = visit();
        let mut one = SessionData {
            value: 1_u32,
            visit: visit.clone(),
        };
        let mut other = SessionData { value: 1, visit };
        assert_eq!(*one.update(|number| *number += 1).await.unwrap(), 2);
        assert_eq!(*other.update(|number| *number *= 10).await.unwrap(), 20);
        assert_eq!((*one, other.into_value()), (2, 20));
    }

    #[tokio::test]
    async fn a_session_that_has_ended_changes_no_more() {
        let (visit, session) = visit();
        visit
            .gate()
            .0
            .renewals
            .end(&session, Ended::SignedOut, 1_001);
        let mut data = SessionData { value: 1, visit };
        let error = data.update(|number| *number += 1).await.unwrap_err();
        assert!(matches!(error, Error::SessionEnded));
        assert_eq!(*data, 1);
    }

    #[tokio::test]
    async fn a_change_that_fails_is_none() {
        let (visit, session) = visit();
        let mut data = SessionData {
            value: String::new(),
            visit: visit.clone(),
        };
        let error = data.update(|text| text.push('x')).await.unwrap_err();
        assert!(matches!(error, Error::Data(DataError::Mismatch { .. })));
        let newest = visit.gate().0.renewals.newest(&session).await;
        assert_eq!(newest.unwrap().generation, session.generation);
        assert_eq!(format!("{data:?}"), "SessionData { .. }");
    }
}
