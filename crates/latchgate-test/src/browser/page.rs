//! A page, or any other answer.

use bytes::Bytes;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::BrowserError;
use super::form::{Form, forms};
use crate::answer::{Answer, text};
use crate::assertions::LoginAssertions;

/// A response, after the redirects that were followed.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its URL.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its `Location`.
    pub location: Option<String>,
    /// Its body.
    pub body: String,
}

impl Page {
    pub(super) fn read(url: Url, response: Response<Bytes>) -> Result<Self, BrowserError> {
        let (parts, body) = response.into_parts();
        let location = parts.headers.get(LOCATION);
        let location = location.map(|value| value.to_str().map(str::to_owned));
        Ok(Self {
            url,
            status: parts.status.as_u16(),
            location: location.transpose()?,
            headers: parts.headers,
            body: text(&body),
        })
    }

    /// Its forms, in order.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        forms(&self.url, &self.body)
    }

    /// Its first form.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn form(&self) -> Result<Form, BrowserError> {
        let form = self.forms().into_iter().next();
        form.ok_or_else(|| self.unexpected("a form".to_owned()))
    }

    /// Its form whose action is this path on its own site.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn form_to(&self, path: &str) -> Result<Form, BrowserError> {
        let mut forms = self.forms().into_iter();
        let form = forms.find(|form| form.action.path() == path);
        form.ok_or_else(|| self.unexpected(format!("a form that is sent to {path}")))
    }

    /// Its body as JSON, if the status is this one.
    ///
    /// # Errors
    ///
    /// If the status is another, or the body is not JSON.
    pub fn json(&self, status: u16) -> Result<Value, BrowserError> {
        if self.status != status {
            return Err(self.unexpected(format!("the status {status}")));
        }
        let json = serde_json::from_str(&self.body);
        json.map_err(|error| self.unexpected(format!("JSON ({error})")))
    }

    /// Where it redirects to. `None` if it is not a redirect.
    ///
    /// # Errors
    ///
    /// If the `Location` is not a URL.
    pub fn redirect(&self) -> Result<Option<Url>, BrowserError> {
        match (&self.location, self.status) {
            (Some(location), 301 | 302 | 303 | 307 | 308) => {
                let next = self.url.join(location);
                next.map(Some).map_err(|source| BrowserError::Url {
                    text: location.clone(),
                    source,
                })
            }
            _ => Ok(None),
        }
    }

    /// Where it redirects to.
    ///
    /// # Errors
    ///
    /// If it is not a redirect, or its `Location` is not a URL.
    pub fn leads_to(&self) -> Result<Url, BrowserError> {
        self.redirect()?
            .ok_or_else(|| self.unexpected("a redirect".to_owned()))
    }

    /// A header field's first value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Its `Set-Cookie` lines.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines.filter_map(|line| line.to_str().ok()).collect()
    }

    /// The `Set-Cookie` lines of cookies with exactly this name.
    #[must_use]
    pub fn sets(&self, name: &str) -> Vec<&str> {
        let mut lines = self.set_cookies();
        lines.retain(|line| line.split_once('=').is_some_and(|(own, _)| own == name));
        lines
    }

    /// Whether it removes the cookie of this name.
    #[must_use]
    pub fn clears(&self, name: &str) -> bool {
        self.sets(name)
            .iter()
            .any(|line| line.contains("Max-Age=0"))
    }

    /// The stable code of a refusal, from a problem document or from a page; empty where there is none.
    #[must_use]
    pub fn code(&self) -> String {
        self.clone().into_answer().code().unwrap_or_default()
    }

    /// The id of a refusal, under which the log has its cause.
    ///
    /// # Errors
    ///
    /// If it shows none.
    pub fn id(&self) -> Result<String, BrowserError> {
        let id = match serde_json::from_str::<Value>(&self.body) {
            Ok(problem) => problem["id"].as_str().map(str::to_owned),
            Err(_) => {
                let shown = self.body.split("<code>").nth(2);
                let shown = shown.and_then(|rest| rest.split_once("</code>"));
                shown.map(|(id, _)| id.to_owned())
            }
        };
        id.ok_or_else(|| self.unexpected("the id of a refusal".to_owned()))
    }

    fn unexpected(&self, expected: String) -> BrowserError {
        BrowserError::Unexpected {
            expected,
            page: self.to_string(),
        }
    }
}

impl LoginAssertions for Page {
    fn into_answer(self) -> Answer {
        Answer {
            // It came as a status.
            status: StatusCode::from_u16(self.status).unwrap_or_default(),
            headers: self.headers,
            body: Some(self.body),
        }
    }
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.body.chars().take(2000).collect();
        write!(
            f,
            "{} {} {:?}\n{start}",
            self.status, self.url, self.location
        )
    }
}
