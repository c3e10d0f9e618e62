//! Finishing a login: the walk of `code`, from the provider's answer to the session.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::door::Found;
use super::ending::store_failed;
use super::errand::Snapshot;
use super::page::redirect;
use super::refuse::Retry;
use super::{Gate, Kept, Visit};
use crate::authorization::{
    AuthorizationError, Expected, Parameters, PendingLogin, Remembered, ReplacedSession,
    VerifiedCode, response, suffix_of,
};
use crate::background::Room;
use crate::client::Registration;
use crate::cookie::pairs;
use crate::error::Error;
use crate::session::{Ended, EndedSession, Moment, Session, Ticket, Tokens};
use crate::token::{self, IdTokenError, Rules, TokenResponse};

/// What is known of a login when its answer has come back.
struct Login {
    expected: Expected,
    /// When that was, by the clock and among the ends of sessions.
    begun: (u64, Moment),
    remembered: Remembered,
    /// The session that the browser had when the login began.
    replaces: Option<ReplacedSession>,
    /// What the browser has brought along.
    visit: Visit,
}

impl Gate {
    /// Answers the provider's answer. Whatever comes of it, the login's cookie is used up.
    pub(super) async fn callback(
        &self,
        form: &[u8],
        snapshot: &Snapshot,
    ) -> Result<Response<Bytes>, Error> {
        let parameters = Parameters::parse(form)?;
        let suffix = format!(".{}", suffix_of(parameters.state()?));
        let pending = self.pending_login(&suffix, snapshot, self.0.clock.now());
        let retry = match &pending {
            Some(pending) => Retry::Login {
                return_to: self.return_to(&pending.return_to),
                remembered: Some(pending.remembered),
            },
            None => Retry::login_from(self.home()),
        };
        let finished = self.finish(parameters, pending, snapshot).await;
        let used_up = self.0.login_cookie.clear(&suffix);
        let mut answer =
            finished.unwrap_or_else(|error| self.refuse(&error, &snapshot.asked(retry)));
        answer.headers_mut().append(header::SET_COOKIE, used_up);
        Ok(answer)
    }

    async fn finish(
        &self,
        parameters: Parameters<'_>,
        pending: Option<PendingLogin>,
        snapshot: &Snapshot,
    ) -> Result<Response<Bytes>, Error> {
        let premises = &self.0;
        let now = premises.clock.now();
        let begun = (now, premises.revocations.moment());
        let Some(mut pending) = pending else {
            return self.nothing_pending(snapshot).await;
        };
        let return_to = self.return_to(&pending.return_to);
        let (remembered, replaces) = (pending.remembered, pending.replaces.take());
        let metadata = premises.reach.metadata(now).await?;
        let (code, expected) = response(parameters, pending, &premises.registration, &metadata)?;

        let visit = Visit::new(self.clone());
        let brought = visit.opening(snapshot.cookie_fields());
        let login = Login {
            expected,
            begun,
            remembered,
            replaces,
            visit,
        };
        let gate = self.clone();
        let signing_in = async move { gate.sign_in(code, login, brought).await };
        let signed_in = premises.background.run(Room::Logins, signing_in).await;
        let cookies = signed_in.unwrap_or(Err(Error::Interrupted))?;
        let mut answer = redirect(return_to.as_str());
        for cookie in cookies {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(answer)
    }

    /// An answer nobody here waits for. Somebody who is signed in went back in the browser's history
    /// or reloaded: they go home, and nothing changes. For anybody else it is refused.
    async fn nothing_pending(&self, snapshot: &Snapshot) -> Result<Response<Bytes>, Error> {
        match self.session_of(snapshot).await? {
            (_, Some(_)) => Ok(redirect(self.return_to("").as_str())),
            (_, None) => Err(AuthorizationError::NoPendingLogin.into()),
        }
    }

    /// Opens the login cookie of this answer. More than one value under its name: somebody planted
    /// one, and only one can be genuine.
    fn pending_login(&self, suffix: &str, snapshot: &Snapshot, now: u64) -> Option<PendingLogin> {
        let name = format!("{}{suffix}", self.0.login_cookie.name());
        let values = snapshot
            .cookie_fields()
            .flat_map(pairs)
            .filter(|(found, _)| *found == name.as_bytes());
        values
            .take(4)
            .find_map(|(_, value)| PendingLogin::open(&self.0.keys, &name, value, now))
    }

    /// Spends the code, and keeps the session that comes of it. Once the provider has issued tokens, they
    /// are kept or revoked, whether or not the browser still waits.
    async fn sign_in(
        &self,
        code: VerifiedCode,
        login: Login,
        brought: impl Future<Output = Result<Option<Kept>, Error>> + Send,
    ) -> Result<Vec<HeaderValue>, Error> {
        let tokens = self.spend(code).await?;
        let signed_in = async {
            let mut session = self
                .begin_session(&tokens, &login.expected, login.begun)
                .await?;
            session.extras.remembered = login.remembered;
            let session = self.furnish(session).await?;
            self.0.marks_seen_here(&session, login.begun.1)?;
            self.replace_session(session, brought.await?, &login).await
        };
        let signed_in = signed_in.await;
        if let (Err(_), Some(refresh_token)) = (&signed_in, tokens.refresh_token) {
            self.revoke(refresh_token);
        }
        signed_in
    }

    /// Trades the code for tokens.
    async fn spend(&self, code: VerifiedCode) -> Result<TokenResponse, Error> {
        let premises = &self.0;
        let metadata = premises.reach.metadata(premises.clock.now()).await?;
        let request = token::request(&premises.registration, &metadata, code)?;
        Ok(token::response(&premises.reach.send(request).await?)?)
    }

    /// The session that the tokens are good for. It begins when its login came back, which is `begun`:
    /// whatever ends it since then ends it.
    async fn begin_session(
        &self,
        tokens: &TokenResponse,
        expected: &Expected,
        (begun_at, moment): (u64, Moment),
    ) -> Result<Session, Error> {
        let premises = &self.0;
        let registration = &premises.registration;
        let id_token = self
            .verify(|rules| {
                token::verify(
                    rules,
                    tokens.id_token.as_deref(),
                    &tokens.access_token,
                    expected,
                )
            })
            .await?;
        let claims = self
            .userinfo(&tokens.access_token, &id_token.subject)
            .await?;
        let now = premises.clock.now();
        let requested = registration.scopes.join(" ");
        let mut session = Session::begin(
            registration,
            &id_token,
            Tokens::new(tokens, &id_token, &requested, now),
            claims.as_ref(),
            premises.lifetimes,
            begun_at,
            premises.random.as_ref(),
        )?;
        self.read_access_token(&mut session, &tokens.access_token)
            .await;
        warn_without_refresh_token(&session, registration);
        if session.ended(now).is_some() {
            return Err(Error::CeilingReached);
        }
        session.extras.seen = premises.marks_seen(&session, moment, now).await?;
        Ok(session)
    }

    /// Runs a verification of an ID token, once more with newer keys when the first attempt met an
    /// unknown one.
    pub(super) async fn verify<T>(
        &self,
        verification: impl Fn(&Rules<'_>) -> Result<T, IdTokenError>,
    ) -> Result<T, Error> {
        self.verify_with_newer_keys(verification, IdTokenError::lacks_a_key)
            .await
    }

    /// Runs a verification, once more with newer keys when the first attempt failed for the lack of
    /// one.
    pub(super) async fn verify_with_newer_keys<T, E: Into<Error>>(
        &self,
        verification: impl Fn(&Rules<'_>) -> Result<T, E>,
        lacks_a_key: impl Fn(&E) -> bool,
    ) -> Result<T, Error> {
        let premises = &self.0;
        let now = premises.clock.now();
        let registration = &premises.registration;
        let leeway = premises.leeway;
        let keys = premises.reach.keys(now).await?;
        match verification(&Rules {
            registration,
            keys: &keys,
            now,
            leeway,
        }) {
            Err(error) if lacks_a_key(&error) => {
                let keys = premises.reach.newer_keys(&keys, now).await?;
                verification(&Rules {
                    registration,
                    keys: &keys,
                    now,
                    leeway,
                })
                .map_err(Into::into)
            }
            verified => verified.map_err(Into::into),
        }
    }

    /// Keeps a new session in place of the one the browser brought, or had when the login began, which
    /// ends.
    async fn replace_session(
        &self,
        session: Session,
        brought: Option<Kept>,
        login: &Login,
    ) -> Result<Vec<HeaderValue>, Error> {
        let now = self.0.clock.now();
        let present = login.visit.present();
        let (ticket, cookies) = self.0.keep_new(&session, &present, now).await?;
        // Whoever ended the sessions of this person before it was kept has not found it.
        if let Err(ended) = self.0.marks_seen_here(&session, login.begun.1) {
            let kept = Kept {
                session: Arc::new(session),
                ticket,
            };
            self.end_quietly(&kept, Ended::EndedByProvider, now).await;
            return Err(ended);
        }
        tracing::info!(
            event = "login",
            issuer = session.issuer,
            subject = session.subject,
            "signed in"
        );
        if let Some(brought) = &brought {
            self.end_replaced(brought, &session, now).await;
        }
        let brought = brought.map(|brought| brought.session.id);
        match &login.replaces {
            Some(ReplacedSession::Stored(ticket)) => {
                self.end_replaced_ticket(Ticket::from_bytes(*ticket), &session, now)
                    .await;
            }
            Some(ReplacedSession::Sealed { id, until }) if brought != Some(*id) => {
                let replaced = EndedSession {
                    id: *id,
                    issuer: session.issuer.clone(),
                    until: *until,
                };
                self.end_by_id(replaced, now).await;
            }
            _ => {}
        }
        Ok(cookies)
    }

    /// Ends a session that another one has replaced. Nobody has signed out: the application is not told.
    ///
    /// Its refresh token is revoked when somebody else has signed in. For the same person it is not: some
    /// providers, Keycloak among them, end with one token all that this client has of that person, and so
    /// the new session's.
    async fn end_replaced(&self, replaced: &Kept, by: &Session, now: u64) {
        self.end_quietly(replaced, Ended::SignedOut, now).await;
        let session = &replaced.session;
        if (&session.issuer, &session.subject) != (&by.issuer, &by.subject) {
            self.revoke_tokens_of(session);
        }
    }

    async fn end_replaced_ticket(&self, ticket: Ticket, by: &Session, now: u64) {
        match self.0.load(ticket.clone(), now).await {
            Ok(Found::Live { kept, .. }) => self.end_replaced(&kept, by, now).await,
            Ok(_) => {}
            Err(error) => {
                store_failed(&error);
                self.end_once_possible(Some(ticket), None);
            }
        }
    }
}

/// Tells the log that a refresh token was asked for and not granted: the session's access token will
/// expire, and nobody sees why.
fn warn_without_refresh_token(session: &Session, registration: &Registration) {
    let asked = registration
        .scopes
        .iter()
        .any(|scope| scope == "offline_access");
    if asked && session.tokens.refresh_token.is_none() {
        tracing::warn!(
            event = "no_refresh_token",
            issuer = session.issuer,
            subject = session.subject,
            cure = "allow the client the grant type refresh_token and the scope offline_access at the provider, and its API offline access if it has one; some providers want `prompt=consent` as well (setting `prompt`)",
            "`offline_access` was requested, and the provider granted no refresh token"
        );
    }
}
