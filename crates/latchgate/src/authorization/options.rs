//! The options of an authentication request:
//! [OpenID Connect Core 1.0 §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest).

use std::time::Duration;

use super::claims::ClaimsRequest;
use super::details::AuthorizationDetails;
use super::display::Display;
use super::remember::CookiePersistence;
use super::step_up::{ExpectedStepUp, StepUp};
use crate::return_to::ReturnTo;

/// Options for one login, from handler code or configuration.
///
/// Only [`LoginOptions::remember`] is ever read from the query of a request, an e-mail address as `login_hint` for
/// a provider that claims its domain ([`Provider::email_domain`](crate::Provider::email_domain)), and, on the
/// application's own pages, `ui_locales` and `display=popup`: a link on another site cannot change the scope or the prompt of a login. A form on one of the application's own pages that
/// posts to the login page may also set `prompt` to `login`, `select_account` or `none`, `acr_values` and `max_age`
/// ([`Gate::login_path`](crate::Gate::login_path)).
///
/// ```
/// use std::time::Duration;
/// use latchgate::{LoginOptions, Prompt};
///
/// let options = LoginOptions::new()
///     .prompt(Prompt::Login)
///     .max_age(Duration::from_secs(300))
///     .parameter("organization", "org_123")?;
/// # Ok::<(), latchgate::ParameterError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct LoginOptions {
    /// The name of the provider, where there are several.
    pub(crate) provider: Option<String>,
    pub(crate) display: Display,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) login_hint: Option<String>,
    pub(crate) ui_locales: Option<String>,
    /// The languages of the browser, in place of the defaults.
    pub(crate) browser_locales: Option<String>,
    pub(crate) acr_values: Option<String>,
    pub(crate) max_age: Option<u64>,
    pub(crate) return_to: Option<ReturnTo>,
    pub(crate) remembered: Option<CookiePersistence>,
    /// From configuration only.
    pub(crate) claims: Option<ClaimsRequest>,
    pub(crate) authorization_details: Option<AuthorizationDetails>,
    pub(crate) parameters: Vec<(String, String)>,
    /// The person must authenticate again, in a certain way.
    pub(crate) step_up: Option<ExpectedStepUp>,
    /// No other site has led here, so the login hook may have the application's data for the visitor.
    pub(crate) offers_visitor: bool,
}

/// The `prompt` parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// Show no page. From a handler or a form, this is a silent login: if the provider would have to ask somebody, or
    /// anything else fails, the visitor comes back without a session, to [`LoginOptions::return_to`] or the page itself.
    /// A page that asks again at once gets a `401` instead of a loop, so let `return_to` tell that it was tried. As an
    /// option of every login, it leads to an error page then.
    None,
    /// Authenticate again even with a session at the provider.
    Login,
    /// Ask for consent again.
    Consent,
    /// Let the person choose an account.
    SelectAccount,
    /// Start with registration (OpenID Connect Prompt Create 1.0).
    Create,
}

impl Prompt {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
        }
    }
}

/// A parameter that this crate sets itself cannot be set by hand.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the authorization request parameter `{}` cannot be set by hand: it is part of the protocol or has its own setting", .name)]
pub struct ParameterError {
    /// The refused name.
    pub name: String,
}

debug_with_causes!(ParameterError);

const RESERVED: [&str; 23] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "audience",
    "resource",
    "prompt",
    "login_hint",
    "ui_locales",
    "acr_values",
    "max_age",
    "code",
    "claims",
    "authorization_details",
    "dpop_jkt",
];

/// Refuses names that are empty or set by this crate.
pub(crate) fn check_parameter(name: &str) -> Result<(), ParameterError> {
    if name.is_empty() || RESERVED.contains(&name) {
        return Err(ParameterError {
            name: name.to_owned(),
        });
    }
    Ok(())
}

impl LoginOptions {
    /// No options: the configuration of the gate applies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the provider to sign in at, by its [name](crate::Provider::name), in a gate with several. Without it, the
    /// visitor chooses, and of these options only [`return_to`](Self::return_to) and [`remember`](Self::remember) are
    /// kept meanwhile.
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = Some(name.into());
        self
    }

    /// Sets `prompt`.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = Some(prompt);
        self
    }

    /// Sets `login_hint`, such as an e-mail address that the person has already typed.
    pub fn login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(hint.into());
        self
    }

    /// Sets `ui_locales`: space-separated BCP 47 language tags in order of preference. They count before those of the
    /// browser ([`GateBuilder::ui_locales_from_browser`](crate::GateBuilder::ui_locales_from_browser)), and those before
    /// the options of every login.
    pub fn ui_locales(mut self, locales: impl Into<String>) -> Self {
        self.ui_locales = Some(locales.into());
        self
    }

    /// Sets `acr_values`: space-separated Authentication Context Class References in order of
    /// preference. A voluntary request; use [`Guard`](crate::Guard) for a requirement.
    pub fn acr_values(mut self, values: impl Into<String>) -> Self {
        self.acr_values = Some(values.into());
        self
    }

    /// Sets `max_age` in whole seconds: the longest time since the person authenticated. The ID
    /// token's `auth_time` is then required and checked (§3.1.3.7 step 13).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age.as_secs());
        self
    }

    /// Sets `authorization_details` ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)), in place of
    /// those that are configured: what the login asks permission for, such as one payment.
    pub fn authorization_details(mut self, details: AuthorizationDetails) -> Self {
        self.authorization_details = Some(details);
        self
    }

    /// Sets where the visitor goes after the login, instead of back to where they were.
    pub fn return_to(mut self, path: ReturnTo) -> Self {
        self.return_to = Some(path);
        self
    }

    /// Sets whether the session outlives the browser, if the gate is configured to ask
    /// ([`RememberMe::Ask`](crate::RememberMe::Ask)); otherwise the configuration decides.
    pub fn remember(mut self, remembered: CookiePersistence) -> Self {
        self.remembered = Some(remembered);
        self
    }

    /// The options of a login at which this person must authenticate again.
    pub(crate) fn step_up(required: &StepUp, issuer: &str, subject: &str) -> Self {
        Self {
            // No standard parameter asks for an `amr`: the provider must at least ask again.
            prompt: (!required.amr.is_empty()).then_some(Prompt::Login),
            acr_values: (!required.acr.is_empty()).then(|| required.acr.join(" ")),
            max_age: required.max_age,
            step_up: Some(ExpectedStepUp::of(required, issuer, subject)),
            ..Self::default()
        }
    }

    /// These options, and the defaults where they are not set.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        let of_defaults = defaults.parameters.iter();
        let left_open = of_defaults
            .filter(|(name, _)| self.parameters.iter().all(|(own, _)| own != name))
            .cloned();
        Self {
            provider: self.provider,
            display: self.display,
            prompt: self.prompt.or(defaults.prompt),
            login_hint: self.login_hint.or_else(|| defaults.login_hint.clone()),
            ui_locales: self
                .ui_locales
                .or(self.browser_locales)
                .or_else(|| defaults.ui_locales.clone()),
            browser_locales: None,
            acr_values: self.acr_values.or_else(|| defaults.acr_values.clone()),
            max_age: self.max_age.or(defaults.max_age),
            return_to: self.return_to.or_else(|| defaults.return_to.clone()),
            remembered: self.remembered.or(defaults.remembered),
            claims: self.claims.or_else(|| defaults.claims.clone()),
            authorization_details: self
                .authorization_details
                .or_else(|| defaults.authorization_details.clone()),
            parameters: left_open.chain(self.parameters.clone()).collect(),
            step_up: self.step_up,
            offers_visitor: self.offers_visitor,
        }
    }

    /// Adds a parameter that this crate does not know.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] for a name that this crate sets itself.
    pub fn parameter(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, ParameterError> {
        let name = name.into();
        check_parameter(&name)?;
        self.parameters.retain(|(known, _)| *known != name);
        self.parameters.push((name, value.into()));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_the_protocol_cannot_be_set_by_hand() {
        for name in RESERVED.iter().chain([&""]) {
            assert!(LoginOptions::new().parameter(*name, "x").is_err(), "{name}");
        }
        let options = LoginOptions::new()
            .parameter("organization", "a")
            .and_then(|options| options.parameter("organization", "b"))
            .unwrap();
        assert_eq!(
            options.parameters,
            [("organization".to_owned(), "b".to_owned())]
        );
    }
}
