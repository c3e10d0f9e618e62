//! Turns an error into a page, and logs its cause under the page's id.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use tracing::Level;

use super::Gate;
use super::page::link;
use super::refusal::{LoginForm, Refusal, WayOn};
use super::words::{Next, Words};
use crate::authorization::{AuthorizationError, CookiePersistence, Display, Prompt, StepUp};
use crate::error::{Error, Fault, RequestError};
use crate::io::Random;
use crate::return_to::ReturnTo;
use crate::session::SessionEnd;
use crate::telemetry;

/// What a refusal may say of the request.
#[derive(Clone)]
pub(super) struct RefusedRequest {
    /// Whether the client prefers HTML.
    pub(super) html: bool,
    /// Its path, for the log.
    pub(super) path: String,
    /// The name of the provider, or tenant, at which somebody signs in, if the request says so.
    pub(super) provider: Option<Box<str>>,
    pub(super) retry: Retry,
    /// Issuer and subject of somebody whose login is refused although the provider has vouched for them, for the log.
    pub(super) person: Option<Box<(String, String)>>,
}

/// What the visitor was doing, so that they can try again.
#[derive(Clone, Debug)]
pub(super) enum Retry {
    /// To see a page of the application.
    Page(ReturnTo),
    /// Nothing: a silent login leads back to its page, whatever fails.
    Silently(ReturnTo),
    /// To sign in and return.
    Login {
        return_to: ReturnTo,
        remembered: Option<CookiePersistence>,
        /// What a guard requires of the authentication.
        step_up: Option<StepUp>,
        display: Display,
    },
}

impl Retry {
    pub(super) fn login_from(return_to: ReturnTo) -> Self {
        Self::Login {
            return_to,
            remembered: None,
            step_up: None,
            display: Display::Page,
        }
    }

    pub(super) fn return_to(&self) -> &ReturnTo {
        match self {
            Self::Page(page) | Self::Silently(page) => page,
            Self::Login { return_to, .. } => return_to,
        }
    }

    fn remembered(&self) -> Option<CookiePersistence> {
        match self {
            Self::Page(_) | Self::Silently(_) => None,
            Self::Login { remembered, .. } => *remembered,
        }
    }

    fn display(&self) -> Display {
        match self {
            Self::Page(_) | Self::Silently(_) => Display::Page,
            Self::Login { display, .. } => *display,
        }
    }
}

/// What a refusal says, without its cause.
pub(super) struct RefusalParts {
    pub(super) id: String,
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) words: Words,
    pub(super) session: Option<SessionEnd>,
    /// The name of the provider at which to sign in, if it is known.
    pub(super) provider: Option<String>,
}

impl Gate {
    /// The opaque response to an error. The cause is logged.
    pub(super) fn refuse(&self, error: &Error, asked: &RefusedRequest) -> Response<Bytes> {
        if let Retry::Silently(page) = &asked.retry
            && is_of_this_login(error)
        {
            return self.not_signed_in(error, page, asked);
        }
        let id = self.log_refusal(error, asked);
        // Plain http is for loopback: the visitor is the developer.
        let words = match error {
            Error::Layer(error) if self.0.base.origin.starts_with("http:") => {
                Words::for_developers(error)
            }
            error => Words::of(error),
        };
        let parts = RefusalParts {
            id,
            status: error.status(),
            code: error.code(),
            words,
            session: None,
            provider: None,
        };
        let mut response = self.render(parts, asked);
        if let Error::Request(RequestError::Method { allow }) = error {
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if error.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2 requires a challenge, and browsers show no dialog for this one.
            let challenge = HeaderValue::from_static("Session");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        if error.status() == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    /// Logs an error under a new id.
    pub(super) fn log_refusal(&self, error: &Error, asked: &RefusedRequest) -> String {
        telemetry::rejected(error.code(), error.fault().as_str());
        let id = self.incident_id();
        let person = asked.person.as_deref();
        let tenant = asked.provider.as_deref();
        let tenant = tenant.filter(|name| self.relying_parties().is_tenant(name));
        // The level is part of the call site.
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    event = "rejection",
                    id,
                    code = error.code(),
                    fault = ?error.fault(),
                    issuer = person.map(|(issuer, _)| issuer.as_str()),
                    subject = person.map(|(_, subject)| subject.as_str()),
                    tenant,
                    path = asked.path,
                    cause = ?error,
                    "refused"
                )
            };
        }
        // Whose provider is down, or refuses its client, is the tenant's matter: nobody here can mend it at night.
        let is_theirs = matches!(error.fault(), Fault::Provider | Fault::Configuration);
        match error.level() {
            Level::ERROR if tenant.is_some() && is_theirs => log!(warn),
            Level::ERROR => log!(error),
            Level::WARN => log!(warn),
            _ => log!(info),
        }
        id
    }

    /// A refusal whose cause has been logged under its id.
    pub(super) fn render(&self, parts: RefusalParts, asked: &RefusedRequest) -> Response<Bytes> {
        let own_login = parts.provider.and_then(|name| self.login_path_named(&name));
        let refusal = Refusal {
            status: parts.status,
            code: parts.code,
            id: parts.id,
            title: parts.words.title,
            advice: parts.words.advice,
            ways_on: self.ways_on(parts.words.next, asked, own_login.clone()),
            html: asked.html,
            session: parts.session,
            login: (parts.status == StatusCode::UNAUTHORIZED)
                .then(|| own_login.unwrap_or_else(|| self.login_page().to_owned())),
        };
        refusal.render(self.0.page_hook.as_ref(), asked.retry.display())
    }

    pub(super) fn incident_id(&self) -> String {
        incident_id(self.0.random.as_ref())
    }

    fn ways_on(&self, next: Next, asked: &RefusedRequest, own_login: Option<String>) -> Vec<WayOn> {
        let mut ways = Vec::new();
        let retry = &asked.retry;
        let login = own_login.unwrap_or_else(|| self.login_path_at(&asked.path));
        match (next, retry) {
            (Next::Again, Retry::Page(page) | Retry::Silently(page)) => {
                ways.push(WayOn::TryAgain {
                    href: page.as_str().to_owned(),
                })
            }
            (Next::Again, Retry::Login { .. }) => ways.push(WayOn::TryAgain {
                href: self.login_link(&login, retry),
            }),
            (Next::SignIn, _) => ways.push(WayOn::SignIn {
                href: self.login_link(&login, retry),
            }),
            (Next::SignInAgain, _) => {
                ways.push(WayOn::SignInAgain(self.login_form(
                    &login,
                    retry,
                    Prompt::Login,
                )));
            }
            (Next::SomebodyElse, _) => {
                let form = self.login_form(&login, retry, self.account_switch_prompt());
                ways.push(WayOn::SignInAsSomebodyElse(form));
            }
            (Next::GoHome, _) => {}
        }
        let home = self.home();
        let is_there = next == Next::Again && matches!(retry, Retry::Page(page) if *page == home);
        if !is_there {
            ways.push(WayOn::Home {
                href: home.as_str().to_owned(),
            });
        }
        ways
    }

    /// The `prompt` that lets another person sign in. Where there is a choice of providers, it is not known yet which
    /// one will get it, and all of them must support `login`.
    fn account_switch_prompt(&self) -> Prompt {
        let only = self.relying_parties().only();
        only.map_or(Prompt::Login, |party| party.account_switch_prompt())
    }

    /// Where a login begins: for a request to a route of a provider's own, at that provider.
    fn login_path_at(&self, path: &str) -> String {
        let (base, routes) = (&self.0.base, &self.0.routes);
        match routes.find(path, base.stripped()) {
            Some((_, Some(name))) => format!("{}/{name}", routes.login),
            _ => routes.login.clone(),
        }
    }

    /// Where a login begins at the provider or tenant of this name, if there may be one.
    fn login_path_named(&self, name: &str) -> Option<String> {
        let routes = &self.0.routes;
        let path = format!("{}/{name}", routes.login);
        let found = routes.find(&path, "");
        found.is_some_and(|(_, own)| own.is_some()).then_some(path)
    }

    /// A link to a login that returns to the same place.
    fn login_link(&self, login: &str, retry: &Retry) -> String {
        link(login, self.fields_for(retry))
    }

    fn login_form(&self, login: &str, retry: &Retry, prompt: Prompt) -> LoginForm {
        let mut fields = self.fields_for(retry);
        fields.push(("prompt", prompt.as_str().to_owned()));
        if let Retry::Login {
            step_up: Some(required),
            ..
        } = retry
        {
            if !required.acr.is_empty() {
                fields.push(("acr_values", required.acr.join(" ")));
            }
            if let Some(max_age) = required.max_age {
                fields.push(("max_age", max_age.to_string()));
            }
        }
        LoginForm {
            action: login.to_owned(),
            fields,
        }
    }

    fn fields_for(&self, retry: &Retry) -> Vec<(&'static str, String)> {
        self.login_fields(retry.return_to(), retry.remembered(), retry.display())
    }
}

/// Whether the failure is that of the login that it seems to be of. If not, it leads nowhere by itself.
fn is_of_this_login(error: &Error) -> bool {
    !matches!(
        error,
        Error::Authorization(AuthorizationError::StateMismatch | AuthorizationError::OtherProvider)
    )
}

/// A new id, which names an answer in the log.
pub(super) fn incident_id(random: &dyn Random) -> String {
    let bytes: [u8; 9] = random.array().unwrap_or_default();
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
