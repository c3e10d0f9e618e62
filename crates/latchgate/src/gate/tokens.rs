//! The access token of a visit: fresh, or refreshed first.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::{Kept, Visit};
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{AccessToken, Renewed, Session};

/// How long a request waits for fresh tokens.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);

/// How long it waits while the old ones are still good.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// How often a request asks for newer tokens, when what it gets has changed in other ways only.
const ROUNDS: usize = 4;

impl Visit {
    /// A fresh access token of the person who is signed in, if anybody is.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when the token has expired and the provider cannot be asked
    /// for a new one; [`Error::NoRefreshToken`] when it has expired and the provider has granted
    /// nothing to refresh it with; [`Error::Store`] when the session's store does not answer.
    pub fn access_token(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<> {
        let opened = self.ask(head);
        let visit = self.clone();
        async move {
            let Some(kept) = opened.await? else {
                return Ok(None);
            };
            let now = visit.gate().0.clock.now();
            if !kept.session.refresh_due(now) {
                return Ok(Some(kept.access_token(now)));
            }
            if kept.session.tokens.refresh_token.is_none() {
                // Without a refresh token the rest of its life is all there is.
                if kept.is_good(now) {
                    return Ok(Some(kept.access_token(now)));
                }
                return Err(Error::NoRefreshToken);
            }
            // A sealed session is kept by nobody but the browser, which should get the newest one.
            let patience = if kept.ticket.is_some() && kept.is_good(now) {
                SHORT_PATIENCE
            } else {
                PATIENCE
            };
            let due = |session: &Session| session.refresh_due(now);
            let refreshed = visit.refresh(kept, patience, |session| !due(session));
            match refreshed.await {
                Err(Error::RefreshUnavailable) => visit.token_while_good(),
                other => other,
            }
        }
    }

    /// Refreshes the tokens now, whether due or not.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when the provider cannot be asked, however long the old token would
    /// still be good; [`Error::NoRefreshToken`] when it has granted nothing to refresh it with;
    /// [`Error::Store`] when the session's store does not answer. `None` when nobody is signed in, or the
    /// provider has revoked the refresh token.
    pub fn force_refresh(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<> {
        let opened = self.ask(head);
        let visit = self.clone();
        async move {
            match opened.await? {
                Some(kept) if kept.session.tokens.refresh_token.is_none() => {
                    Err(Error::NoRefreshToken)
                }
                Some(kept) => {
                    let before = Arc::clone(&kept.session);
                    visit
                        .refresh(kept, PATIENCE, |session| session.tokens != before.tokens)
                        .await
                }
                None => Ok(None),
            }
        }
    }

    /// Refreshes until the session is what is wanted: the newest generation may be somebody's change
    /// that left the tokens as they were.
    async fn refresh(
        &self,
        mut kept: Kept,
        patience: Duration,
        wanted: impl Fn(&Session) -> bool,
    ) -> Result<Option<AccessToken>, Error> {
        let now = self.gate().0.clock.now();
        for _ in 0..ROUNDS {
            match self.refreshed(&kept, now, patience).await {
                Renewed::Fresh(session) => {
                    kept.session = session;
                    self.keep(kept.clone());
                    if wanted(&kept.session) {
                        return Ok(Some(kept.access_token(now)));
                    }
                }
                Renewed::Over(why) => {
                    self.lose(why);
                    return Ok(None);
                }
                Renewed::Undecided => break,
            }
        }
        Err(Error::RefreshUnavailable)
    }

    /// The token that could not be refreshed, while it is good.
    fn token_while_good(&self) -> Result<Option<AccessToken>, Error> {
        // The request has waited, perhaps for long.
        let now = self.gate().0.clock.now();
        match self.kept() {
            Some(kept) if kept.is_good(now) => Ok(Some(kept.access_token(now))),
            _ => Err(Error::RefreshUnavailable),
        }
    }

    /// Waits for a refresh of the session, but not for ever. The refresh itself goes on.
    async fn refreshed(&self, kept: &Kept, now: u64, patience: Duration) -> Renewed {
        let premises = &self.gate().0;
        let refresh = premises.renewals.once(
            &kept.session,
            now,
            &premises.clock,
            &premises.background,
            || {
                let refresh = self.gate().clone().refresh(kept.clone());
                refresh.instrument(tracing::info_span!("refresh"))
            },
        );
        tokio::time::timeout(patience, refresh)
            .await
            .unwrap_or(Renewed::Undecided)
    }
}

impl Kept {
    /// Whether the access token has not expired, as far as known.
    fn is_good(&self, now: u64) -> bool {
        self.session.tokens.expires_in(now) != Some(0)
    }

    fn access_token(&self, now: u64) -> AccessToken {
        let tokens = &self.session.tokens;
        AccessToken::new(
            tokens.access_token.text(),
            tokens.expires_in(now),
            tokens.scope.clone(),
        )
    }
}
