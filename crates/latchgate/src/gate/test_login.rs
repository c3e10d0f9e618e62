//! Sessions for tests: as a login starts them, without the login.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::{Gate, SignedIn};
use crate::client::Registration;
use crate::cookie::PresentPieces;
use crate::error::{Error, TenantError};
use crate::relying_party::Asker;
use crate::request_session::RequestSession;
use crate::session::{Session, SessionEnd, TestLogin, User, encode_data};
use crate::sessions::{LoadedSession, Lookup};

/// Why a test cannot have its session.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TestLoginError {
    /// The gate has no provider of this name.
    #[error("the gate has no provider called `{name}`; it has `{}`", .known.join("`, `"))]
    UnknownProvider {
        /// The name that the test gave.
        name: String,
        /// Those of the gate's providers.
        known: Vec<String>,
    },
    /// A login would fail in the same way.
    #[error("{0}")]
    Login(#[source] Error),
}

impl Gate {
    /// Starts the session that a login at the provider would have started, without the provider. For tests only, and only
    /// with the feature `testing`; applications use it by the crate `latchgate-test`.
    ///
    /// The session has the provider's registration, claims and tokens like one of a login's, and from there on it goes the
    /// way of every login: the same checks, the [`on_login`](crate::GateBuilder::on_login) hook, the same cookies or the
    /// same record in the store. So guards, refreshes and logouts treat it like any other. Its tokens are made up: the
    /// provider refuses them.
    ///
    /// This opens no door: whoever has a gate has its keys.
    ///
    /// # Errors
    ///
    /// [`TestLoginError::UnknownProvider`], and [`TestLoginError::Login`] with what a login would fail with, or with
    /// [`Error::NoSubject`].
    pub async fn test_login(&self, login: TestLogin) -> Result<SignedIn, TestLoginError> {
        let parties = self.relying_parties();
        let party = match &login.provider {
            None => {
                let main = parties.main().cloned();
                main.ok_or(TestLoginError::Login(TenantError::NoProvider.into()))?
            }
            Some(name) => match (parties.named(name), parties.tenants()) {
                (Some(own), _) => Arc::clone(own),
                (None, Some(_)) => {
                    let tenant = parties.find_tenant(name, Asker::Session).await;
                    tenant.map_err(TestLoginError::Login)?
                }
                (None, None) => {
                    let known = parties
                        .iter()
                        .map(|party| party.registration().name.clone());
                    return Err(TestLoginError::UnknownProvider {
                        name: name.clone(),
                        known: known.collect(),
                    });
                }
            },
        };
        let started = self.start_test_session(party.registration(), login);
        started.await.map_err(TestLoginError::Login)
    }

    /// Who a request with this `Cookie` field would be made by.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store fails.
    pub async fn test_user(&self, cookies: &HeaderValue) -> Result<Option<User>, Error> {
        let brought = RequestSession::brought(Arc::clone(&self.0.context));
        let found = brought.open(&[cookies.as_bytes()]).await?;
        Ok(found.map(|loaded| self.0.context.user(&loaded.session)))
    }

    async fn start_test_session(
        &self,
        registration: &Registration,
        login: TestLogin,
    ) -> Result<SignedIn, Error> {
        let sessions = self.sessions();
        let beginning = sessions.beginning()?;
        let session = login.session(registration, beginning.start);
        let session = session.map_err(|_| Error::NoSubject)?;
        let session = sessions.admit(session, &beginning).await?;
        let session = match &login.data {
            Some(data) => session.with_data(encode_data(data)?),
            None => {
                self.run_login_hook(session, &self.0.visitors.unseen())
                    .await?
            }
        };
        let begun = sessions.begin(session, &beginning, PresentPieces::default());
        let (session, cookies) = begun.await?;
        tracing::warn!(
            event = "test_login",
            issuer = &*session.issuer,
            subject = &*session.subject,
            "a test has started a session without a login"
        );
        let cookies = match login.ended {
            None => cookies,
            Some(why) => self.over(&session, cookies, why).await?,
        };
        Ok(SignedIn { cookies })
    }

    /// Ends a session as this reason ends it. Returns its cookies.
    async fn over(
        &self,
        session: &Session,
        cookies: Vec<HeaderValue>,
        why: SessionEnd,
    ) -> Result<Vec<HeaderValue>, Error> {
        let sessions = self.sessions();
        let fields = cookie_fields(&cookies);
        let pieces = sessions.pieces(fields.iter().map(HeaderValue::as_bytes));
        let found = sessions.find_to_end(sessions.open(&pieces)).await?;
        let (Lookup::Active { loaded, .. } | Lookup::Ended { loaded, .. }) = found else {
            return Ok(cookies);
        };
        let lifetimes = sessions.lifetimes();
        let timed_out = session.timed_out(why, sessions.now(), lifetimes);
        if loaded.ticket.is_none() && timed_out.ended(sessions.now()).is_some() {
            let timed_out = LoadedSession {
                session: Arc::new(timed_out),
                ticket: None,
            };
            return sessions.cookies(&timed_out, PresentPieces::default());
        }
        // A store deletes what is over, for whatever reason.
        sessions.end(&loaded, why).await;
        Ok(cookies)
    }
}

impl SignedIn {
    /// The `Cookie` field of the browser's next request, for tests.
    #[must_use]
    pub fn cookie_header(&self) -> HeaderValue {
        let mut headers = HeaderMap::new();
        self.apply_to(&mut headers);
        let set = headers.get_all(header::SET_COOKIE);
        let fields = cookie_fields(&set.iter().cloned().collect::<Vec<_>>());
        let fields: Vec<&[u8]> = fields.iter().map(HeaderValue::as_bytes).collect();
        // Joined cookies are visible ASCII, as they were before.
        HeaderValue::from_bytes(&fields.join(&b"; "[..]))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// What a browser sends back of these `Set-Cookie` fields: each up to its attributes.
pub(super) fn cookie_fields(set: &[HeaderValue]) -> Vec<HeaderValue> {
    let pairs = set.iter().filter_map(|field| {
        let pair = field.as_bytes().split(|byte| *byte == b';').next()?;
        HeaderValue::from_bytes(pair).ok()
    });
    pairs.collect()
}

debug_with_causes!(TestLoginError);
