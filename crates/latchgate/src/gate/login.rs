//! Starting a login.

use bytes::Bytes;
use http::{Response, header};

use super::page::redirect;
use super::{Gate, Route, UiLocales};
use crate::authorization::{
    Display, LoginOptions, OpenLogins, PendingLogin, Prompt, VisitorAtStart, ui_locales,
};
use crate::client::ResponseMode;
use crate::cookie::{CookieKind, pairs};
use crate::error::{Error, TenantError};
use crate::hook::LoginHook;
use crate::return_to::ReturnTo;
use crate::telemetry;

/// The longest name and value of a login cookie with a visitor's data, in bytes: browsers drop a cookie beyond 4096.
const LARGEST_COOKIE: usize = 4_000;

impl Gate {
    /// Where to go after login: the wanted path if it is a same-origin path of the application and not one of our
    /// routes, else the application's start page.
    pub(super) fn return_to(&self, wanted: &str) -> ReturnTo {
        ReturnTo::parse(wanted)
            .filter(|path| {
                let bare = path.as_str().split(['?', '#']).next();
                let route = bare.and_then(|path| self.0.routes.at(path));
                !route.is_some_and(Route::is_ours)
            })
            .unwrap_or_else(|| self.home())
    }

    /// The application's start page.
    pub(super) fn home(&self) -> ReturnTo {
        ReturnTo::parse(&format!("{}/", self.0.base.path)).unwrap_or_else(ReturnTo::root)
    }

    /// The page of ours that a request came from, by its `Referer`.
    pub(super) fn came_from(&self, referer: Option<&str>) -> ReturnTo {
        let path = referer.and_then(|page| page.strip_prefix(&self.0.base.origin));
        self.return_to(path.unwrap_or_default())
    }

    /// The cookie of a login whose response comes in this way: a cross-site `POST` carries no `Lax` cookies.
    pub(crate) fn login_cookie(&self, mode: ResponseMode) -> &CookieKind {
        match mode.is_posted() {
            true => &self.0.cross_site_login_cookie,
            false => &self.0.login_cookie,
        }
    }

    /// The languages of a browser as `ui_locales`, if they are passed on.
    pub(super) fn browser_locales(&self, accept_language: Option<&str>) -> Option<String> {
        match self.0.ui_locales {
            UiLocales::AsConfigured => None,
            UiLocales::OfTheBrowser => accept_language.and_then(ui_locales::of_browser),
        }
    }

    /// Where the callback will find the application's data for the visitor, if the login hook may have it.
    fn visitor_at_start(
        &self,
        options: &LoginOptions,
        mode: ResponseMode,
        cookie_fields: &[&[u8]],
    ) -> Option<VisitorAtStart> {
        let hook = self.0.context.hooks.login.as_ref();
        // Where a login is silent, nobody has asked to be signed in.
        let offered = options.offers_visitor && options.prompt != Some(Prompt::None);
        let taken = offered && hook.is_some_and(LoginHook::takes_visitor);
        taken.then(|| match mode.is_posted() {
            true => VisitorAtStart::Copied(self.0.visitors.copy(cookie_fields)),
            false => VisitorAtStart::InCookie,
        })
    }

    /// Redirects the browser to the provider, and stores the pending login in a cookie.
    pub(super) async fn begin_login(
        &self,
        options: LoginOptions,
        return_to: ReturnTo,
        cookie_fields: &[&[u8]],
    ) -> Result<Response<Bytes>, Error> {
        let known = self.provider_of(&options).await?;
        let party = known.or_else(|| self.relying_parties().main().cloned());
        let party = party.ok_or(TenantError::NoProvider)?;
        // What every login asks for is no silent login: its page would start the next one.
        let silent = options.prompt == Some(Prompt::None);
        let mode = party.registration().response_mode;
        let visitor = self.visitor_at_start(&options, mode, cookie_fields);
        let mut options = party.login_options(options);
        if silent && options.display == Display::Page {
            options.display = Display::Nowhere;
        }
        options.remembered = Some(self.0.remember_me.decide(options.remembered));
        let random = self.0.random.as_ref();
        let request = party.authorization_request(options, return_to, random);
        let (url, mut pending) = request.await?;
        pending.replaces = self.sessions().replaced_by_login(cookie_fields);
        pending.visitor = visitor;
        let kind = self.login_cookie(mode);
        let suffix = format!(".{}", pending.suffix());
        let name = format!("{}{suffix}", kind.name());
        let seal = |pending: &PendingLogin| {
            let sealed = pending.seal(&self.0.keys, &name, random.array()?);
            Ok::<_, Error>(sealed.unwrap_or_default())
        };
        let mut value = seal(&pending)?;
        if name.len() + value.len() > LARGEST_COOKIE && pending.visitor.take().is_some() {
            value = seal(&pending)?;
        }

        let mut response = redirect(url.as_str());
        let headers = response.headers_mut();
        headers.append(
            header::SET_COOKIE,
            kind.set(&suffix, &value, Some(pending.cookie_seconds())),
        );
        if silent {
            headers.append(header::SET_COOKIE, self.attempted(cookie_fields));
        }
        let cookies = cookie_fields.iter().flat_map(|field| pairs(field));
        let open = OpenLogins::survey(cookies, kind.name(), &self.0.keys, self.now());
        for dropped in open.make_room_for(name.len() + value.len()) {
            let suffix = dropped.strip_prefix(kind.name()).unwrap_or_default();
            headers.append(header::SET_COOKIE, kind.clear(suffix));
        }
        telemetry::login_started(party.registration().counted_as());
        tracing::debug!(
            event = "login_started",
            provider = party.registration().name,
            issuer = party.issuer(),
            "login started"
        );
        Ok(response)
    }
}
