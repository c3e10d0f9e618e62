//! Where to sign in, if there are several providers: the gate's own page, the application's, or none because the
//! address that somebody has typed says it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Gate;
use super::page::{escape, hidden_fields, html, link, redirect};
use crate::authorization::{CookiePersistence, Display, LoginOptions, Prompt, RememberMe};
use crate::error::{Error, TenantError};
use crate::relying_party::{Asker, RelyingParty};
use crate::return_to::ReturnTo;

/// A login that is yet to be begun at one of several providers.
pub(super) struct Choice {
    pub(super) return_to: ReturnTo,
    pub(super) remembered: Option<CookiePersistence>,
    pub(super) prompt: Option<Prompt>,
    pub(super) display: Display,
    /// The languages that a page of the application has asked for.
    pub(super) ui_locales: Option<String>,
    /// An address was given, and no provider claims its domain.
    pub(super) unknown_address: bool,
}

/// One of a gate's providers, for the application's own sign-in page.
#[derive(Clone, Copy, Debug)]
pub struct LoginProvider<'a> {
    gate: &'a Gate,
    party: &'a RelyingParty,
}

impl<'a> LoginProvider<'a> {
    /// The name within the gate; empty if it has none because it is the only one.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.party.registration().name
    }

    /// What people know the provider by. Not escaped for HTML.
    #[must_use]
    pub fn label(&self) -> &'a str {
        self.party.label()
    }

    /// The issuer ([`User::issuer`](crate::User::issuer) of those who sign in there).
    #[must_use]
    pub fn issuer(&self) -> &'a str {
        self.party.issuer()
    }

    /// The path that starts a login there, with the parameters that [`Gate::login_path`] explains.
    #[must_use]
    pub fn login_path(&self) -> String {
        self.gate.login_path_of(self.party)
    }

    /// The redirect URI to register there, and nowhere else.
    #[must_use]
    pub fn redirect_uri(&self) -> &'a str {
        &self.party.registration().redirect_uri
    }
}

impl Gate {
    /// The providers, in the order in which they were added.
    pub fn providers(&self) -> impl Iterator<Item = LoginProvider<'_>> {
        let parties = self.relying_parties().iter();
        parties.map(|party| LoginProvider { gate: self, party })
    }

    /// The provider of a login, if it is known: the one that was asked for, or the only one.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unknown`] when there is no such provider and no such tenant; [`TenantError::Unavailable`] when it is
    /// not known whether there is.
    pub(super) async fn provider_of(
        &self,
        options: &LoginOptions,
    ) -> Result<Option<Arc<RelyingParty>>, Error> {
        let parties = self.relying_parties();
        let Some(name) = &options.provider else {
            return Ok(parties.only().cloned());
        };
        let named = parties.named(name);
        if named.is_none() && parties.tenants().is_some() {
            return parties.find_tenant(name, Asker::Stranger).await.map(Some);
        }
        if named.is_none() {
            tracing::warn!(
                event = "unknown_provider",
                name,
                "a handler asked for a login at a provider that this gate does not have; the visitor may choose"
            );
        }
        Ok(named.or_else(|| parties.only()).cloned())
    }

    /// The provider that claims the domain of an e-mail address, or that of the tenant who is named by it.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unavailable`] when it is not known whether there is such a tenant.
    pub(super) async fn provider_for(
        &self,
        address: &str,
    ) -> Result<Option<Arc<RelyingParty>>, Error> {
        let Some((_, domain)) = address.rsplit_once('@') else {
            return Ok(None);
        };
        let domain = domain.to_ascii_lowercase();
        let parties = self.relying_parties();
        let claims = |party: &&Arc<RelyingParty>| {
            let domains = &party.registration().email_domains;
            domains.contains(&domain)
        };
        if let Some(own) = parties.iter().find(claims) {
            return Ok(Some(Arc::clone(own)));
        }
        let by_domain = parties
            .tenants()
            .filter(|all| all.are_named_by_email_domain());
        match by_domain {
            Some(_) => match parties.find_tenant(&domain, Asker::Stranger).await {
                Ok(party) => Ok(Some(party)),
                Err(Error::Tenant(TenantError::Unknown)) => Ok(None),
                Err(error) => Err(error),
            },
            None => Ok(None),
        }
    }

    /// Sends somebody who needs to sign in where they can: to the provider, if it is known and the application has no
    /// page for it; else to where they choose one.
    pub(super) async fn send_to_sign_in(
        &self,
        options: LoginOptions,
        return_to: ReturnTo,
        came_from: &str,
        cookie_fields: &[&[u8]],
    ) -> Result<Response<Bytes>, Error> {
        // A page of its own that needs a login would lead to itself for ever.
        let own = self.0.routes.sign_in_page.as_deref();
        // Nor is one asked for by whoever wants to ask nobody.
        let silent = options.prompt == Some(Prompt::None);
        let own = own.filter(|page| options.provider.is_none() && came_from != *page && !silent);
        let choice = |options: LoginOptions| Choice {
            return_to: options.return_to.unwrap_or(return_to.clone()),
            remembered: options.remembered,
            prompt: None,
            display: options.display,
            ui_locales: None,
            unknown_address: false,
        };
        if let Some(page) = own {
            return Ok(redirect(&self.link_with(page, &choice(options))));
        }
        if self.provider_of(&options).await?.is_none() {
            return Ok(redirect(
                &self.link_with(&self.0.routes.login, &choice(options)),
            ));
        }
        self.begin_login(options, return_to, cookie_fields).await
    }

    /// The page on which a provider is chosen.
    pub(super) fn chooser(&self, choice: &Choice) -> Response<Bytes> {
        if let (Some(page), None) = (&self.0.routes.sign_in_page, choice.prompt) {
            return redirect(&self.link_with(page, choice));
        }
        let ways: String = self.providers().map(|one| self.way(one, choice)).collect();
        let mut body = match ways.as_str() {
            "" => String::new(),
            ways => {
                format!(
                    "<nav aria-label=\"Login services\"><ul class=\"choices\">{ways}</ul></nav>"
                )
            }
        };
        if self.claims_domains() {
            body.push_str(&self.address_form(choice));
        }
        if body.is_empty() {
            body.push_str("<p>Use the sign-in link of your organization.</p>");
        }
        let mut page = html(StatusCode::OK, "Sign in", &body);
        // For its forms: browsers without Fetch Metadata send `Origin: null` from a page with `no-referrer`.
        let policy = HeaderValue::from_static("strict-origin");
        page.headers_mut().insert(header::REFERRER_POLICY, policy);
        page
    }

    /// The path that starts a login at a provider.
    fn login_path_of(&self, party: &RelyingParty) -> String {
        let login = &self.0.routes.login;
        match party.registration().name.as_str() {
            "" => login.clone(),
            name => format!("{login}/{name}"),
        }
    }

    /// A link to a login at a provider; a form where it carries a `prompt`, which no link may.
    fn way(&self, provider: LoginProvider<'_>, choice: &Choice) -> String {
        let label = escape(provider.label());
        let path = provider.login_path();
        let Some(prompt) = choice.prompt else {
            let link = escape(&self.link_with(&path, choice));
            return format!(
                "<li><a class=\"button\" href=\"{link}\">Continue with {label}</a></li>"
            );
        };
        let hidden = hidden_fields(self.fields_of(choice));
        format!(
            "<li><form method=\"post\" action=\"{}\">{hidden}<input type=\"hidden\" name=\"prompt\" value=\"{}\">\
             <button class=\"button\">Continue with {label}</button></form></li>",
            escape(&path),
            prompt.as_str()
        )
    }

    /// Where somebody types an address instead of choosing.
    fn address_form(&self, choice: &Choice) -> String {
        let label = match self.providers().next() {
            Some(_) => "Or enter your e-mail address",
            None => "Enter your e-mail address",
        };
        let (note, described) = match choice.unknown_address {
            true => (
                "<p id=\"note\" role=\"alert\">No login service is set up for that address.</p>",
                " aria-describedby=\"note\" aria-invalid=\"true\"",
            ),
            false => ("", ""),
        };
        format!(
            "<form method=\"get\" action=\"{}\">{}<label for=\"address\">{label}</label>{note}\
             <div class=\"ways\"><input id=\"address\" name=\"login_hint\" type=\"email\" autocomplete=\"username\" required{described}>\
             <button class=\"button\">Continue</button></div></form>",
            escape(&self.0.routes.login),
            hidden_fields(self.fields_of(choice))
        )
    }

    fn claims_domains(&self) -> bool {
        let parties = self.relying_parties();
        let tenants = parties.tenants();
        let mut own = parties.iter();
        tenants.is_some_and(|tenants| tenants.are_named_by_email_domain())
            || own.any(|party| !party.registration().email_domains.is_empty())
    }

    fn link_with(&self, path: &str, choice: &Choice) -> String {
        link(path, self.fields_of(choice))
    }

    fn fields_of(&self, choice: &Choice) -> Vec<(&'static str, String)> {
        let mut fields = self.login_fields(&choice.return_to, choice.remembered, choice.display);
        if let Some(locales) = &choice.ui_locales {
            fields.push(("ui_locales", locales.clone()));
        }
        fields
    }

    /// What a link or form tells `/login`.
    pub(super) fn login_fields(
        &self,
        return_to: &ReturnTo,
        remembered: Option<CookiePersistence>,
        display: Display,
    ) -> Vec<(&'static str, String)> {
        let mut fields = vec![("return_to", return_to.as_str().to_owned())];
        let chosen = remembered == Some(CookiePersistence::AcrossRestarts);
        if chosen && self.0.remember_me == RememberMe::Ask {
            fields.push(("remember", "yes".to_owned()));
        }
        if let Some(display) = display.parameter() {
            fields.push(("display", display.to_owned()));
        }
        fields
    }
}
