//! Signing a request in.

use std::error::Error;
use std::panic::Location;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, request};
use latchgate::Gate;
use serde::Serialize;

use crate::person::Person;

/// What browsers send along when a person follows a link.
pub(crate) const NAVIGATION: [(&str, &str); 3] = [
    ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// What browsers send along with a script's same-origin `fetch` for JSON.
pub(crate) const FETCH: [(&str, &str); 4] = [
    ("accept", "application/json"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
];

/// A request that a test makes: an [`http::Request`], its [`Builder`](http::request::Builder), or, with the feature `actix`,
/// an `actix_web::test::TestRequest`.
pub trait SignedInRequest: Sized {
    /// Adds a header field. A second `cookie` field is appended to the first.
    #[must_use]
    fn with_field(self, name: HeaderName, value: HeaderValue) -> Self;

    /// Adds the cookies of a session of this person, which is like one after a login.
    ///
    /// This needs no provider and no socket. If the gate has a store, the session is written there.
    ///
    /// # Panics
    ///
    /// If a login would fail: the [`on_login`](latchgate::GateBuilder::on_login) hook rejects it, the session does not fit
    /// into cookies, or the store is unavailable. Also if the gate has no provider of this [name](Person::provider).
    #[track_caller]
    fn signed_in(self, gate: &Gate, person: Person) -> impl Future<Output = Self> {
        let (gate, test) = (gate.clone(), Location::caller());
        async move {
            let signed_in = gate.test_login(person.into_login()).await;
            match signed_in {
                Ok(signed_in) => self.with_field(COOKIE, signed_in.cookie_header()),
                Err(error) => failed(test, "the request cannot be signed in", &error),
            }
        }
    }

    /// Adds the cookie with these values of the application's (`Visitor`): the members of an object, such as
    /// `json!({ "cart": [7, 8] })`. Somebody who is [signed in](Self::signed_in) may have some, too; a login hook does not
    /// get them.
    ///
    /// # Panics
    ///
    /// If the values are not an object, or too large.
    #[must_use]
    #[track_caller]
    fn visitor(self, gate: &Gate, values: impl Serialize) -> Self {
        match gate.test_visitor(&values) {
            Ok(cookie) => self.with_field(COOKIE, cookie),
            Err(error) => failed(
                Location::caller(),
                "the visitor's values cannot be stored",
                &error,
            ),
        }
    }

    /// Makes it the navigation of a browser, as when somebody follows a link on a page of the application: without a session
    /// it is redirected to log in, where any other request gets `401`.
    #[must_use]
    fn by_navigation(self) -> Self {
        let site = [("sec-fetch-site", "same-origin")];
        with_fields(self, NAVIGATION.iter().chain(&site))
    }

    /// Makes it a `fetch` of one of the application's scripts, which asks for JSON.
    #[must_use]
    fn by_fetch(self) -> Self {
        with_fields(self, &FETCH)
    }
}

fn with_fields<'a, R: SignedInRequest>(
    request: R,
    fields: impl IntoIterator<Item = &'a (&'static str, &'static str)>,
) -> R {
    fields.into_iter().fold(request, |request, (name, value)| {
        let name = HeaderName::from_static(name);
        request.with_field(name, HeaderValue::from_static(value))
    })
}

impl SignedInRequest for request::Builder {
    fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        // A builder with a mistake in it tells of it when it builds.
        if let Some(headers) = self.headers_mut() {
            add(headers, name, value);
        }
        self
    }
}

impl<B> SignedInRequest for http::Request<B> {
    fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        add(self.headers_mut(), name, value);
        self
    }
}

/// Adds a field. Cookies are joined, as HTTP/1.1 has one field for them.
fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let joined = match headers.get(&name) {
        Some(present) if name == COOKIE => {
            let joined = [present.as_bytes(), value.as_bytes()].join(&b"; "[..]);
            HeaderValue::from_bytes(&joined).unwrap_or(value)
        }
        _ => value,
    };
    headers.insert(name, joined);
}

#[expect(clippy::panic, reason = "this is how a test is told that it is wrong")]
fn failed(test: &Location<'_>, what: &str, error: &dyn Error) -> ! {
    panic!("{test}: {what}: {}", told(error))
}

/// An error with what caused it.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}
