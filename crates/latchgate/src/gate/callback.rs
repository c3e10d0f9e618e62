//! Finishing a login: the walk of `code`, from the provider's answer to the session.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::Gate;
use super::errand::Snapshot;
use super::page::redirect;
use super::refuse::Retry;
use crate::authorization::{
    AuthorizationError, Expected, Parameters, PendingLogin, VerifiedCode, response, suffix_of,
};
use crate::client::UserinfoPolicy;
use crate::cookie::pairs;
use crate::error::Error;
use crate::session::{Ended, Session, Tokens};
use crate::token::{self, IdToken, IdTokenError, Rules, TokenResponse};
use crate::userinfo;

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
        let Some(pending) = pending else {
            return self.nothing_pending(snapshot).await;
        };
        let return_to = self.return_to(&pending.return_to);
        let remembered = pending.remembered;
        let metadata = premises.reach.metadata(now).await?;
        let (code, expected) = response(parameters, pending, &premises.registration, &metadata)?;

        let (tokens, id_token) = self.exchange(code, &expected).await?;
        let claims = match premises.registration.userinfo {
            UserinfoPolicy::Never => None,
            UserinfoPolicy::AtLogin => {
                let request = userinfo::request(&metadata, &tokens.access_token)?;
                let answer = premises.reach.send(request).await?;
                Some(userinfo::response(&answer, &id_token)?)
            }
        };
        // The session begins when its login came back: whatever ends it since then ends it.
        let (began, now) = (now, premises.clock.now());
        let requested = premises.registration.scopes.join(" ");
        let mut session = Session::begin(
            &premises.registration,
            &id_token,
            Tokens::new(&tokens, &id_token, &requested, now),
            claims.as_ref(),
            premises.lifetimes,
            began,
            premises.random.as_ref(),
        )?;
        session.extras.remembered = remembered;
        if session.ended(now).is_some() {
            return Err(Error::CeilingReached);
        }
        let session = self.furnish(session).await?;
        let cookies = self.replace_session(&session, snapshot, now).await?;
        tracing::info!(
            event = "login",
            issuer = session.issuer,
            subject = session.subject,
            "signed in"
        );

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

    /// Trades the code for tokens, and verifies the ID token among them.
    async fn exchange(
        &self,
        code: VerifiedCode,
        expected: &Expected,
    ) -> Result<(TokenResponse, IdToken), Error> {
        let premises = &self.0;
        let metadata = premises.reach.metadata(premises.clock.now()).await?;
        let request = token::request(&premises.registration, &metadata, code)?;
        let tokens = token::response(&premises.reach.send(request).await?)?;
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
        Ok((tokens, id_token))
    }

    /// Runs a verification of an ID token, once more with newer keys when the first attempt met an
    /// unknown one.
    pub(super) async fn verify<T>(
        &self,
        verification: impl Fn(&Rules<'_>) -> Result<T, IdTokenError>,
    ) -> Result<T, Error> {
        let unknown =
            |error: &IdTokenError| matches!(error, IdTokenError::Jws(jws) if jws.is_unknown_key());
        self.verify_with_newer_keys(verification, unknown).await
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

    /// Keeps a new session in place of the one the browser brought, which ends.
    async fn replace_session(
        &self,
        session: &Session,
        snapshot: &Snapshot,
        now: u64,
    ) -> Result<Vec<HeaderValue>, Error> {
        let (visit, before) = self.session_of(snapshot).await?;
        let cookies = self.0.keep_new(session, &visit.present(), now).await?;
        if let Some(before) = before {
            // Nobody has signed out: the application is not told.
            self.0.end_quietly(&before, Ended::SignedOut, now).await?;
        }
        Ok(cookies)
    }
}
