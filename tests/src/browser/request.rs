//! One request, made by hand: any method, any header, any body, and no redirects.

use http::header::COOKIE;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::cookies::Sent;
use super::{Browser, Page};
use crate::failure::Failure;

/// A request that is still being written. It carries the browser's cookies unless it says otherwise.
#[must_use]
pub struct Request<'a> {
    browser: &'a Browser,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    cookies: Sent,
}

/// What browsers send along when a person follows a link.
pub(super) const NAVIGATION: [(&str, &str); 3] = [
    ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// What browsers send along with a script's same-origin `fetch` for JSON.
pub(super) const FETCH: [(&str, &str); 4] = [
    ("accept", "application/json"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
];

impl<'a> Request<'a> {
    pub(super) fn new(browser: &'a Browser, method: &str, url: &str) -> Self {
        Self {
            browser,
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            cookies: Sent::Freely,
        }
    }

    /// Adds a header field. A `cookie` field replaces what the jar would send.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds header fields.
    pub fn headers(self, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        fields.fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Makes it a top-level navigation by a link from this distance: `none`, `same-origin`, `same-site` or `cross-site`.
    pub fn navigation(self, site: &str) -> Self {
        self.headers(&NAVIGATION).header("sec-fetch-site", site)
    }

    /// Makes it a same-origin `fetch` that asks for JSON.
    pub fn fetch(self) -> Self {
        self.headers(&FETCH)
    }

    /// Sends these bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(encoded)
    }

    /// Leaves out the cookies that a form of another site would not bring along.
    pub(super) fn cookies(mut self, how: Sent) -> Self {
        self.cookies = how;
        self
    }

    /// Sends it. The jar takes the answer's cookies; a redirect is not followed.
    ///
    /// # Errors
    /// No complete answer came.
    pub async fn send(self) -> Result<Page, Failure> {
        let browser = self.browser;
        let url = browser.resolve(&self.url)?;
        let (mut target, host) = browser.route(&url)?;
        target.set_fragment(None);
        let mut request = browser
            .http
            .request(Method::from_bytes(self.method.as_bytes())?, target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let own_cookies = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        for (name, value) in &self.headers {
            request = request.header(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_bytes(value)?,
            );
        }
        if let (Some(cookies), false) = (browser.jar().header(&url, self.cookies), own_cookies) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let headers = response.headers().clone();
        let page = Page {
            status: response.status().as_u16(),
            location: Page::location_of(&headers)?,
            url: url.clone(),
            headers,
            body: String::from_utf8_lossy(&response.bytes().await?).into_owned(),
        };
        browser.take_cookies(&url, &page)?;
        Ok(page)
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

impl Browser {
    fn take_cookies(&self, url: &Url, page: &Page) -> Result<(), Failure> {
        let mut jar = self.jar();
        for line in page.set_cookies() {
            jar.set(url, line)?;
        }
        Ok(())
    }
}
