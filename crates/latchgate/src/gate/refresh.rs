//! Renewing a session's tokens: the task that [`Renewals::once`](crate::session::Renewals::once) runs.

use std::sync::Arc;

use super::{Gate, Kept};
use crate::error::Error;
use crate::session::{Ended, Renewed, Session};
use crate::token::{self, TokenError};

impl Gate {
    /// Spends the session's refresh token and says what came of it.
    pub(super) async fn refresh(self, kept: Kept) -> Renewed {
        let session = &kept.session;
        match self.refreshed(session).await {
            Ok(fresh) => match fresh.ended(self.0.clock.now()) {
                Some(why) => self.end_refreshed(&kept, why).await,
                None => self.keep_refreshed(&kept, fresh).await,
            },
            Err(error) if ends_the_session(&error) => {
                tracing::warn!(
                    event = "session_ended",
                    issuer = session.issuer,
                    subject = session.subject,
                    code = error.code(),
                    cause = %error.chain(),
                    "the refresh was refused"
                );
                if let Err(error) = self.0.forget(kept.ticket.as_ref()).await {
                    tracing::error!(event = "session_not_removed", cause = %error.chain(), "the store failed");
                }
                Renewed::Over(Ended::Revoked)
            }
            Err(error) => {
                tracing::warn!(
                    event = "refresh_failed",
                    code = error.code(),
                    cause = %error.chain(),
                    "the tokens could not be refreshed now"
                );
                Renewed::Undecided
            }
        }
    }

    async fn refreshed(&self, session: &Session) -> Result<Session, Error> {
        let premises = &self.0;
        let metadata = premises.reach.metadata(premises.clock.now()).await?;
        // Before the refresh token is spent: its answer must not be lost for the lack of keys.
        premises.reach.keys(premises.clock.now()).await?;
        let refresh_token = session
            .tokens
            .refresh_token
            .as_ref()
            .map(|token| token.text());
        let refresh_token = refresh_token.ok_or(Error::RefreshUnavailable)?;
        let request = token::refresh_request(&premises.registration, &metadata, &refresh_token)?;
        let tokens = token::response(&premises.reach.send(request).await?)?;

        let id_token = match &tokens.id_token {
            None => None,
            Some(raw) => {
                let known = session.id_token_claims();
                let verify = |rules: &token::Rules<'_>| {
                    token::verify_refreshed(
                        rules,
                        raw,
                        &tokens.access_token,
                        &session.subject,
                        &known,
                    )
                };
                match self.verify(verify).await {
                    Ok(id_token) => Some(id_token),
                    Err(error) if lacks_a_key(&error) => {
                        // The answer need not carry one, and the rotated refresh token must be kept.
                        tracing::warn!(
                            event = "id_token_left_out",
                            code = error.code(),
                            cause = %error.chain(),
                            "a refreshed ID token could not be verified for the lack of a key"
                        );
                        None
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let now = premises.clock.now();
        let fresh = session.tokens.refreshed(&tokens, id_token.as_ref(), now);
        Ok(session.refreshed(fresh, id_token.as_ref()))
    }

    /// Ends a session that the refresh itself has ended: the provider limits it to a time that is past.
    async fn end_refreshed(&self, kept: &Kept, why: Ended) -> Renewed {
        let session = &kept.session;
        tracing::info!(
            event = "session_ended",
            issuer = session.issuer,
            subject = session.subject,
            code = why.code(),
            "the session was over when its tokens were refreshed"
        );
        if let Err(error) = self.0.forget(kept.ticket.as_ref()).await {
            tracing::error!(event = "session_not_removed", cause = %error.chain(), "the store failed");
        }
        Renewed::Over(why)
    }

    /// Keeps the refreshed session before anybody gets its tokens.
    async fn keep_refreshed(&self, kept: &Kept, fresh: Session) -> Renewed {
        let premises = &self.0;
        let now = premises.clock.now();
        let fresh = Kept {
            session: Arc::new(fresh),
            ticket: kept.ticket.clone(),
        };
        match premises
            .write_back(&fresh, kept.session.generation, now)
            .await
        {
            Ok(true) => {
                tracing::info!(
                    event = "refresh",
                    issuer = fresh.session.issuer,
                    subject = fresh.session.subject,
                    generation = fresh.session.generation,
                    "tokens refreshed"
                );
                Renewed::Fresh(fresh.session)
            }
            Ok(false) => Renewed::Over(Ended::SignedOut),
            // The provider has rotated: forgetting the new tokens would end the session. They are
            // remembered here, and written when the session is opened next.
            Err(error) => {
                tracing::error!(
                    event = "session_not_written",
                    code = error.code(),
                    cause = %error.chain(),
                    "a refreshed session could not be written to its store yet"
                );
                Renewed::Fresh(fresh.session)
            }
        }
    }
}

/// Whether a failed refresh is final: the grant is gone, or the provider vouches for somebody else.
fn ends_the_session(error: &Error) -> bool {
    match error {
        Error::Token(error) => TokenError::is_final(error),
        Error::IdToken(_) => true,
        _ => false,
    }
}

/// Whether an ID token could not be judged: its key is not to be had at the moment.
fn lacks_a_key(error: &Error) -> bool {
    matches!(error, Error::Http(_) | Error::Discovery(_) | Error::Keys(_))
}
