//! Errands: requests the gate answers itself.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tracing::Instrument;

use super::page::Refusal;
use super::{Gate, Kept, Route, Visit};
use crate::authorization::{LoginOptions, Remembered};
use crate::error::{Error, RequestError};
use crate::head::RequestHead;
use crate::navigation::{Framing, Navigation, Sender, wants_html};

/// A request to one of the gate's own routes, detached from the connection it came on.
#[must_use]
pub struct Errand {
    gate: Gate,
    route: Route,
    pub(super) snapshot: Snapshot,
}

/// What an errand needs of its request. Full of secrets: it has no `Debug`.
pub(super) struct Snapshot {
    pub(super) method: String,
    pub(super) query: String,
    pub(super) content_type: String,
    pub(super) cookies: Vec<Vec<u8>>,
    pub(super) to_login_page: Navigation,
    pub(super) sender: Sender,
    pub(super) framing: Framing,
    pub(super) html: bool,
}

impl Snapshot {
    fn take(head: &dyn RequestHead, origin: &str) -> Self {
        Self {
            method: head.method().to_owned(),
            query: head.query().unwrap_or_default().to_owned(),
            content_type: head.first("content-type").unwrap_or_default().to_owned(),
            cookies: head
                .cookie_fields()
                .iter()
                .map(|field| field.to_vec())
                .collect(),
            to_login_page: Navigation::to_login_page(head),
            sender: Sender::of(head, origin),
            framing: Framing::of(head),
            html: wants_html(head),
        }
    }

    pub(super) fn cookie_fields(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.cookies.iter().map(Vec::as_slice)
    }

    fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand")
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl Gate {
    pub(super) fn errand<H: RequestHead>(&self, head: &H) -> Option<Errand> {
        let route = self.0.routes.at(head.path())?;
        if !route.is_ours() && !self.comes_back_from_logout(head) {
            return None;
        }
        let snapshot = Snapshot::take(head, &self.0.base.origin);
        Some(Errand {
            gate: self.clone(),
            route,
            snapshot,
        })
    }
}

impl Errand {
    /// The longest body an errand reads, in bytes: 64 KiB.
    pub const MAX_BODY_BYTES: usize = 64 * 1024;

    /// How many bytes of the request's body the errand needs, if any. An adapter stops reading one
    /// byte after that and passes what it has: the errand then refuses.
    #[must_use]
    pub fn body_limit(&self) -> Option<usize> {
        let reads = matches!(self.route, Route::Callback | Route::BackChannelLogout);
        (reads && self.snapshot.method == "POST").then_some(Self::MAX_BODY_BYTES)
    }

    /// Runs the errand. `body` is empty unless [`Errand::body_limit`] asked for it.
    pub async fn run(self, body: Bytes) -> Response<Bytes> {
        let span =
            tracing::info_span!("errand", route = ?self.route, method = self.snapshot.method);
        self.answer(body).instrument(span).await
    }

    async fn answer(self, body: Bytes) -> Response<Bytes> {
        let html = self.snapshot.html;
        let answered = match self.route {
            Route::Login => self.login().await,
            Route::Callback => self.callback(&body).await,
            Route::Logout => self.gate.logout(&self.snapshot).await,
            Route::BackChannelLogout => self.back_channel_logout(&body).await,
            Route::FrontChannelLogout => self.gate.front_channel_logout(&self.snapshot).await,
            Route::AfterLogout => Ok(self.gate.back_from_logout(&self.snapshot)),
        };
        answered.unwrap_or_else(|error| self.gate.refuse(&error, html))
    }

    async fn login(&self) -> Result<Response<Bytes>, Error> {
        if !self.snapshot.is_safe() {
            return Err(RequestError::Method { allow: "GET" }.into());
        }
        if self.snapshot.to_login_page != Navigation::TopLevel {
            return Err(RequestError::NotANavigation.into());
        }
        let wanted = |wanted: &str| {
            url::form_urlencoded::parse(self.snapshot.query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let return_to = self
            .gate
            .return_to(&wanted("return_to").unwrap_or_default());
        let mut options = LoginOptions::new();
        if wanted("remember").as_deref() == Some("yes") {
            options = options.remember(Remembered::AcrossRestarts);
        }
        let cookies: Vec<&[u8]> = self.snapshot.cookie_fields().collect();
        self.gate.begin_login(options, return_to, &cookies).await
    }

    async fn callback(&self, body: &Bytes) -> Result<Response<Bytes>, Error> {
        let form = match self.snapshot.method.as_str() {
            "GET" => self.snapshot.query.as_bytes(),
            "POST" => self.form(body)?,
            _ => return Err(RequestError::Method { allow: "GET, POST" }.into()),
        };
        self.gate.callback(form, &self.snapshot).await
    }

    async fn back_channel_logout(&self, body: &Bytes) -> Result<Response<Bytes>, Error> {
        if self.snapshot.method != "POST" {
            return Err(RequestError::Method { allow: "POST" }.into());
        }
        self.gate.back_channel_logout(self.form(body)?).await
    }

    /// The body, if it is a form of acceptable size.
    fn form<'b>(&self, body: &'b Bytes) -> Result<&'b [u8], Error> {
        let kind = self.snapshot.content_type.split(';').next();
        let is_form = kind.is_some_and(|kind| {
            kind.trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form || body.len() > Self::MAX_BODY_BYTES {
            return Err(RequestError::Body.into());
        }
        Ok(body)
    }
}

impl Gate {
    /// The opaque response to an error, and the log line that tells the cause.
    pub(super) fn refuse(&self, error: &Error, html: bool) -> Response<Bytes> {
        let id = self.incident_id();
        tracing::warn!(
            event = "rejection",
            id,
            code = error.code(),
            fault = ?error.fault(),
            cause = %error.chain(),
            "refused"
        );
        let refusal = Refusal {
            status: error.status(),
            code: error.code(),
            id,
            try_again: Some(self.0.routes.login.clone()),
            html,
            session: None,
        };
        let mut response = refusal.render(self.0.page_hook.as_ref());
        if let Error::Request(RequestError::Method { allow }) = error {
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if error.status() == http::StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    pub(super) fn incident_id(&self) -> String {
        let bytes: [u8; 9] = self.0.random.array().unwrap_or_default();
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// The session of an errand's request, whatever state it is in.
    pub(super) async fn session_of(
        &self,
        snapshot: &Snapshot,
    ) -> Result<(Visit, Option<Kept>), Error> {
        let visit = Visit::new(self.clone());
        let kept = visit.open(snapshot.cookie_fields()).await?;
        Ok((visit, kept))
    }
}
