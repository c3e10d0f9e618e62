//! Renewing a session's tokens: the task that [`Renewals::once`](crate::session::Renewals::once) runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::turn::{Ours, Turn};
use super::{Gate, Keeping, Kept};
use crate::background::Backoff;
use crate::error::Error;
use crate::session::{Ended, Renewed, Session, UserinfoAge};
use crate::token;
use crate::userinfo::UserinfoError;

/// How long a refresh waits for its turn while other nodes are at it.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(20);

/// How long a refreshed session is offered to a store that fails, and with which pauses.
const KEEP_OFFERING: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Gate {
    /// Spends the session's refresh token, or lets another node spend it, and says what came of it.
    pub(super) async fn refresh(self, kept: Kept) -> Renewed {
        let turn = timeout(WAIT_FOR_OTHERS, self.turn(&kept)).await;
        let ours = match turn {
            Ok(Ok(Turn::Ours(ours))) => ours,
            Ok(Ok(Turn::Done(renewed))) => return renewed,
            Ok(Err(error)) => return undecided(&error),
            Err(_) => {
                tracing::warn!(
                    event = "refresh_failed",
                    "other nodes took too long over a refresh"
                );
                return Renewed::Undecided;
            }
        };
        match self.refreshed(&ours.session).await {
            Ok(fresh) => match fresh.ended(self.0.clock.now()) {
                Some(why) => self.end_refreshed(&kept, &fresh, why).await,
                None => match self.made_to_fit(&ours.session, fresh) {
                    Ok(fresh) => self.keep_refreshed(&kept, ours, fresh).await,
                    Err(fresh) => self.end_refreshed(&kept, &fresh, Ended::TooLarge).await,
                },
            },
            Err(error) if ends_the_session(&error) => self.refused(&kept, &ours, &error).await,
            Err(error) => undecided(&error),
        }
    }

    /// The refresh token is worth nothing. Either somebody else has spent it, and the store has what
    /// they got; or the session is over.
    async fn refused(&self, kept: &Kept, ours: &Ours, error: &Error) -> Renewed {
        if let (Keeping::Stored(stored), Some(ticket)) = (&self.0.keeping, &kept.ticket) {
            let now = self.0.clock.now();
            match self.look(stored, ticket, &ours.session, now).await {
                Ok(Turn::Done(renewed)) => return renewed,
                Ok(Turn::Ours(_)) => {}
                Err(error) => return undecided(&error),
            }
        }
        let session = &ours.session;
        tracing::warn!(
            event = "session_ended",
            issuer = session.issuer,
            subject = session.subject,
            code = error.code(),
            cause = %error.chain(),
            "the refresh was refused"
        );
        let now = self.0.clock.now();
        self.end_here(kept, Ended::Revoked, now).await;
        Renewed::Over(Ended::Revoked)
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
                    Err(error) if ends_the_session(&error) => return Err(error),
                    Err(error) => {
                        // The answer need not carry one, and the rotated refresh token must be kept.
                        tracing::warn!(
                            event = "id_token_left_out",
                            issuer = session.issuer,
                            subject = session.subject,
                            code = error.code(),
                            cause = %error.chain(),
                            "the tokens were refreshed, and the ID token among them cannot be accepted: the one from before is kept"
                        );
                        None
                    }
                }
            }
        };
        let now = premises.clock.now();
        let fresh = session.tokens.refreshed(&tokens, id_token.as_ref(), now);
        let mut fresh = session.refreshed(fresh, id_token.as_ref());
        self.renew_claims(&mut fresh).await?;
        Ok(fresh)
    }

    /// A refreshed session that its cookies hold, if need be with the ID token from before. What they do
    /// not hold even so is an error.
    fn made_to_fit(&self, before: &Session, fresh: Session) -> Result<Session, Box<Session>> {
        let fits = |session: &Session| match &self.0.keeping {
            Keeping::Sealed(_) => self.0.cookies(session, None, &[], self.0.clock.now()),
            Keeping::Stored(_) => Ok(Vec::new()),
        };
        let Err(error) = fits(&fresh) else {
            return Ok(fresh);
        };
        let mut slimmer = fresh.clone();
        slimmer.tokens.id_token = before.tokens.id_token.clone();
        if fresh.extras.userinfo_age == UserinfoAge::OlderThanIdToken {
            // Older than the one that is left out; to the one that stays it is what it was.
            slimmer.extras.userinfo_age = before.extras.userinfo_age;
        }
        if fits(&slimmer).is_err() {
            tracing::error!(
                event = "session_too_large",
                issuer = fresh.issuer,
                subject = fresh.subject,
                code = error.code(),
                cause = %error.chain(),
                "a refreshed session no longer fits into cookies, and ends"
            );
            return Err(Box::new(fresh));
        }
        tracing::warn!(
            event = "id_token_left_out",
            code = error.code(),
            cause = %error.chain(),
            "with its new ID token a refreshed session does not fit into cookies: it keeps the old one, and the claims in it"
        );
        Ok(slimmer)
    }

    /// Ends a session that the refresh itself has ended: the provider limits it to a time that is past,
    /// or its cookies hold it no longer.
    async fn end_refreshed(&self, kept: &Kept, fresh: &Session, why: Ended) -> Renewed {
        let session = &kept.session;
        tracing::info!(
            event = "session_ended",
            issuer = session.issuer,
            subject = session.subject,
            code = why.code(),
            "the session was over when its tokens were refreshed"
        );
        self.end_quietly(kept, why, self.0.clock.now()).await;
        // What the provider has just issued is of use to nobody.
        self.revoke_tokens_of(fresh);
        Renewed::Over(why)
    }

    /// Keeps the refreshed session before anybody gets its tokens.
    async fn keep_refreshed(&self, kept: &Kept, ours: Ours, fresh: Session) -> Renewed {
        let mut fresh = Kept {
            session: Arc::new(fresh),
            ticket: kept.ticket.clone(),
        };
        let offers = timeout(KEEP_OFFERING, self.offer(&mut fresh, &ours)).await;
        match offers {
            Ok(Some(instead)) => {
                if let Renewed::Over(_) = instead {
                    // The session has ended meanwhile, and what was just issued is of use to nobody.
                    self.revoke_tokens_of(&fresh.session);
                }
                return instead;
            }
            Ok(None) => self.after_refresh(&mut fresh).await,
            // The provider has rotated: forgetting the new tokens would end the session. They are
            // remembered here, and written when the session is opened next.
            Err(_) => tracing::error!(
                event = "session_not_written",
                "a refreshed session could not be written to its store yet"
            ),
        }
        if let Some(over @ Renewed::Over(_)) = self.0.renewals.since(&fresh.session) {
            self.revoke_tokens_of(&fresh.session);
            return over;
        }
        tracing::info!(
            event = "refresh",
            issuer = fresh.session.issuer,
            subject = fresh.session.subject,
            generation = fresh.session.generation,
            "tokens refreshed"
        );
        Renewed::Fresh(fresh.session)
    }

    /// Offers a refreshed session to its store until the store has it, put together with whatever
    /// else has changed. Answers with what counts instead, if the session has gone another way.
    async fn offer(&self, fresh: &mut Kept, ours: &Ours) -> Option<Renewed> {
        let mut expected = ours.stored_generation;
        let mut complained = false;
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let error = match self.offer_once(fresh, &mut expected, ours).await {
                Ok(Offered::Kept) => return None,
                Ok(Offered::Instead(renewed)) => return Some(renewed),
                Ok(Offered::Again) => {
                    yield_now().await;
                    continue;
                }
                Err(error) => error,
            };
            if !complained {
                complained = true;
                tracing::error!(
                    event = "session_not_written",
                    code = error.code(),
                    cause = %error.chain(),
                    "a refreshed session is offered to its store again"
                );
            }
            pauses.pause(self.0.random.as_ref()).await;
        }
    }

    async fn offer_once(
        &self,
        fresh: &mut Kept,
        expected: &mut u32,
        ours: &Ours,
    ) -> Result<Offered, Error> {
        let now = self.0.clock.now();
        if self.0.write_back(fresh, *expected, now).await? {
            return Ok(Offered::Kept);
        }
        let (Keeping::Stored(stored), Some(ticket)) = (&self.0.keeping, &fresh.ticket) else {
            return Ok(Offered::Kept);
        };
        Ok(match self.look(stored, ticket, &ours.session, now).await? {
            Turn::Done(renewed) => Offered::Instead(renewed),
            Turn::Ours(newest) => {
                *expected = newest.stored_generation;
                fresh.session = Arc::new(newest.session.with_tokens_of(&fresh.session));
                Offered::Again
            }
        })
    }
}

/// What the store did with a refreshed session.
enum Offered {
    /// It has it.
    Kept,
    /// The session has changed otherwise; it is put together, and offered again.
    Again,
    /// The session has ended, or somebody else has refreshed it.
    Instead(Renewed),
}

fn undecided(error: &Error) -> Renewed {
    tracing::warn!(
        event = "refresh_failed",
        code = error.code(),
        cause = %error.chain(),
        "the tokens could not be refreshed now"
    );
    Renewed::Undecided
}

/// Whether a failed refresh is final: the grant is gone, or the tokens are somebody else's.
fn ends_the_session(error: &Error) -> bool {
    match error {
        Error::Token(error) => error.is_final(),
        Error::IdToken(error) => error.disowns_the_session(),
        Error::Userinfo(error) => matches!(error, UserinfoError::Subject),
        _ => false,
    }
}
