//! A login at the development provider, and who is signed in afterwards.

use std::panic::Location;

use http::HeaderValue;
use latchgate::{Gate, User};

use super::cookies::Sent;
use super::{BrowserError, Form, Page, TestBrowser, Transport};
use crate::assertions::{failed, name};
use crate::request::told;

/// How many forms a login has at the most: the choice of a person, and the response by `form_post`, each perhaps twice.
const FORMS: usize = 4;

impl<T: Transport> TestBrowser<T> {
    /// Opens a page, and signs in as this person if necessary: on the sign-in page of a `DevProvider` of the crate
    /// `latchgate-dev-provider`. Returns the page at which the login ends, usually the one that was opened.
    ///
    /// # Errors
    ///
    /// If no complete response arrives, or there are more than twenty redirects.
    pub async fn sign_in(&mut self, url: &str, person: &str) -> Result<Page, BrowserError> {
        let mut page = self.open(url).await?;
        for _ in 0..FORMS {
            let mut forms = page.forms().into_iter();
            page = match forms.find(|form| is_picker(form) || is_response(form)) {
                Some(form) if is_picker(&form) => self.submit(&form, &[("person", person)]).await?,
                Some(form) => self.submit(&form, &[]).await?,
                None => break,
            };
        }
        Ok(page)
    }

    /// Asserts that the browser has a session of this person at its home. It is read with the gate's keys; the application is not
    /// asked.
    ///
    /// # Panics
    ///
    /// If it has none, or somebody else's, or the store fails.
    #[track_caller]
    pub fn assert_signed_in_as(&self, gate: &Gate, subject: &str) -> impl Future<Output = ()> {
        let (found, test) = (self.user(gate), Location::caller());
        let subject = subject.to_owned();
        async move {
            let user = found.await;
            if user.as_ref().map(User::subject) != Some(&subject) {
                let who = name(user.as_ref());
                failed(&format!(
                    "{test}: expected `{subject}` to be signed in, but it is {who}"
                ));
            }
        }
    }

    /// Asserts that the browser has no session at its home, or one that has ended.
    ///
    /// # Panics
    ///
    /// If somebody is signed in, or the store fails.
    #[track_caller]
    pub fn assert_signed_out(&self, gate: &Gate) -> impl Future<Output = ()> {
        let (found, test) = (self.user(gate), Location::caller());
        async move {
            if let Some(user) = found.await {
                let who = name(Some(&user));
                failed(&format!(
                    "{test}: expected nobody to be signed in, but it is {who}"
                ));
            }
        }
    }

    #[track_caller]
    fn user(&self, gate: &Gate) -> impl Future<Output = Option<User>> + use<T> {
        let home = self.resolve("/").ok();
        let cookies = home.and_then(|home| self.jar().header(&home, Sent::Freely));
        let cookies = cookies.and_then(|cookies| HeaderValue::from_str(&cookies).ok());
        let (gate, test) = (gate.clone(), Location::caller());
        async move {
            let found = gate.test_user(&cookies?).await;
            found.unwrap_or_else(|error| failed(&format!("{test}: {}", told(&error))))
        }
    }
}

/// Whether it is the provider's question who is signing in.
fn is_picker(form: &Form) -> bool {
    form.action.path() == "/authorize/decide" && form.asks_for("transaction")
}

/// Whether it is an authorization response that a page sends by itself.
fn is_response(form: &Form) -> bool {
    form.asks_for("state") || form.asks_for("response")
}
