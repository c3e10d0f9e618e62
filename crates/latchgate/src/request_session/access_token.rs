//! The access token of a request's session, refreshed first when it is due.

use std::sync::Arc;
use std::time::Duration;

use super::RequestSession;
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{AccessToken, Session};
use crate::sessions::{LoadedSession, RefreshOutcome, TIMING};

/// How many refreshes a request tries when the session changed but its tokens did not.
const ROUNDS: usize = 4;

impl RequestSession {
    /// A fresh access token of the person who is signed in, if anyone is.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when the token has expired and cannot be refreshed now; [`Error::NoRefreshToken`]
    /// when it has expired and the provider has granted no refresh token; [`Error::NoAccessToken`] when the application has started the session; [`Error::Store`]
    /// when the session's store is unavailable.
    pub fn access_token<'s>(
        &'s self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<'s> {
        let opened = self.load(head);
        async move {
            match opened.await? {
                Some(loaded) => self.fresh_access_token(loaded).await,
                None => Ok(None),
            }
        }
    }

    /// The access token of this session, refreshed first when it is due. `None` when the session has ended.
    pub(super) async fn fresh_access_token(
        &self,
        loaded: LoadedSession,
    ) -> Result<Option<AccessToken>, Error> {
        if loaded.session.is_by_application() {
            return Err(Error::NoAccessToken);
        }
        let now = self.now();
        if !loaded.session.refresh_due(now) {
            return Ok(Some(self.token_of(&loaded, now)));
        }
        if loaded.session.tokens.refresh_token.is_none() {
            // Without a refresh token it is used until it expires.
            if loaded.session.tokens.are_good(now) {
                return Ok(Some(self.token_of(&loaded, now)));
            }
            return Err(Error::NoRefreshToken);
        }
        // Only the browser has a sealed session, so the response should carry the newest one.
        let patience = if loaded.ticket.is_some() && loaded.session.tokens.are_good(now) {
            TIMING.short_patience
        } else {
            TIMING.patience
        };
        let refreshed = self.refresh(loaded, patience, |session| !session.refresh_due(now));
        match refreshed.await {
            Err(Error::RefreshUnavailable) => self.token_while_good(),
            other => other,
        }
    }

    /// Refreshes the tokens now, whether due or not.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when the provider is unavailable, even if the old token is still valid;
    /// [`Error::NoRefreshToken`] when it has granted no refresh token; [`Error::Store`] when the session's store is
    /// unavailable. `None` when nobody is signed in, or the provider has revoked the refresh token.
    pub fn force_refresh<'s>(
        &'s self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<'s> {
        let opened = self.load(head);
        async move {
            match opened.await? {
                Some(loaded) if loaded.session.is_by_application() => Err(Error::NoAccessToken),
                Some(loaded) if loaded.session.tokens.refresh_token.is_none() => {
                    Err(Error::NoRefreshToken)
                }
                Some(loaded) => {
                    let before = Arc::clone(&loaded.session);
                    self.refresh(loaded, TIMING.patience, |session| {
                        session.tokens != before.tokens
                    })
                    .await
                }
                None => Ok(None),
            }
        }
    }

    /// Another access token for the API of the login, which has rejected this one. Nothing is refreshed if the session
    /// has another one already. `None` if there is no other.
    pub(super) async fn other_access_token(
        &self,
        loaded: LoadedSession,
        rejected: &AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        let is_other = |session: &Session| session.tokens.access_token.text() != rejected.secret();
        if loaded.session.is_by_application() {
            return Err(Error::NoAccessToken);
        }
        if is_other(&loaded.session) {
            return Ok(Some(self.token_of(&loaded, self.now())));
        }
        let tokens = &loaded.session.tokens;
        if tokens.refresh_token.is_none() || !tokens.are_replaceable(self.now()) {
            return Ok(None);
        }
        let other = self.refresh(loaded, TIMING.patience, is_other).await?;
        other.ok_or(Error::SessionEnded).map(Some)
    }

    /// Refreshes until the session is as wanted: a newer generation may be an update that left the tokens as they were.
    async fn refresh(
        &self,
        mut loaded: LoadedSession,
        patience: Duration,
        wanted: impl Fn(&Session) -> bool,
    ) -> Result<Option<AccessToken>, Error> {
        let now = self.now();
        for _ in 0..ROUNDS {
            match self.refreshed(&loaded, patience).await {
                RefreshOutcome::Refreshed(session) => {
                    loaded.session = session;
                    self.set_loaded(loaded.clone());
                    if wanted(&loaded.session) {
                        return Ok(Some(self.token_of(&loaded, now)));
                    }
                }
                RefreshOutcome::Ended(why) => {
                    self.set_ended(why);
                    return Ok(None);
                }
                RefreshOutcome::Unavailable => break,
            }
        }
        Err(Error::RefreshUnavailable)
    }

    /// The access token of a session, with what proves its key if it is bound to one.
    fn token_of(&self, loaded: &LoadedSession, now: u64) -> AccessToken {
        let session = &loaded.session;
        let party = self.party_of(session);
        let key = session.dpop_key.as_ref();
        let prover = party.zip(key).map(|(party, key)| party.prover(key));
        let certificate = party.and_then(|party| party.registration().certificate.clone());
        session
            .access_token(now)
            .proven_by(prover)
            .presented_with(certificate)
    }

    /// The token that could not be refreshed, while it is valid.
    fn token_while_good(&self) -> Result<Option<AccessToken>, Error> {
        // The request may have waited for a while.
        let now = self.now();
        match self.loaded() {
            Some(loaded) if loaded.session.tokens.are_good(now) => {
                Ok(Some(self.token_of(&loaded, now)))
            }
            _ => Err(Error::RefreshUnavailable),
        }
    }

    /// Waits for a refresh of the session, up to `patience`. The refresh itself goes on.
    async fn refreshed(&self, session: &LoadedSession, patience: Duration) -> RefreshOutcome {
        let refresh = self.sessions().refresh_with(session, self.context());
        tokio::time::timeout(patience, refresh)
            .await
            .unwrap_or(RefreshOutcome::Unavailable)
    }

    fn now(&self) -> u64 {
        self.sessions().now()
    }
}
