//! Challenges: what an extractor or a guard answers when a request may not pass. The layer finds
//! the challenge in the response's extensions and lets the gate turn it into the real response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Gate;
use super::page::Refusal;
use crate::authorization::{LoginOptions, Remembered};
use crate::error::Error;
use crate::guard::Denial;
use crate::head::RequestHead;
use crate::navigation::{Navigation, wants_html};
use crate::session::Ended;

/// Why a request may not pass, with what is needed to answer it.
///
/// A browser's top-level navigation is sent to log in and comes back to the same URL. Everything
/// else gets a status and a problem document: `401` when nobody is signed in, `403` when somebody
/// is who may not, `503` when the session cannot be told.
#[derive(Clone)]
#[must_use]
pub struct Challenge {
    why: Why,
    navigation: Navigation,
    html: bool,
    came_from: String,
    /// Why the session that the request brought is over.
    ended: Option<Ended>,
    /// What the visitor of a session once chose.
    remembered: Option<Remembered>,
    cookies: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Why {
    SignIn(Box<LoginOptions>),
    Denied(Denial),
    Failed(Arc<Error>),
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

    /// Somebody is signed in but does not meet a guard's condition. One who authenticated too long
    /// ago may do so again; any other denial is final.
    pub fn denied(head: &dyn RequestHead, denial: Denial) -> Self {
        Self::new(head, Why::Denied(denial))
    }

    /// Nobody can tell who is signed in.
    pub fn failed(head: &dyn RequestHead, error: Error) -> Self {
        match error {
            Error::SessionEnded => Self::sign_in(head),
            error => Self::new(head, Why::Failed(Arc::new(error))),
        }
    }

    /// The request brought a session that is over.
    pub(super) fn after(mut self, ended: Option<Ended>) -> Self {
        self.ended = ended;
        self
    }

    /// The request brought a session that a further login replaces.
    pub(super) fn in_session(mut self, remembered: Remembered) -> Self {
        self.remembered = Some(remembered);
        self
    }

    fn new(head: &dyn RequestHead, why: Why) -> Self {
        let query = head
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        Self {
            why,
            navigation: Navigation::of(head),
            html: wants_html(head),
            came_from: format!("{}{query}", head.path()),
            ended: None,
            remembered: None,
            cookies: head
                .cookie_fields()
                .iter()
                .map(|field| field.to_vec())
                .collect(),
        }
    }
}

impl From<Error> for Challenge {
    /// What stopped a handler, which has no request at hand any more: a status and a problem document,
    /// whoever asked.
    fn from(error: Error) -> Self {
        let why = match error {
            Error::SessionEnded => Why::SignIn(Box::default()),
            error => Why::Failed(Arc::new(error)),
        };
        Self {
            why,
            navigation: Navigation::None,
            html: false,
            came_from: String::new(),
            ended: None,
            remembered: None,
            cookies: Vec::new(),
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

impl Gate {
    /// The response to a challenge.
    pub async fn answer(&self, challenge: Challenge) -> Response<Bytes> {
        match &challenge.why {
            Why::Failed(error) => self.refuse(error, challenge.html),
            Why::SignIn(options) => {
                let mut options = (**options).clone();
                options.remembered = options.remembered.or(challenge.remembered);
                self.send_to_login(&challenge, options, "sign_in_required")
                    .await
            }
            Why::Denied(Denial::TooLongAgo { max_age }) => {
                let mut options = LoginOptions::new().max_age(Duration::from_secs(*max_age));
                options.remembered = challenge.remembered;
                self.send_to_login(&challenge, options, "reauthentication_required")
                    .await
            }
            Why::Denied(denial) => {
                let id = self.incident_id();
                tracing::info!(event = "denied", id, cause = %denial, "denied");
                let refusal = Refusal {
                    status: StatusCode::FORBIDDEN,
                    code: "not_permitted",
                    id,
                    try_again: None,
                    html: challenge.html,
                    session: None,
                };
                refusal.render(self.0.page_hook.as_ref())
            }
        }
    }

    async fn send_to_login(
        &self,
        challenge: &Challenge,
        options: LoginOptions,
        code: &'static str,
    ) -> Response<Bytes> {
        if challenge.navigation == Navigation::TopLevel {
            let return_to = self.return_to(&challenge.came_from);
            let cookies: Vec<&[u8]> = challenge.cookies.iter().map(Vec::as_slice).collect();
            return match self.begin_login(options, return_to, &cookies).await {
                Ok(redirect) => redirect,
                Err(error) => self.refuse(&error, challenge.html),
            };
        }
        let refusal = Refusal {
            status: StatusCode::UNAUTHORIZED,
            code,
            id: self.incident_id(),
            try_again: Some(self.0.routes.login.clone()),
            html: challenge.html,
            session: challenge.ended,
        };
        let mut response = refusal.render(self.0.page_hook.as_ref());
        // RFC 9110 §15.5.2 wants a challenge. `Session` is not a registered scheme; browsers show
        // no dialogue for it, which is what a `fetch` needs.
        let scheme = HeaderValue::from_static("Session");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
        response
    }
}
