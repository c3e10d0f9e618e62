//! A page, or any other answer.

use serde_json::Value;
use url::Url;

use super::form::{Form, forms};
use crate::case::Failure;

/// What a server answered, after redirects where they were followed.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Page {
    /// Its first form.
    pub(crate) fn form(&self) -> Result<Form, Failure> {
        forms(&self.url, &self.body)
            .into_iter()
            .next()
            .ok_or_else(|| format!("no form in {self}").into())
    }

    /// Its form that goes to a path of its own site.
    pub(crate) fn form_to(&self, path: &str) -> Result<Form, Failure> {
        let form = forms(&self.url, &self.body)
            .into_iter()
            .find(|form| form.action.path() == path);
        form.ok_or_else(|| format!("no form to {path} in {self}").into())
    }

    /// Its body as JSON, which must have come with this status.
    pub(crate) fn json(&self, status: u16) -> Result<Value, Failure> {
        ensure!(self.status == status, "expected {status}: {self}");
        serde_json::from_str(&self.body)
            .map_err(|error| format!("not JSON ({error}): {self}").into())
    }

    /// Where it redirects to.
    pub(super) fn redirect(&self) -> Result<Option<Url>, Failure> {
        match (&self.location, self.status) {
            (Some(location), 301 | 302 | 303 | 307 | 308) => Ok(Some(self.url.join(location)?)),
            _ => Ok(None),
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
