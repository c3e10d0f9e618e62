//! Silent logins: whether the provider knows who is there, without a page that asks anybody (`prompt=none`, [OpenID Connect
//! Core 1.0 §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
//!
//! A handler may start one. Where [`GateBuilder::silent_login`](crate::GateBuilder::silent_login) says so, the gate does:
//! a page has asked who is there, and it is nobody, so the browser goes to the provider and comes back to the same page.
//! None of this may loop, or get in anybody's way:
//!
//! * A marker cookie holds the time of the last attempt. The gate sends nobody away who has not brought it back, so a
//!   browser without cookies, or a crawler, just sees the page.
//! * The marker is renewed by the response that starts an attempt, whatever becomes of it.
//! * Somebody who has signed out is left alone until they sign in.
//! * Whatever fails leads back to the page.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::challenge::{Challenge, Why};
use super::page::redirect;
use super::refuse::{RefusedRequest, Retry};
use super::{Gate, SilentLogins};
use crate::authorization::{AuthorizationError, LoginOptions, Prompt};
use crate::cookie::pairs;
use crate::error::Error;
use crate::head::RequestHead;
use crate::navigation::Navigation;
use crate::return_to::ReturnTo;
use crate::session::SessionEnd;

/// How long a browser keeps the marker, in seconds: 30 days.
const MARKER_AGE: u64 = 30 * 24 * 3_600;

/// The same for somebody who has signed out: 400 days.
const SIGNED_OUT_AGE: u64 = 400 * 24 * 3_600;

/// The same where only handlers start silent logins: it need not outlive [`LOOP_SECONDS`].
const GUARD_AGE: u64 = 60;

/// A handler that asks again so soon after an attempt, in seconds, has not noticed that it failed.
const LOOP_SECONDS: u64 = 30;

/// What a browser says of the silent logins it has made: `{time}`, followed by `.{provider}` or, after a logout, by `.-`.
///
/// It is not sealed: whoever changes it in their own browser changes only when that is sent to the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SilentMarker {
    /// When the last attempt began, in seconds since the epoch; 0 if there was none.
    last_attempt: u64,
    /// Somebody has signed out, and not in again.
    signed_out: bool,
    /// The name of the provider where somebody last signed in, if it has one.
    provider: String,
}

/// A navigation without a session that may become a silent login, or a page that sets the marker.
#[derive(Clone)]
pub(super) struct SilentNavigation {
    /// What starts the login, if it is due. Else the browser has no marker yet.
    pub(super) due: Option<Challenge>,
}

impl SilentMarker {
    fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (time, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            last_attempt: time.parse().ok().filter(|_| digits)?,
            signed_out: rest == "-",
            provider: if rest == "-" { "" } else { rest }.to_owned(),
        })
    }

    fn text(&self) -> String {
        match (self.signed_out, self.provider.as_str()) {
            (true, _) => format!("{}.-", self.last_attempt),
            (false, "") => self.last_attempt.to_string(),
            (false, provider) => format!("{}.{provider}", self.last_attempt),
        }
    }
}

impl Gate {
    /// Whether a request without a session may become a silent login. `None` unless silent logins are switched on.
    pub(super) fn silent_navigation<H: RequestHead>(
        &self,
        head: &H,
    ) -> Option<Box<SilentNavigation>> {
        let SilentLogins::Every(interval) = self.0.silent_logins else {
            return None;
        };
        if !Navigation::is_certain(head) {
            return None;
        }
        let mut marker = None;
        head.header("cookie", &mut |field| {
            marker = marker.take().or_else(|| self.marker_in(field));
        });
        let Some(marker) = marker else {
            // Where there is a choice, it is not known yet which provider to ask.
            let only = self.relying_parties().only();
            return only.map(|_| Box::new(SilentNavigation { due: None }));
        };
        let waited = self.now().checked_sub(marker.last_attempt)?;
        if marker.signed_out || waited < interval {
            return None;
        }
        let parties = self.relying_parties();
        let party = parties.only().or_else(|| parties.named(&marker.provider))?;
        let options = LoginOptions::new()
            .provider(&party.registration().name)
            .prompt(Prompt::None);
        let why = Why::SignInSilently(Box::new(options));
        let due = Some(Challenge::new(head, why));
        Some(Box::new(SilentNavigation { due }))
    }

    /// Sends the browser to the provider, or back where that is impossible.
    pub(super) async fn sign_in_silently(
        &self,
        challenge: &Challenge,
        mut options: LoginOptions,
    ) -> Response<Bytes> {
        options.browser_locales = self.browser_locales(challenge.accept_language.as_deref());
        let return_to = self.return_to(&challenge.target);
        let cookies: Vec<&[u8]> = challenge.cookies.iter().map(Vec::as_slice).collect();
        let begun = self.begin_login(options, return_to.clone(), &cookies);
        begun.await.unwrap_or_else(|error| {
            let asked = challenge.asked(Retry::Silently(return_to));
            let mut answer = self.refuse(&error, &asked);
            let marker = self.attempted(&cookies);
            answer.headers_mut().append(header::SET_COOKIE, marker);
            answer
        })
    }

    /// The way back from a silent login that has failed: to the page, without a word.
    pub(super) fn not_signed_in(
        &self,
        error: &Error,
        page: &ReturnTo,
        asked: &RefusedRequest,
    ) -> Response<Bytes> {
        match error {
            Error::Authorization(AuthorizationError::Refused { error, .. })
                if is_expected(error) =>
            {
                tracing::debug!(
                    event = "silent_login_declined",
                    code = error,
                    path = asked.path,
                    "the provider would have had to ask somebody"
                );
            }
            error => drop(self.log_refusal(error, asked)),
        }
        redirect(page.as_str())
    }

    /// Whether this browser has just come from a silent login.
    pub(super) fn has_just_tried(&self, cookie_fields: &[Vec<u8>]) -> bool {
        let marker = cookie_fields.iter().find_map(|field| self.marker_in(field));
        marker.is_some_and(|marker| self.now().abs_diff(marker.last_attempt) < LOOP_SECONDS)
    }

    /// The marker of a browser that starts a silent login now.
    pub(super) fn attempted(&self, cookie_fields: &[&[u8]]) -> HeaderValue {
        let marker = cookie_fields.iter().find_map(|field| self.marker_in(field));
        self.marker(&SilentMarker {
            last_attempt: self.now(),
            ..marker.unwrap_or_default()
        })
    }

    /// The marker of a browser in which somebody has signed in, where silent logins are switched on.
    pub(super) fn marked_as_signed_in(&self, provider: &str) -> Option<HeaderValue> {
        self.marked(|last_attempt| SilentMarker {
            last_attempt,
            signed_out: false,
            provider: provider.to_owned(),
        })
    }

    /// The same for somebody who has signed out.
    pub(super) fn marked_as_signed_out(&self) -> Option<HeaderValue> {
        self.marked(|last_attempt| SilentMarker {
            last_attempt,
            signed_out: true,
            provider: String::new(),
        })
    }

    /// The first marker of a browser.
    pub(super) fn first_marker(&self) -> Option<HeaderValue> {
        self.marked(|_| SilentMarker::default())
    }

    fn marked(&self, marker: impl FnOnce(u64) -> SilentMarker) -> Option<HeaderValue> {
        let on = self.0.silent_logins != SilentLogins::ByHandlers;
        on.then(|| self.marker(&marker(self.now())))
    }

    fn marker(&self, marker: &SilentMarker) -> HeaderValue {
        let age = match (marker.signed_out, self.0.silent_logins) {
            (true, _) => SIGNED_OUT_AGE,
            (false, SilentLogins::Every(interval)) => MARKER_AGE.max(interval),
            (false, SilentLogins::ByHandlers) => GUARD_AGE,
        };
        let kind = &self.0.silent_cookie;
        kind.set("", &marker.text(), Some(age))
    }

    /// The marker in a `Cookie` field.
    fn marker_in(&self, field: &[u8]) -> Option<SilentMarker> {
        if !self.0.silent_cookie.is_in(field) {
            return None;
        }
        let name = self.0.silent_cookie.name().as_bytes();
        let mut markers = pairs(field).filter(|(found, _)| *found == name);
        markers.find_map(|(_, value)| SilentMarker::parse(value))
    }
}

/// Whether a session that has ended like this was signed out of.
pub(super) fn is_signed_out(end: SessionEnd) -> bool {
    matches!(end, SessionEnd::SignedOut | SessionEnd::EndedByProvider)
}

/// The errors of a provider that knows nobody, or would have to ask ([OpenID Connect Core 1.0
/// §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError)).
fn is_expected(error: &str) -> bool {
    matches!(
        error,
        "login_required"
            | "interaction_required"
            | "consent_required"
            | "account_selection_required"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_makes_the_round_trip() {
        let marker = |last_attempt, signed_out, provider: &str| SilentMarker {
            last_attempt,
            signed_out,
            provider: provider.to_owned(),
        };
        for (marker, text) in [
            (marker(0, false, ""), "0"),
            (marker(1_764_331_234, false, ""), "1764331234"),
            (marker(1_764_331_234, false, "corp-2"), "1764331234.corp-2"),
            (marker(1_764_331_234, true, ""), "1764331234.-"),
        ] {
            assert_eq!(marker.text(), text);
            assert_eq!(SilentMarker::parse(text.as_bytes()), Some(marker));
        }
    }

    #[test]
    fn anything_else_is_no_marker() {
        for text in [
            "",
            ".",
            "-",
            "-1",
            "+1",
            "1x",
            "x",
            " 1",
            "99999999999999999999",
            ".corp",
        ] {
            assert_eq!(SilentMarker::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(SilentMarker::parse(b"\xff"), None);
    }
}
