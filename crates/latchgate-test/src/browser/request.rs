//! One request, made by hand: any method, any header, any body, and no redirects.

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method};
use url::{Position, Url};

use super::cookies::Sent;
use super::{BrowserError, Network, Page, TestBrowser, Transport};
use crate::request::{FETCH, NAVIGATION};

/// A request that can still be changed. It carries the browser's cookies unless a `cookie` field is set.
#[must_use]
pub struct PageRequest<'a, T = Network> {
    browser: &'a TestBrowser<T>,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    cookies: Sent,
}

impl<'a, T: Transport> PageRequest<'a, T> {
    pub(super) fn new(browser: &'a TestBrowser<T>, method: &str, url: &str) -> Self {
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

    /// Makes it a top-level navigation, with this `Sec-Fetch-Site`: `none`, `same-origin`, `same-site` or `cross-site`.
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

    /// Leaves out the cookies that a browser does not send with a form of another site.
    pub(super) fn cookies(mut self, how: Sent) -> Self {
        self.cookies = how;
        self
    }

    /// Sends it. The jar takes the response's cookies; a redirect is not followed.
    ///
    /// # Errors
    ///
    /// If no complete response arrives.
    pub async fn send(self) -> Result<Page, BrowserError> {
        let browser = self.browser;
        let url = browser.resolve(&self.url)?;
        let mut request = http::Request::new(Bytes::from(self.body.unwrap_or_default()));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes())?;
        *request.uri_mut() = url[..Position::AfterQuery].parse()?;
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_bytes(value)?,
            );
        }
        let own_cookies = headers.contains_key(COOKIE);
        if let (Some(cookies), false) = (browser.jar().header(&url, self.cookies), own_cookies) {
            headers.insert(COOKIE, HeaderValue::from_str(&cookies)?);
        }
        let response = browser.transport.send(request).await?;
        browser.take_cookies(&url, response.headers())?;
        Page::read(url, response)
    }
}

impl<T> std::fmt::Debug for PageRequest<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

impl<T: Transport> TestBrowser<T> {
    fn take_cookies(&self, url: &Url, headers: &http::HeaderMap) -> Result<(), BrowserError> {
        let mut jar = self.jar();
        let lines = headers.get_all(SET_COOKIE).iter();
        for line in lines.filter_map(|line| line.to_str().ok()) {
            jar.set(url, line)?;
        }
        Ok(())
    }
}
