//! What a client gets that may not pass with its access token, or without one: a status, a challenge, and a problem
//! document. A token is never answered by a redirect or a page: nobody signs in with it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use tracing::Level;

use super::api_challenges::add_challenges;
use super::challenge::{Challenge, Why};
use super::refusal::Refusal;
use super::words::Words;
use crate::authorization::Display;
use crate::error::Error;
use crate::guard::Denial;
use crate::head::RequestHead;
use crate::resource::challenge::ChallengeParameters;
use crate::resource_server::{RequestToken, ResourceServer};
use crate::session::User;
use crate::telemetry;

impl Challenge {
    /// The access token that the request presents was refused, or cannot be judged now.
    pub(super) fn refused_token(
        head: &dyn RequestHead,
        error: Arc<Error>,
        token: &RequestToken,
    ) -> Self {
        Self::new(head, Why::Failed(error)).presenting(Some(token))
    }

    /// The request presents an access token, and an API's answer is due.
    pub(super) fn presenting(mut self, token: Option<&RequestToken>) -> Self {
        self.token = token.cloned();
        self
    }

    /// The access token that the request presents.
    pub(super) fn token(&self) -> Option<&RequestToken> {
        self.token.as_ref()
    }
}

/// The answer to a challenge, with the id under which the log has its cause.
pub(super) fn api_answer(
    server: &ResourceServer,
    challenge: &Challenge,
    id: String,
) -> Response<Bytes> {
    let (status, code) = (challenge.status(), code(challenge));
    let (words, parameters) = match &challenge.why {
        Why::SignIn(_) | Why::SignInSilently(_) | Why::NoRefreshToken => {
            (Words::TOKEN_REQUIRED, Some(ChallengeParameters::default()))
        }
        Why::StepUp(required) => {
            let parameters = ChallengeParameters::step_up(required);
            (Words::TOKEN_INSUFFICIENT, Some(parameters))
        }
        Why::Denied(denial) => (Words::TOKEN_INSUFFICIENT, Some(of_denial(denial))),
        Why::Failed(error) => match &**error {
            Error::Bearer(refused) => {
                let error = Some(refused.error());
                let parameters = ChallengeParameters {
                    error,
                    ..ChallengeParameters::default()
                };
                (Words::TOKEN_REFUSED, Some(parameters))
            }
            Error::SessionRequired => (Words::TOKEN_INSUFFICIENT, None),
            error => (Words::of(error), None),
        },
    };
    log(challenge, code, &id);
    let refusal = Refusal {
        status,
        code,
        id,
        title: words.title,
        advice: words.advice,
        ways_on: Vec::new(),
        html: false,
        session: None,
        login: None,
    };
    let mut answer = refusal.render(None, Display::Page);
    if let Some(parameters) = parameters {
        add_challenges(server, parameters, &mut answer);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let later = HeaderValue::from_static("5");
        answer.headers_mut().insert(header::RETRY_AFTER, later);
    }
    answer
}

/// RFC 6750 §3.1: a token of somebody who may do more, or for more, would do.
fn of_denial(denial: &Denial) -> ChallengeParameters<'_> {
    match denial {
        Denial::Scope(scope) => ChallengeParameters {
            error: Some("insufficient_scope"),
            scope: Some(scope),
            ..ChallengeParameters::default()
        },
        _ => ChallengeParameters {
            error: Some("insufficient_scope"),
            ..ChallengeParameters::default()
        },
    }
}

fn code(challenge: &Challenge) -> &'static str {
    match &challenge.why {
        Why::SignIn(_) | Why::SignInSilently(_) | Why::NoRefreshToken => "access_token_required",
        Why::StepUp(_) => "reauthentication_required",
        Why::Denied(_) => "not_permitted",
        Why::Failed(error) => error.code(),
    }
}

fn log(challenge: &Challenge, code: &'static str, id: &str) {
    let path = challenge.path();
    match &challenge.why {
        Why::SignIn(_) | Why::SignInSilently(_) | Why::NoRefreshToken => {
            tracing::debug!(event = "challenge", id, code, path, "no access token");
        }
        Why::StepUp(required) => log_denial(challenge, code, id, required.as_ref()),
        Why::Denied(denial) => log_denial(challenge, code, id, denial.as_ref()),
        Why::Failed(error) => {
            telemetry::rejected(code, error.fault().as_str());
            // The level is part of the call site.
            macro_rules! log {
                ($level:ident) => {
                    tracing::$level!(event = "rejection", id, code, fault = ?error.fault(), path, cause = ?error, "refused")
                };
            }
            match error.level() {
                Level::ERROR => log!(error),
                Level::WARN => log!(warn),
                _ => log!(info),
            }
        }
    }
}

fn log_denial(challenge: &Challenge, code: &'static str, id: &str, rule: &dyn fmt::Display) {
    let user = challenge.user.as_deref();
    tracing::info!(
        event = "denied",
        id,
        code,
        issuer = user.map(User::issuer),
        subject = user.map(User::subject),
        client_id = user.and_then(User::client_id),
        path = challenge.path(),
        %rule,
        "denied"
    );
}
