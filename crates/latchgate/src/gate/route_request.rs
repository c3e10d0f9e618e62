//! Requests for the gate's own routes.

use bytes::Bytes;
use http::Response;
use tracing::Instrument;

use super::chooser::Choice;
use super::refuse::{RefusedRequest, Retry};
use super::{Gate, GateParts, Route};
use crate::authorization::{
    CookiePersistence, Display, LoginOptions, Prompt, suffix_of, ui_locales,
};
use crate::cookie::pairs;
use crate::error::{Error, LayerError, RequestError};
use crate::head::RequestHead;
use crate::navigation::{Framing, Navigation, Sender, accepts_json, wants_html};

/// A request to one of the gate's own routes. It does not borrow the request's head.
#[must_use]
pub struct RouteRequest {
    pub(super) gate: Gate,
    route: Route,
    misplaced: Option<LayerError>,
    pub(super) parts: RequestParts,
}

/// The parts of a request that our routes need. They contain secrets, so there is no `Debug`.
pub(super) struct RequestParts {
    pub(super) method: String,
    pub(super) path: String,
    /// The provider whose own route this is.
    pub(super) provider: Option<String>,
    pub(super) query: String,
    pub(super) content_type: String,
    pub(super) accept_language: Option<String>,
    pub(super) if_none_match: Option<String>,
    cookie_fields: Vec<Vec<u8>>,
    pub(super) to_login_page: Navigation,
    pub(super) sender: Sender,
    pub(super) framing: Framing,
    pub(super) html: bool,
    json: bool,
}

impl RequestParts {
    fn take(head: &dyn RequestHead, origin: &str, provider: Option<&str>) -> Self {
        Self {
            provider: provider.map(str::to_owned),
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            query: head.query().unwrap_or_default().to_owned(),
            content_type: head.first("content-type").unwrap_or_default().to_owned(),
            accept_language: head.first("accept-language").map(str::to_owned),
            if_none_match: head.first("if-none-match").map(str::to_owned),
            cookie_fields: head
                .cookie_fields()
                .iter()
                .map(|field| field.to_vec())
                .collect(),
            to_login_page: Navigation::to_login_page(head),
            sender: Sender::of(head, origin),
            framing: Framing::of(head),
            html: wants_html(head),
            json: accepts_json(head),
        }
    }

    /// Whether a script has sent it, which reads the response itself.
    pub(super) fn is_by_script(&self) -> bool {
        self.to_login_page != Navigation::TopLevel || (self.json && !self.html)
    }

    /// What a refusal may say of the request.
    pub(super) fn asked(&self, retry: Retry) -> RefusedRequest {
        RefusedRequest {
            html: self.html,
            path: self.path.clone(),
            provider: self.provider.as_deref().map(Into::into),
            retry,
            person: None,
        }
    }

    pub(super) fn cookies(&self) -> Vec<&[u8]> {
        self.cookie_fields().collect()
    }

    pub(super) fn cookie_fields(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.cookie_fields.iter().map(Vec::as_slice)
    }
}

debug_fields!(RouteRequest { route });

impl Gate {
    pub(super) fn route_request<H: RequestHead>(&self, head: &H) -> Option<RouteRequest> {
        let GateParts { base, routes, .. } = &*self.0;
        let here = routes.find(head.path(), base.stripped());
        let (route, provider, misplaced) = match here {
            Some((route, provider)) => (route, provider, None),
            None => (Route::Callback, None, Some(self.stripped_callback(head)?)),
        };
        if !route.is_ours() && !self.is_return_from_logout(head) {
            return None;
        }
        routes.evidence.reached();
        let parts = RequestParts::take(head, &self.0.base.origin, provider);
        Some(RouteRequest {
            gate: self.clone(),
            route,
            misplaced,
            parts,
        })
    }

    /// The error for an authorization response that arrived without the base URL's path. It is known to be one: its
    /// `state` names a login that the browser began here.
    fn stripped_callback<H: RequestHead>(&self, head: &H) -> Option<LayerError> {
        let GateParts { base, routes, .. } = &*self.0;
        if base.path.is_empty() {
            return None;
        }
        let arrived = head.path();
        let found = routes.find(arrived, &base.path);
        let Some((Route::Callback, _)) = found else {
            return None;
        };
        let query = head.query().unwrap_or_default().as_bytes();
        let (_, state) = url::form_urlencoded::parse(query).find(|(name, _)| name == "state")?;
        let name = format!("{}.{}", self.0.login_cookie.name(), suffix_of(&state));
        let mut begun_here = false;
        head.header("cookie", &mut |field| {
            begun_here = begun_here || pairs(field).any(|(cookie, _)| cookie == name.as_bytes());
        });
        begun_here.then(|| LayerError::BasePathStripped {
            callback: format!("{}{arrived}", base.path),
            arrived: arrived.to_owned(),
        })
    }
}

impl RouteRequest {
    /// The longest `acr_values` that a form may set, in bytes.
    const MAX_ACR_VALUES: usize = 512;

    /// The longest body that is read, in bytes: 64 KiB.
    pub const MAX_BODY_BYTES: usize = 64 * 1024;

    /// How many bytes of the body to read, if any. An adapter stops one byte after that and passes what it has, which
    /// is then refused.
    #[must_use]
    pub fn body_limit(&self) -> Option<usize> {
        let reads = matches!(
            self.route,
            Route::Login | Route::InitiateLogin | Route::Callback | Route::BackChannelLogout
        );
        (reads && self.parts.method == "POST").then_some(Self::MAX_BODY_BYTES)
    }

    /// Runs the request. `body` is empty unless [`RouteRequest::body_limit`] asked for it.
    pub async fn run(self, body: Bytes) -> Response<Bytes> {
        let span =
            tracing::info_span!("route_request", route = ?self.route, method = self.parts.method);
        self.answer(body).instrument(span).await
    }

    async fn answer(self, body: Bytes) -> Response<Bytes> {
        if let Some(error) = &self.misplaced {
            return self.refuse(&error.clone().into(), Retry::login_from(self.gate.home()));
        }
        let answered = match self.route {
            Route::Login => return self.login(&body).await,
            Route::InitiateLogin => self.initiate_login(&body).await,
            Route::Callback => self.callback(&body).await,
            Route::Session => self.session().await,
            Route::Logout => self.gate.logout(&self.parts).await,
            Route::BackChannelLogout => self.back_channel_logout(&body).await,
            Route::FrontChannelLogout => self.gate.front_channel_logout(&self.parts).await,
            Route::AfterLogout => Ok(self.gate.return_from_logout(&self.parts)),
        };
        answered.unwrap_or_else(|error| self.refuse(&error, Retry::login_from(self.gate.home())))
    }

    /// Starts a login. A link may say where to return and whether to remember the browser; on a page of the application,
    /// also in which language, and that it is opened in a pop-up. A form there may also set `prompt` to `login`, `select_account` or `none`, `acr_values` and `max_age`.
    async fn login(&self, body: &Bytes) -> Response<Bytes> {
        let options_given = match self.parts.method.as_str() {
            "GET" | "HEAD" => Ok((self.parts.query.as_bytes(), None)),
            "POST" => self.login_form(body),
            _ => Err(RequestError::Method { allow: "GET, POST" }.into()),
        };
        let (form, mut options) = match options_given {
            Ok((form, None)) => (form, LoginOptions::new()),
            Ok((form, Some(options))) => (form, options),
            Err(error) => return self.refuse(&error, Retry::login_from(self.gate.home())),
        };
        let return_to = field(form, "return_to").unwrap_or_default();
        let return_to = self.gate.return_to(&return_to);
        options.provider.clone_from(&self.parts.provider);
        if field(form, "remember").as_deref() == Some("yes") {
            options = options.remember(CookiePersistence::AcrossRestarts);
        }
        if self.parts.sender != Sender::Foreign {
            options.ui_locales =
                field(form, "ui_locales").and_then(|own| ui_locales::of_text(&own));
            let display = field(form, "display").unwrap_or_default();
            options.display = Display::parse(&display);
        }
        options.browser_locales = self
            .gate
            .browser_locales(self.parts.accept_language.as_deref());
        let retry = Retry::Login {
            return_to: return_to.clone(),
            remembered: options.remembered,
            step_up: None,
            display: options.display,
        };
        if self.parts.to_login_page != Navigation::TopLevel {
            return self.refuse(&RequestError::NotANavigation.into(), retry);
        }
        let hint = field(form, "login_hint").filter(|hint| hint.len() <= LONGEST_HINT);
        let claims_it = match &hint {
            Some(hint) => self.gate.provider_for(hint).await,
            None => Ok(None),
        };
        let claims_it = match claims_it {
            Ok(claims_it) => claims_it,
            Err(error) => return self.refuse(&error, retry),
        };
        if let Some(party) = claims_it {
            let name = &party.registration().name;
            let provider = options.provider.get_or_insert_with(|| name.clone());
            if provider == name {
                options.login_hint.clone_from(&hint);
            }
        }
        let known = match self.gate.provider_of(&options).await {
            Ok(known) => known.is_some(),
            Err(error) => return self.refuse(&error, retry),
        };
        if !known {
            return self.gate.chooser(&Choice {
                return_to,
                remembered: options.remembered,
                prompt: options.prompt,
                display: options.display,
                ui_locales: options.ui_locales,
                unknown_address: hint.is_some(),
            });
        }
        options.offers_visitor = self.parts.sender != Sender::Foreign;
        let cookies = self.parts.cookies();
        let begun = self.gate.begin_login(options, return_to, &cookies).await;
        begun.unwrap_or_else(|error| self.refuse(&error, retry))
    }

    /// A form of the application's own, and the options that only such a form may set.
    fn login_form<'b>(&self, body: &'b Bytes) -> Result<(&'b [u8], Option<LoginOptions>), Error> {
        if self.parts.sender == Sender::Foreign {
            return Err(RequestError::CrossSite.into());
        }
        if self.parts.to_login_page != Navigation::TopLevel {
            return Err(RequestError::NotANavigation.into());
        }
        let form = self.form(body)?;
        let mut options = LoginOptions::new();
        options.prompt = match field(form, "prompt").as_deref() {
            Some("login") => Some(Prompt::Login),
            Some("select_account") => Some(Prompt::SelectAccount),
            Some("none") => Some(Prompt::None),
            _ => None,
        };
        let printable = |text: &String| text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        options.acr_values = field(form, "acr_values")
            .filter(|values| (1..=Self::MAX_ACR_VALUES).contains(&values.len()))
            .filter(printable);
        options.max_age = field(form, "max_age").and_then(|age| age.parse().ok());
        Ok((form, Some(options)))
    }

    async fn callback(&self, body: &Bytes) -> Result<Response<Bytes>, Error> {
        let form = match self.parts.method.as_str() {
            "GET" => self.parts.query.as_bytes(),
            "POST" => self.form(body)?,
            _ => return Err(RequestError::Method { allow: "GET, POST" }.into()),
        };
        self.gate.callback(form, &self.parts).await
    }

    fn refuse(&self, error: &Error, retry: Retry) -> Response<Bytes> {
        self.gate.refuse(error, &self.parts.asked(retry))
    }

    async fn back_channel_logout(&self, body: &Bytes) -> Result<Response<Bytes>, Error> {
        if self.parts.method != "POST" {
            return Err(RequestError::Method { allow: "POST" }.into());
        }
        let tenant = self.parts.provider.as_deref();
        let form = self.form(body)?;
        self.gate.back_channel_logout(form, tenant).await
    }

    /// The body, if it is a form of acceptable size.
    pub(super) fn form<'b>(&self, body: &'b Bytes) -> Result<&'b [u8], Error> {
        let kind = self.parts.content_type.split(';').next();
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

/// The longest `login_hint` that is read, in bytes: as long as an e-mail address may be (RFC 5321 §4.5.3.1).
const LONGEST_HINT: usize = 320;

/// The first field of this name in a form or a query.
fn field(form: &[u8], wanted: &str) -> Option<String> {
    url::form_urlencoded::parse(form)
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, F: Future>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// Adapters, layers and executors move it about. What is large is in a box of its own.
    #[test]
    fn the_future_of_a_request_is_small() {
        let size = size_of_future(RouteRequest::run);
        assert!(size <= 8_192, "{size} bytes");
    }
}
