//! Access tokens of a request's session for APIs other than the one that the login's token is for.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Context, RequestSession};
use crate::error::Error;
use crate::relying_party::{GettingToken, RelyingParty, TokenOfApi};
use crate::session::{AccessToken, Session, SessionEnd};
use crate::sessions::{LoadedSession, RefreshOutcome, Refresher, TIMING};
use crate::token::{Grant, TokenFor};

/// How often a request tries to use the refresh token when others use it first.
const ROUNDS: usize = 8;

/// The access tokens of the person who makes a request: the one of the login, and those for other APIs.
///
/// A token for another API is kept in the memory of this process until shortly before it expires, and requested only once,
/// even if many requests ask at the same moment. It is not in the session, so each node requests its own when it first
/// needs one, and again after a restart; if that is too many for the provider, route each person to one node. Use this only
/// while the request lasts: if sessions are in cookies, a new refresh token reaches the cookie only with the response.
#[derive(Clone, Debug)]
pub struct ApiTokens(RequestSession);

/// Uses the refresh token of a session for another API.
#[derive(Clone)]
struct RefreshFor {
    context: Arc<Context>,
    party: Arc<RelyingParty>,
    wanted: TokenFor,
    getting: Arc<GettingToken>,
    /// Why the provider grants no such token, for the request that asked.
    refused: Arc<Mutex<Option<Error>>>,
}

impl ApiTokens {
    pub(crate) fn of(session: &RequestSession) -> Self {
        Self(session.clone())
    }

    /// The access token of the login, refreshed first when it is due, as from the extractor `AccessToken`.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when it has expired and cannot be refreshed now; [`Error::NoRefreshToken`] when
    /// there is no refresh token for it; [`Error::NoAccessToken`] when the application has started the session;
    /// [`Error::SessionEnded`] when the session has ended; [`Error::Store`] when its store is unavailable.
    pub async fn login_token(&self) -> Result<AccessToken, Error> {
        let loaded = self.0.loaded().ok_or(Error::SessionEnded)?;
        let token = self.0.fresh_access_token(loaded).await?;
        token.ok_or(Error::SessionEnded)
    }

    /// Another access token of the login, after its API has rejected this one: refreshed now, only once, even if many requests
    /// ask. If the session has another one already, that one is returned.
    ///
    /// `None` without a refresh token, and for a token that was issued less than 30 seconds ago, because the API would reject
    /// the next one as well. So an API that rejects every token costs at most two refreshes per minute and session, however
    /// many calls there are.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when it cannot be refreshed now, even while the rejected token has not expired; the
    /// others of [`ApiTokens::login_token`].
    pub async fn replace_login_token(
        &self,
        rejected: &AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        let loaded = self.0.loaded().ok_or(Error::SessionEnded)?;
        self.0.other_access_token(loaded, rejected).await
    }

    /// Whether the session has ended since the request: by a logout, in the application or at the provider, by a time limit, or
    /// because its tenant no longer exists or has another provider. For connections that last longer than a request, such as
    /// WebSockets: ask regularly, and close them when it has.
    ///
    /// A session in a store is read there. If sessions are in cookies, only ends on this node are known, unless
    /// [`revocations_in`](crate::GateBuilder::revocations_in) names a store.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store is unavailable; [`Error::Tenant`] when the application cannot say what the tenant's
    /// provider is.
    pub async fn session_has_ended(&self) -> Result<bool, Error> {
        let Some(loaded) = self.0.loaded() else {
            return Ok(true);
        };
        if self.0.sessions().has_ended_since(&loaded).await? {
            return Ok(true);
        }
        if loaded.session.tenant().is_none() {
            return Ok(false);
        }
        let found = self.0.context().relying_party_of(&loaded.session).await?;
        Ok(found.is_none())
    }

    /// Whether a cookie of this name is the gate's: those of sessions, and of pending logins and logouts. They
    /// are only for this application, so a proxy must neither forward them nor let another server set them.
    #[must_use]
    pub fn is_own_cookie(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.0.sessions().cookie_name());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }

    /// The path that a proxy in front of the application removes from every request, such as `/app`; usually empty
    /// ([`BasePath::Stripped`](crate::BasePath::Stripped)). A `Location` must begin with it, because browsers need it.
    #[must_use]
    pub fn stripped_path(&self) -> &str {
        &self.0.context().stripped_path
    }

    /// An access token for an API other than the login's.
    ///
    /// # Errors
    ///
    /// [`Error::NoRefreshToken`] when the session has none, and the token is not one by exchange; [`Error::Token`] when
    /// the provider grants no such token; [`Error::RefreshUnavailable`] or [`Error::Http`] when it is unavailable, and
    /// for five seconds after a failure; [`Error::SessionEnded`] when the session has ended; [`Error::Store`] when its
    /// store is unavailable.
    pub async fn get(&self, wanted: &TokenFor) -> Result<AccessToken, Error> {
        let loaded = self.0.loaded().ok_or(Error::SessionEnded)?;
        let party = self.0.party_of(&loaded.session);
        let party = Arc::clone(party.ok_or(Error::SessionEnded)?);
        match wanted.grant() {
            Grant::RefreshToken => self.by_refresh(&party, loaded, wanted).await,
            Grant::TokenExchange => self.by_exchange(&party, loaded, wanted).await,
        }
    }

    /// Another access token for an API that has rejected this one. If another request has got one already, that one is
    /// returned. `None` in the same cases as for [`ApiTokens::replace_login_token`].
    ///
    /// # Errors
    ///
    /// As for [`ApiTokens::get`].
    pub async fn replace(
        &self,
        wanted: &TokenFor,
        rejected: &AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        if let Some(loaded) = self.0.loaded()
            && let Some(party) = self.0.party_of(&loaded.session)
            && !party.reject_token(&loaded.session, wanted, rejected)
        {
            return Ok(None);
        }
        match self.get(wanted).await {
            Err(Error::NoRefreshToken) => Ok(None),
            other => other.map(Some),
        }
    }

    async fn by_exchange(
        &self,
        party: &RelyingParty,
        loaded: LoadedSession,
        wanted: &TokenFor,
    ) -> Result<AccessToken, Error> {
        let session = Arc::clone(&loaded.session);
        match party.token_for(&session, wanted).await? {
            TokenOfApi::Known(token) => Ok(token),
            TokenOfApi::Missing(getting) => {
                let own = self.0.fresh_access_token(loaded).await?;
                let own = own.ok_or(Error::SessionEnded)?;
                let exchanged = party.exchange_for(&session, own.secret(), wanted, &getting);
                exchanged.await
            }
        }
    }

    async fn by_refresh(
        &self,
        party: &Arc<RelyingParty>,
        mut loaded: LoadedSession,
        wanted: &TokenFor,
    ) -> Result<AccessToken, Error> {
        for _ in 0..ROUNDS {
            let getting = match party.token_for(&loaded.session, wanted).await? {
                TokenOfApi::Known(token) => return Ok(token),
                TokenOfApi::Missing(getting) => Arc::new(getting),
            };
            if loaded.session.tokens.refresh_token.is_none() {
                return Err(Error::NoRefreshToken);
            }
            let refresher = RefreshFor {
                context: Arc::clone(self.0.context()),
                party: Arc::clone(party),
                wanted: wanted.clone(),
                getting,
                refused: Arc::default(),
            };
            let refresh = self.0.sessions().refresh_with(&loaded, &refresher);
            let outcome = tokio::time::timeout(TIMING.patience, refresh).await;
            if let Some(error) = refresher.take_refusal() {
                return Err(error);
            }
            match outcome {
                Ok(RefreshOutcome::Refreshed(session)) => {
                    if session.generation != loaded.session.generation {
                        loaded.session = session;
                        self.0.set_loaded(loaded.clone());
                    }
                }
                Ok(RefreshOutcome::Ended(why)) => {
                    self.0.set_ended(why);
                    return Err(Error::SessionEnded);
                }
                Ok(RefreshOutcome::Unavailable) | Err(_) => break,
            }
        }
        Err(Error::RefreshUnavailable)
    }
}

impl RefreshFor {
    fn take_refusal(&self) -> Option<Error> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.take()
    }
}

impl Refresher for RefreshFor {
    async fn refresh(&self, session: &Session) -> Result<Option<Session>, Error> {
        let refreshed = self
            .party
            .refresh_for(session, &self.wanted, &self.getting)
            .await;
        match refreshed {
            Err(error) if !error.ends_the_session() => {
                self.party.token_failed(&self.getting);
                let is_refusal = matches!(error, Error::Token(_));
                if !is_refusal {
                    return Err(error);
                }
                // The provider refuses this API, and not the refresh token.
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused = Some(error);
                Ok(None)
            }
            refreshed => refreshed,
        }
    }

    /// The tokens of the session's own API are the same.
    async fn on_refresh(&self, _: &Arc<Session>) -> Result<Option<String>, Error> {
        Ok(None)
    }

    fn on_end(&self, session: &Session, why: SessionEnd) {
        self.context.on_end(session, why);
    }

    fn revoke_tokens(&self, session: &Session) {
        self.context.revoke_tokens(session);
    }
}
