//! The texts of refusal pages: what a visitor understands, without the cause.

use crate::authorization::AuthorizationError;
use crate::error::{Error, Fault, ForwardError, LayerError, RequestError, TenantError};
use crate::hook::HookError;
use crate::session::SessionEnd;
use crate::token::{IdTokenError, TokenError};

/// A heading, and a sentence or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) advice: &'static str,
    pub(super) next: Next,
}

/// What a visitor can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To try again.
    Again,
    /// A login.
    SignIn,
    /// A login at which the provider authenticates them again.
    SignInAgain,
    /// A login at which another person can sign in.
    SomebodyElse,
    /// Nothing here.
    GoHome,
}

use Next::{Again, GoHome, SignIn, SignInAgain, SomebodyElse};

impl Words {
    const fn new(title: &'static str, advice: &'static str, next: Next) -> Self {
        Self {
            title,
            advice,
            next,
        }
    }

    pub(super) const NOT_PERMITTED: Self = Self::new(
        "You do not have permission for this",
        "You are signed in, but your account does not have access to this page. Ask the people who run this site for access, or sign in with another account.",
        SomebodyElse,
    );

    pub(super) const SIGN_IN_AGAIN: Self = Self::new(
        "Please sign in again",
        "We need to make sure that it is still you.",
        SignInAgain,
    );

    pub(super) const TOKEN_REQUIRED: Self = Self::new(
        "An access token is required",
        "Send one in the header `Authorization: Bearer`.",
        GoHome,
    );

    pub(super) const TOKEN_REFUSED: Self = Self::new(
        "The access token was refused",
        "Get a new one from the authorization server.",
        GoHome,
    );

    pub(super) const TOKEN_INSUFFICIENT: Self = Self::new(
        "The access token does not permit this",
        "Ask the authorization server for one that does.",
        GoHome,
    );

    const NOT_CONFIRMED: Self = Self::new(
        "The login service did not confirm enough",
        "This page needs a more recent or stronger login than the login service provided. Nothing has changed: if you were signed in, you still are.",
        Again,
    );

    const STALE: Self = Self::new(
        "This login is no longer valid",
        "It took too long, was already finished in another tab, or was started in another browser.",
        Again,
    );

    const UNTRUSTED: Self = Self::new(
        "This login could not be trusted",
        "The response did not come from the expected login service, so it was not used.",
        Again,
    );

    const PROVIDER_DOWN: Self = Self::new(
        "The login service is not responding",
        "Please wait a moment and try again.",
        Again,
    );

    const PROVIDER_WRONG: Self = Self::new(
        "The login service sent a response that we cannot use",
        "You have done nothing wrong. If it happens again, tell the people who run this site.",
        Again,
    );

    const BROKEN: Self = Self::new(
        "Something is wrong with this site",
        "You have done nothing wrong. Please tell the people who run this site.",
        Again,
    );

    /// For somebody who has to sign in, and may have had a session.
    pub(super) fn sign_in(ended: Option<SessionEnd>) -> Self {
        let advice = match ended {
            None => "You need to sign in to see this page.",
            Some(SessionEnd::Idle) => "You were away for a while, so you have been signed out.",
            Some(SessionEnd::SignedOut | SessionEnd::EndedByProvider) => {
                "You have been signed out."
            }
            Some(_) => "Your last login is no longer valid.",
        };
        Self::new("Please sign in", advice, SignIn)
    }

    /// For the developer who placed the layer.
    pub(super) fn for_developers(error: &LayerError) -> Self {
        match error {
            LayerError::OutOfReach { .. } => Self::new(
                "The login layer is in the wrong place",
                "Requests for its callback would not reach it here. In axum, add it to the outermost router with Router::layer, after its last route; in actix-web, use App::wrap. The log names the paths, and says what to do if the application is below one of them.",
                GoHome,
            ),
            LayerError::Missing => Self::new(
                "There is no login layer here",
                "The application's data for visitors needs a login layer around the handler, and has to be read in the task that serves the request. The log says how.",
                GoHome,
            ),
            LayerError::BasePathStripped { .. } => Self::new(
                "A proxy strips the base URL's path",
                "Configure the proxy to keep the path, or set LATCHGATE_BASE_PATH=stripped.",
                GoHome,
            ),
        }
    }

    /// For somebody who ran into an error.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Request(error) => Self::of_request(*error),
            Error::InitiateLogin(_) => Self::new(
                "This link does not lead to a login here",
                "It names a login service that this site does not use. To sign in, start from here.",
                SignIn,
            ),
            Error::Authorization(refused) => Self::of_authorization(refused, error.fault()),
            Error::ResponseJwt(_) => Self::UNTRUSTED,
            Error::Token(TokenError::Refused { .. }) if error.fault() == Fault::Visitor => {
                Self::STALE
            }
            Error::IdToken(IdTokenError::AuthenticationContext | IdTokenError::AuthTime) => {
                Self::NOT_CONFIRMED
            }
            Error::IdToken(IdTokenError::AnotherPerson) => Self::new(
                "Somebody else signed in",
                "The person who is signed in here was asked to sign in again, but somebody else did. Nothing has changed: the first person is still signed in. To continue as the other person, sign in again.",
                SomebodyElse,
            ),
            Error::Guard(_) => Self::new(
                "We cannot check whether you may do this",
                "Please wait a moment and try again.",
                Again,
            ),
            Error::Http(_) | Error::RefreshUnavailable => Self::PROVIDER_DOWN,
            Error::ApiCall(_)
            | Error::Forward(
                ForwardError::Busy
                | ForwardError::TimedOut
                | ForwardError::Redirect { .. }
                | ForwardError::TokenRejected,
            ) => Self::new(
                "Another service is not responding",
                "This page needs a service that is not working at the moment. Please wait a moment and try again.",
                Again,
            ),
            Error::Forward(_) => Self::new(
                "This request is not supported",
                "The address is wrong, or the data sent is too long or incomplete.",
                GoHome,
            ),
            Error::Store(_) => Self::new(
                "We cannot look up who is signed in",
                "Please wait a moment and try again.",
                Again,
            ),
            Error::Hook(HookError::Refused { .. }) => Self::new(
                "You cannot sign in here with this account",
                "You signed in at the login service, but this site does not accept the account. Ask the people who run this site, or sign in with another account.",
                SomebodyElse,
            ),
            Error::Hook(_) => Self::new(
                "Signing in could not be finished",
                "This site could not look up your account. Please wait a moment and try again.",
                Again,
            ),
            Error::LogoutToken(_) | Error::FrontChannelLogout(_) => Self::new(
                "This request cannot be answered",
                "This address is for login services, not for people.",
                GoHome,
            ),
            Error::SessionEnded => Self::sign_in(None),
            Error::Tenant(TenantError::Unknown) => Self::new(
                "There is no such organization here",
                "Check the address, or ask the people who gave it to you.",
                GoHome,
            ),
            Error::Tenant(TenantError::Unavailable) => Self::new(
                "We cannot look up your organization",
                "Please wait a moment and try again.",
                Again,
            ),
            Error::NoAccessToken => Self::new(
                "Please sign in at the login service",
                "You are signed in to this site only, but this page needs a login at the login service.",
                SignIn,
            ),
            error => match error.fault() {
                Fault::Provider => Self::PROVIDER_WRONG,
                _ => Self::BROKEN,
            },
        }
    }

    fn of_request(error: RequestError) -> Self {
        match error {
            RequestError::Method { .. } => Self::new(
                "This request is not supported",
                "The address is right, but it does not accept this kind of request.",
                GoHome,
            ),
            RequestError::NotANavigation => Self::new(
                "Signing in needs its own page",
                "It does not work inside another page or in the background.",
                Again,
            ),
            RequestError::CrossSite => Self::new(
                "This came from another site",
                "To keep your account safe, nothing was done. If you meant it, do it from this site.",
                GoHome,
            ),
            RequestError::Body => Self::new(
                "The form could not be read",
                "It was empty, too long, or in an unknown format.",
                Again,
            ),
        }
    }

    fn of_authorization(error: &AuthorizationError, fault: Fault) -> Self {
        match error {
            AuthorizationError::Refused { error: code, .. } if code == "access_denied" => {
                Self::new(
                    "The login was cancelled",
                    "It was cancelled at the login service, or the login service does not allow this account here.",
                    Again,
                )
            }
            // OpenID Connect Core Error Code unmet_authentication_requirements 1.0
            AuthorizationError::Refused { error: code, .. }
                if code == "unmet_authentication_requirements" =>
            {
                Self::NOT_CONFIRMED
            }
            AuthorizationError::Refused { .. } => match fault {
                Fault::Configuration => Self::BROKEN,
                Fault::Provider => Self::PROVIDER_DOWN,
                _ => Self::new(
                    "The login was not finished",
                    "The login service needed to ask you something, but could not.",
                    Again,
                ),
            },
            AuthorizationError::IssMismatch
            | AuthorizationError::IssMissing
            | AuthorizationError::ResponseMissing => Self::UNTRUSTED,
            _ => Self::STALE,
        }
    }
}
