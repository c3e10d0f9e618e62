//! The session cookies of a response.

use http::HeaderValue;

use super::loaded::LoadedSession;
use super::{Backend, Sessions};
use crate::authorization::CookiePersistence;
use crate::cookie::PresentPieces;
use crate::error::Error;
use crate::session::Session;
use crate::telemetry;

impl Sessions {
    /// The cookies that hold a session, and the removal of `present` ones that are no longer needed.
    pub(crate) fn cookies(
        &self,
        loaded: &LoadedSession,
        present: PresentPieces,
    ) -> Result<Vec<HeaderValue>, Error> {
        match (&self.backend, &loaded.ticket) {
            (Backend::Sealed(_), _) => {
                let cookies = self.sealed_cookies(&loaded.session, present)?;
                warn_of_long(&cookies);
                telemetry::cookies_written(&cookies);
                Ok(cookies)
            }
            (Backend::Stored(_), Some(ticket)) => {
                let value = ticket.seal(&self.keys, self.cookie.name(), self.random.array()?);
                let max_age = self.max_age(&loaded.session);
                let mut cookies = vec![self.cookie.set("", &value, max_age)];
                cookies.extend(present.suffixes(1).map(|suffix| self.cookie.clear(&suffix)));
                telemetry::cookies_written(&cookies);
                Ok(cookies)
            }
            (Backend::Stored(_), None) => Ok(Vec::new()),
        }
    }

    /// Whether a session fits into cookies, if that is where it is kept.
    pub(super) fn check_size(&self, session: &Session) -> Result<(), Error> {
        match &self.backend {
            Backend::Sealed(sealed) => Ok(sealed.check_size(session)?),
            Backend::Stored(_) => Ok(()),
        }
    }

    /// The removal of every session cookie in the request.
    pub(crate) fn clear_cookies(&self, present: PresentPieces) -> Vec<HeaderValue> {
        present
            .suffixes(0)
            .map(|suffix| self.cookie.clear(&suffix))
            .collect()
    }

    fn sealed_cookies(
        &self,
        session: &Session,
        present: PresentPieces,
    ) -> Result<Vec<HeaderValue>, Error> {
        let Backend::Sealed(sealed) = &self.backend else {
            return Ok(Vec::new());
        };
        let (iv, max_age) = (self.random.array()?, self.max_age(session));
        Ok(sealed.set(&self.keys, session, iv, present, max_age)?)
    }

    fn max_age(&self, session: &Session) -> Option<u64> {
        match session.extras.remembered {
            CookiePersistence::AcrossRestarts => {
                Some(session.deadline().saturating_sub(self.now()))
            }
            CookiePersistence::UntilClosed => None,
        }
    }
}

fn warn_of_long(cookies: &[HeaderValue]) {
    let bytes: usize = cookies.iter().map(HeaderValue::len).sum();
    if bytes > 8_000 {
        tracing::warn!(
            event = "long_cookies",
            bytes,
            "the session's cookies are longer than many proxies accept (8 KB)"
        );
    }
}
