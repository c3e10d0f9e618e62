//! What a challenge gets: a login, or a status.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Gate;
use super::api_challenges::add_challenges;
use super::challenge::{Challenge, Why};
use super::page::redirect;
use super::refuse::{RefusalParts, Retry};
use super::words::Words;
use crate::authorization::{Display, LoginOptions, Prompt};
use crate::error::Error;
use crate::navigation::Navigation;
use crate::resource::challenge::ChallengeParameters;
use crate::return_to::ReturnTo;
use crate::session::{SessionEnd, User};

impl Gate {
    /// The response to a challenge.
    pub(super) async fn answer(&self, challenge: Challenge) -> Response<Bytes> {
        match &challenge.why {
            Why::Failed(error) => {
                let retry = Retry::Page(self.page_of(&challenge));
                self.refuse(error, &challenge.asked(retry))
            }
            Why::SignIn(options) => {
                let mut options = (**options).clone();
                options.remembered = options.remembered.or(challenge.remembered);
                let words = Words::sign_in(challenge.ended);
                self.send_to_login(&challenge, options, "sign_in_required", words)
                    .await
            }
            Why::SignInSilently(options) => {
                let options = (**options).clone();
                self.sign_in_silently(&challenge, options).await
            }
            Why::NoRefreshToken => {
                let mut options = LoginOptions::new();
                options.remembered = challenge.remembered;
                let (code, words) = (Error::NoRefreshToken.code(), Words::sign_in(None));
                self.send_to_login(&challenge, options, code, words).await
            }
            // Nobody tells how and when somebody authenticated at a provider without OpenID Connect: asking again is useless.
            Why::StepUp(_) if self.is_plain(&challenge) => self.not_permitted(
                &challenge,
                &"it takes OpenID Connect to know how somebody authenticated",
            ),
            Why::StepUp(required) => {
                let user = challenge.user.as_deref();
                let mut options = user.map_or_else(LoginOptions::new, |user| {
                    LoginOptions::step_up(required, user.issuer(), user.subject())
                });
                options.remembered = challenge.remembered;
                let (code, words) = ("reauthentication_required", Words::SIGN_IN_AGAIN);
                self.send_to_login(&challenge, options, code, words).await
            }
            Why::Denied(denial) => self.not_permitted(&challenge, denial),
        }
    }

    /// A refusal for good.
    fn not_permitted(
        &self,
        challenge: &Challenge,
        rule: &dyn std::fmt::Display,
    ) -> Response<Bytes> {
        let id = self.incident_id();
        let user = challenge.user.as_deref();
        tracing::info!(
            event = "denied",
            id,
            code = "not_permitted",
            issuer = user.map(User::issuer),
            subject = user.map(User::subject),
            path = challenge.path(),
            rule = %rule,
            "denied"
        );
        let parts = RefusalParts {
            id,
            status: StatusCode::FORBIDDEN,
            code: "not_permitted",
            words: Words::NOT_PERMITTED,
            session: None,
            provider: None,
        };
        let retry = Retry::login_from(self.page_of(challenge));
        self.render(parts, &challenge.asked(retry))
    }

    /// Whether the person comes from a provider without OpenID Connect.
    fn is_plain(&self, challenge: &Challenge) -> bool {
        let id = challenge.registration.as_deref();
        let party = id.and_then(|id| self.relying_parties().last_registered(id));
        party.is_some_and(|party| party.is_plain_oauth2())
    }

    async fn send_to_login(
        &self,
        challenge: &Challenge,
        mut options: LoginOptions,
        code: &'static str,
        words: Words,
    ) -> Response<Bytes> {
        let again = challenge.registration.as_deref();
        let again = again.and_then(|id| self.relying_parties().name_of(id));
        if let (None, Some(name)) = (&options.provider, again) {
            options.provider = Some(name.to_owned());
        }
        let silent = options.prompt == Some(Prompt::None);
        let navigates = challenge.navigation == Navigation::TopLevel;
        let looping = silent && navigates && self.has_just_tried(&challenge.cookies);
        if let (true, Some(elsewhere)) = (looping, &options.return_to)
            && elsewhere.as_str() != &*challenge.target
        {
            return redirect(elsewhere.as_str());
        }
        if navigates && !looping {
            options.browser_locales = self.browser_locales(challenge.accept_language.as_deref());
            options.offers_visitor = !challenge.from_elsewhere;
            let return_to = self.return_to(&challenge.target);
            let cookies: Vec<&[u8]> = challenge.cookies.iter().map(Vec::as_slice).collect();
            let path = challenge.path();
            let begun = self.send_to_sign_in(options, return_to.clone(), path, &cookies);
            return begun.await.unwrap_or_else(|error| {
                self.refuse(&error, &challenge.asked(Retry::Page(return_to)))
            });
        }
        let id = self.incident_id();
        tracing::debug!(
            event = "challenge",
            id,
            code,
            session = challenge.ended.map(SessionEnd::code),
            path = challenge.path(),
            "not signed in"
        );
        let parts = RefusalParts {
            id,
            status: StatusCode::UNAUTHORIZED,
            code,
            words,
            session: challenge.ended,
            provider: options.provider,
        };
        let step_up = match &challenge.why {
            Why::StepUp(required) => Some((**required).clone()),
            _ => None,
        };
        // For a step-up, that of RFC 9470.
        let parameters = step_up.as_ref().map(ChallengeParameters::step_up);
        let retry = Retry::Login {
            return_to: self.page_of(challenge),
            remembered: options.remembered,
            step_up,
            display: Display::Page,
        };
        let mut response = self.render(parts, &challenge.asked(retry));
        let scheme = match &parameters {
            // RFC 9110 §15.5.2 requires a challenge. `Session` is not a registered scheme, so browsers show no dialog
            // for it, which is what a `fetch` needs. Nor do they for `Bearer`.
            None => Some(HeaderValue::from_static("Session")),
            Some(parameters) if self.0.resource_server.is_none() => Some(parameters.bearer()),
            Some(_) => None,
        };
        let headers = response.headers_mut();
        headers.extend(scheme.map(|scheme| (header::WWW_AUTHENTICATE, scheme)));
        if let Some(server) = &self.0.resource_server {
            add_challenges(server, parameters.unwrap_or_default(), &mut response);
        }
        response
    }

    /// The page that the visitor asked for; for a form, the page that it was sent from.
    fn page_of(&self, challenge: &Challenge) -> ReturnTo {
        if challenge.safe {
            self.return_to(&challenge.target)
        } else {
            self.came_from(challenge.referer.as_deref())
        }
    }
}
