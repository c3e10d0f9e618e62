//! A page, or any other answer.

use http::HeaderMap;
use http::header::{LOCATION, SET_COOKIE};
use serde_json::Value;
use url::Url;

use super::form::{Form, forms};
use crate::failure::Failure;

/// What a server answered, after redirects where they were followed.
#[derive(Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its header fields, as they came.
    pub headers: HeaderMap,
    /// Its `Location`.
    pub location: Option<String>,
    /// Its body.
    pub body: String,
}

impl Page {
    /// Its first form.
    ///
    /// # Errors
    /// It has none.
    pub fn form(&self) -> Result<Form, Failure> {
        forms(&self.url, &self.body)
            .into_iter()
            .next()
            .ok_or_else(|| format!("no form in {self}").into())
    }

    /// Its form that goes to a path of its own site.
    ///
    /// # Errors
    /// It has none.
    pub fn form_to(&self, path: &str) -> Result<Form, Failure> {
        let form = forms(&self.url, &self.body)
            .into_iter()
            .find(|form| form.action.path() == path);
        form.ok_or_else(|| format!("no form to {path} in {self}").into())
    }

    /// Its body as JSON, which must have come with this status.
    ///
    /// # Errors
    /// Another status, or a body that is no JSON.
    pub fn json(&self, status: u16) -> Result<Value, Failure> {
        ensure!(self.status == status, "expected {status}: {self}");
        serde_json::from_str(&self.body)
            .map_err(|error| format!("not JSON ({error}): {self}").into())
    }

    /// Where it redirects to.
    ///
    /// # Errors
    /// A `Location` that is no URL.
    pub fn redirect(&self) -> Result<Option<Url>, Failure> {
        match (&self.location, self.status) {
            (Some(location), 301 | 302 | 303 | 307 | 308) => Ok(Some(self.url.join(location)?)),
            _ => Ok(None),
        }
    }

    /// Where it redirects to, which it must.
    ///
    /// # Errors
    /// It is no redirect.
    pub fn leads_to(&self) -> Result<Url, Failure> {
        self.redirect()?
            .ok_or_else(|| format!("no redirect: {self}").into())
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

    /// The `Set-Cookie` lines of cookies with this very name.
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

    /// The stable code of a refusal, from a problem document or from a page.
    #[must_use]
    pub fn code(&self) -> String {
        if let Ok(problem) = serde_json::from_str::<Value>(&self.body) {
            return problem["code"].as_str().unwrap_or_default().to_owned();
        }
        let code = self.body.split_once("<code>").map(|(_, rest)| rest);
        code.and_then(|rest| rest.split_once("</code>"))
            .map_or_else(String::new, |(code, _)| code.to_owned())
    }

    /// The id of a refusal, under which the log has its cause.
    ///
    /// # Errors
    /// It shows none.
    pub fn id(&self) -> Result<String, Failure> {
        if let Ok(problem) = serde_json::from_str::<Value>(&self.body) {
            return Ok(problem["id"].as_str().ok_or("no id")?.to_owned());
        }
        let mut codes = self.body.split("<code>").skip(2);
        let shown = codes.next().and_then(|rest| rest.split_once("</code>"));
        Ok(shown.ok_or_else(|| format!("no id: {self}"))?.0.to_owned())
    }

    pub(super) fn location_of(headers: &HeaderMap) -> Result<Option<String>, Failure> {
        let location = headers.get(LOCATION);
        Ok(location
            .map(|value| value.to_str().map(str::to_owned))
            .transpose()?)
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
