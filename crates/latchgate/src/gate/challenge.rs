//! Challenges: what an extractor or a guard returns when a request may not pass. The layer finds the challenge in the
//! response's extensions and lets the gate turn it into the actual response.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use super::refuse::{RefusedRequest, Retry};
use crate::authorization::{CookiePersistence, LoginOptions, StepUp};
use crate::cookie::CookieKind;
use crate::error::Error;
use crate::guard::Denial;
use crate::head::RequestHead;
use crate::navigation::{Navigation, Sender, wants_html};
use crate::request_session::RequestSession;
use crate::resource_server::RequestToken;
use crate::session::{SessionEnd, User};

/// Why a request may not pass, with what is needed to answer it.
///
/// A browser's top-level navigation is sent to log in and comes back to the same URL. Everything else gets a status and
/// a problem document: `401` when nobody is signed in, `403` when the person who is may not pass, `503` when the
/// session cannot be read.
#[derive(Clone)]
#[must_use]
pub struct Challenge {
    pub(super) why: Why,
    pub(super) navigation: Navigation,
    pub(super) html: bool,
    /// Whether its method is safe.
    pub(super) safe: bool,
    /// The path and query of the request.
    pub(super) target: Box<str>,
    /// The page that a form was sent from: the form's URL need not answer a `GET`.
    pub(super) referer: Option<Box<str>>,
    /// Why the session that the request brought has ended.
    pub(super) ended: Option<SessionEnd>,
    /// The visitor's earlier choice of how long the cookie lasts.
    pub(super) remembered: Option<CookiePersistence>,
    /// The registration of the session that a further login replaces: the same provider signs in again.
    pub(super) registration: Option<Box<str>>,
    /// Who may not pass, for the log.
    pub(super) user: Option<Box<User>>,
    /// The access token that the request presents: then it gets the answer of an API.
    pub(super) token: Option<RequestToken>,
    pub(super) cookies: Box<[Vec<u8>]>,
    /// A page of another site has led to the request.
    pub(super) from_elsewhere: bool,
    /// `Accept-Language`, if the answer may be a login.
    pub(super) accept_language: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) enum Why {
    SignIn(Box<LoginOptions>),
    /// A provider might know who is there.
    SignInSilently(Box<LoginOptions>),
    /// The access token has expired, and a new login brings another.
    NoRefreshToken,
    StepUp(Box<StepUp>),
    Denied(Box<Denial>),
    Failed(Arc<Error>),
}

impl Why {
    /// Errors that a login resolves ask for one.
    fn of(error: Error) -> Self {
        match error {
            Error::SessionEnded => Self::SignIn(Box::default()),
            Error::NoRefreshToken => Self::NoRefreshToken,
            error => Self::Failed(Arc::new(error)),
        }
    }
}

impl Challenge {
    /// Somebody must sign in first.
    pub fn sign_in(head: &dyn RequestHead) -> Self {
        Self::sign_in_with(head, LoginOptions::new())
    }

    /// Somebody must sign in first, in a certain way.
    pub fn sign_in_with(head: &dyn RequestHead, options: LoginOptions) -> Self {
        Self::new(head, Why::SignIn(Box::new(options)))
    }

    /// Somebody is signed in but does not meet a guard's condition. Somebody whose authentication is too old or too weak
    /// may authenticate again; any other denial is final.
    pub fn denied(head: &dyn RequestHead, denial: Denial) -> Self {
        let why = match denial {
            Denial::StepUp(required) => Why::StepUp(Box::new(required)),
            denial => Why::Denied(Box::new(denial)),
        };
        Self::new(head, why)
    }

    /// The session, or what was asked of it, is unavailable.
    pub fn failed(head: &dyn RequestHead, error: Error) -> Self {
        Self::new(head, Why::of(error))
    }

    /// What was asked for is unavailable, and no login would change that.
    pub(super) fn refused(head: &dyn RequestHead, error: Error) -> Self {
        Self::new(head, Why::Failed(Arc::new(error)))
    }

    /// The request brought a session that has ended.
    pub(super) fn after(mut self, ended: Option<SessionEnd>) -> Self {
        self.ended = ended;
        self
    }

    /// The request brought a session that a further login replaces.
    pub(super) fn in_session(mut self, remembered: CookiePersistence) -> Self {
        self.remembered = Some(remembered);
        self
    }

    /// The session that a further login replaces comes from this registration.
    pub(super) fn of_registration(mut self, id: &str) -> Self {
        self.registration = Some(id.into());
        self
    }

    /// A further login replaces this session, if it is known.
    pub(super) fn replacing(self, session: Option<&RequestSession>) -> Self {
        match session.and_then(RequestSession::loaded) {
            Some(loaded) => self
                .in_session(loaded.session.extras.remembered)
                .of_registration(&loaded.session.registration),
            None => self,
        }
    }

    /// The same for a handler that failed without its request: the head that was kept of it decides about the answer.
    pub(super) fn of_handler(self, session: &RequestSession) -> Self {
        let Some(head) = session.kept_head().filter(|_| self.target.is_empty()) else {
            return self;
        };
        let mut challenge = Self::new(head, self.why);
        // Another login need not bring one for the API that the handler has called: it could go on for ever.
        if matches!(challenge.why, Why::NoRefreshToken) {
            challenge.navigation = Navigation::None;
        }
        challenge
            .after(session.known_end())
            .replacing(Some(session))
    }

    /// The page belongs to this tenant: somebody who has to sign in does so at its provider, unless a handler has named
    /// another. A session that a further login replaces is of this tenant anyway.
    pub(super) fn at_page_of(mut self, tenant: Option<&str>) -> Self {
        if let (Why::SignIn(options), Some(tenant)) = (&mut self.why, tenant) {
            options.provider.get_or_insert_with(|| tenant.to_owned());
        }
        self
    }

    /// The request brought the session of this person.
    pub(super) fn to(mut self, user: User) -> Self {
        self.remembered = user.remembered();
        let session = user.session();
        self.registration = session.map(|(session, _)| (*session.registration).into());
        self.user = Some(Box::new(user));
        self
    }

    /// What a refusal may say of the request.
    pub(super) fn asked(&self, retry: Retry) -> RefusedRequest {
        RefusedRequest {
            html: self.html,
            path: self.path().to_owned(),
            provider: match &self.why {
                Why::SignIn(options) => options.provider.as_deref().map(Into::into),
                _ => None,
            },
            retry,
            person: None,
        }
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether the answer would start a login.
    pub(super) fn starts_login(&self) -> bool {
        let by_login = matches!(self.why, Why::SignIn(_) | Why::StepUp(_));
        by_login && self.navigation == Navigation::TopLevel && self.token.is_none()
    }

    /// Whether the browser has begun a login of this kind before, and not finished it.
    pub(super) fn has_pending_login(&self, login: &CookieKind) -> bool {
        self.cookies.iter().any(|field| login.is_in(field))
    }

    /// Adds the path that a proxy stripped from the request's URL.
    pub(super) fn below(mut self, base_path: &str) -> Self {
        if !self.target.is_empty() {
            self.target = format!("{base_path}{}", self.target).into();
        }
        self
    }

    /// Replaces the reason by an error.
    pub(super) fn failing(mut self, error: Error) -> Self {
        self.why = Why::Failed(Arc::new(error));
        self
    }

    /// Whether the session, or what was asked of it, could not be read. Not the same as nobody being signed in.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match &self.why {
            // It is known that there is none.
            Why::Failed(error) => !matches!(**error, Error::SessionRequired),
            _ => false,
        }
    }

    /// The status of the response, if no login is started: `401` if somebody has to sign in, `403` if the person may
    /// not pass, else that of the error.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match &self.why {
            Why::SignIn(_) | Why::SignInSilently(_) | Why::NoRefreshToken | Why::StepUp(_) => {
                StatusCode::UNAUTHORIZED
            }
            Why::Denied(_) => StatusCode::FORBIDDEN,
            Why::Failed(error) => error.status(),
        }
    }

    pub(super) fn new(head: &dyn RequestHead, why: Why) -> Self {
        let query = head
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let safe = matches!(head.method(), "GET" | "HEAD");
        let referer = head.first("referer").filter(|_| !safe);
        let navigation = Navigation::of(head);
        let accept_language = head.first("accept-language");
        Self {
            navigation,
            html: wants_html(head),
            safe,
            target: format!("{}{query}", head.path()).into(),
            referer: referer.map(Box::from),
            cookies: head
                .cookie_fields()
                .iter()
                .map(|field| field.to_vec())
                .collect(),
            from_elsewhere: Sender::without_referer(head, "") == Some(Sender::Foreign),
            accept_language: accept_language
                .filter(|_| navigation == Navigation::TopLevel)
                .map(Box::from),
            ..Self::of(why)
        }
    }

    /// The same without a request.
    fn of(why: Why) -> Self {
        Self {
            why,
            navigation: Navigation::None,
            html: false,
            safe: true,
            target: Box::default(),
            referer: None,
            ended: None,
            remembered: None,
            registration: None,
            user: None,
            token: None,
            cookies: Box::default(),
            from_elsewhere: false,
            accept_language: None,
        }
    }
}

impl From<Error> for Challenge {
    /// For a handler, which no longer has the request: a status and a problem document, unless the handler has taken
    /// `ApiTokens`: then the session has kept what the request was.
    fn from(error: Error) -> Self {
        Self::of(Why::of(error))
    }
}

impl fmt::Display for Challenge {
    /// For logs: a failure's text is not for visitors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::SignIn(_) => f.write_str("sign-in is required"),
            Why::SignInSilently(_) => f.write_str("a silent login is due"),
            Why::NoRefreshToken => fmt::Display::fmt(&Error::NoRefreshToken, f),
            Why::StepUp(required) => fmt::Display::fmt(required, f),
            Why::Denied(denial) => fmt::Display::fmt(denial, f),
            Why::Failed(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for Challenge {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Failed(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Debug for Challenge {
    /// The cookies and the URL of the request are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("why", &self.why)
            .field("navigation", &self.navigation)
            .finish_non_exhaustive()
    }
}
