//! Assertions about the response to a request.

use std::panic::Location;

use http::Response;
use http_body::Body;
use latchgate::{Gate, User};

use crate::answer::Answer;
use crate::request::told;

/// Assertions about a response: an [`http::Response`], or, with the feature `actix`, a `ServiceResponse` or `HttpResponse` of
/// actix-web. Each returns the [`Answer`], for further assertions.
///
/// When one fails, the message shows the response.
pub trait LoginAssertions: Sized {
    /// The response, read to its end.
    fn into_answer(self) -> Answer;

    /// Asserts that the handler ran: the status is `2xx`.
    ///
    /// # Panics
    ///
    /// If the status is another.
    #[track_caller]
    fn assert_admitted(self) -> Answer {
        let answer = self.into_answer();
        let admitted = answer.status.is_success();
        expect(admitted, "the request to be admitted", &answer);
        answer
    }

    /// Asserts that the browser is sent to log in: by a redirect to the provider, or to the page where people choose one of several.
    ///
    /// Only navigations are redirected ([`by_navigation`](crate::SignedInRequest::by_navigation)). Any other request
    /// is refused with the code `sign_in_required`.
    ///
    /// # Panics
    ///
    /// If the response is another.
    #[track_caller]
    fn assert_sent_to_login(self) -> Answer {
        let answer = self.into_answer();
        let cookies = answer.cookies();
        let begins = cookies.and_then(|cookies| Some(cookies.to_str().ok()?.contains("-login.")));
        let chooses = answer
            .redirect()
            .is_some_and(|to| to.starts_with('/') && to.contains("return_to="));
        let sent = answer.redirect().is_some() && begins == Some(true) || chooses;
        expect(sent, "the browser to be sent to log in", &answer);
        answer
    }

    /// Asserts that the gate refuses the request with this stable code: `not_permitted` for a guard, `sign_in_required` for a script
    /// without a session, or that of an [error](latchgate::Error::code).
    ///
    /// # Panics
    ///
    /// If the response is another.
    #[track_caller]
    fn assert_refused(self, code: &str) -> Answer {
        let answer = self.into_answer();
        let refused = answer.status.is_client_error() || answer.status.is_server_error();
        let refused = refused && answer.code().as_deref() == Some(code);
        expect(
            refused,
            &format!("a refusal with the code `{code}`"),
            &answer,
        );
        answer
    }

    /// Asserts that the response starts a session of this person: the response of the callback, or of the application's own
    /// login form.
    ///
    /// # Panics
    ///
    /// If it sets no session cookies, or somebody else's, or the store fails.
    #[track_caller]
    fn assert_signed_in_as(self, gate: &Gate, subject: &str) -> impl Future<Output = Answer> {
        let (answer, gate, test) = (self.into_answer(), gate.clone(), Location::caller());
        let subject = subject.to_owned();
        async move {
            let signed_in = match answer.cookies() {
                Some(cookies) => gate.test_user(&cookies).await,
                None => Ok(None),
            };
            let who = match &signed_in {
                Ok(Some(user)) if user.subject() == subject => return answer,
                Ok(user) => name(user.as_ref()),
                Err(error) => format!("nobody, for {}", told(error)),
            };
            failed(&format!(
                "{test}: expected `{subject}` to be signed in, but it is {who}: {answer}"
            ))
        }
    }
}

impl<B: Body> LoginAssertions for Response<B> {
    fn into_answer(self) -> Answer {
        Answer::read(self)
    }
}

impl LoginAssertions for Answer {
    fn into_answer(self) -> Answer {
        self
    }
}

pub(crate) fn name(user: Option<&User>) -> String {
    user.map_or_else(
        || "nobody".to_owned(),
        |user| format!("`{}`", user.subject()),
    )
}

#[track_caller]
fn expect(met: bool, expected: &str, answer: &Answer) {
    if !met {
        let hint = hint(answer);
        failed(&format!("expected {expected}, but got {answer}{hint}"));
    }
}

/// What to do about it, if that is not obvious.
fn hint(answer: &Answer) -> &'static str {
    match answer.code().as_deref() {
        Some("sign_in_required" | "reauthentication_required") => {
            "\n(Only a browser's navigation is sent to log in: is `.by_navigation()` missing?)"
        }
        Some("provider_unreachable") => {
            "\n(The gate needs its provider's metadata: start a `DevProvider`, or give the gate an `OfflineProvider`.)"
        }
        _ => "",
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "this is how an assertion fails")]
pub(crate) fn failed(message: &str) -> ! {
    panic!("{message}")
}
