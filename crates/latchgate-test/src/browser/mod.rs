//! A plain browser: it keeps cookies, follows redirects, submits forms and sends the headers that browsers send. It
//! runs no scripts, so the test has to submit a page that would submit itself.

#[cfg(feature = "actix")]
mod actix_app;
mod cookies;
mod distance;
mod error;
mod form;
mod login;
mod page;
mod request;
mod service;
mod transport;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use url::{Position, Url};

#[cfg(feature = "actix")]
pub use actix_app::ActixApp;
pub use error::BrowserError;
pub use form::Form;
pub use page::Page;
pub use request::PageRequest;
pub use service::TowerService;
pub use transport::{Network, Transport};

use crate::request::NAVIGATION;
use cookies::{CookieJar, Sent};
use distance::Distance;

/// As many redirects as Chromium follows.
const REDIRECTS: usize = 20;

/// A browser's tab, with its cookies. [`tab`](Self::tab) opens another one; a clone is another browser with a copy of
/// the cookies.
///
/// It reaches servers through a [`Transport`]: [`Network`], or an application in this process and the network for everything else.
///
/// * Cookies depend on host, path, `Secure` (loopback counts as secure) and `SameSite`. They stay beyond their `Max-Age`, unless it
///   is zero, because an application has to cope with such browsers.
/// * Redirects are followed, at most twenty, and forms are sent, with the header fields that say where the browser is
///   ([Fetch Metadata](https://www.w3.org/TR/fetch-metadata/)) and `Origin`.
/// * No scripts run. [`sign_in`](Self::sign_in) sends the forms that a provider's page would send by itself.
pub struct TestBrowser<T = Network> {
    transport: T,
    cookies: Arc<Mutex<CookieJar>>,
    here: Option<Url>,
    home: Option<String>,
}

/// A navigation, before its redirects.
struct Journey {
    method: Method,
    url: Url,
    form: Option<String>,
}

impl TestBrowser {
    /// A browser that has been nowhere.
    ///
    /// # Errors
    ///
    /// If this machine cannot make connections.
    pub fn new() -> Result<Self, BrowserError> {
        Ok(Self::over(Network::new()?))
    }

    /// Connects to `address` (`http://127.0.0.1:port`) for everything at the origin of `site`, as a proxy in front of an
    /// application does.
    #[must_use]
    pub fn connecting(mut self, site: &str, address: &str) -> Self {
        self.transport.detour(site, address);
        self
    }
}

impl<T: Transport> TestBrowser<T> {
    /// A browser that has been nowhere, and reaches servers in this way.
    pub fn over(transport: T) -> Self {
        Self {
            transport,
            cookies: Arc::default(),
            here: None,
            home: None,
        }
    }

    /// Sets the home, to which paths belong: `open("/me")` opens `{home}/me`.
    #[must_use]
    pub fn at_home(mut self, home: &str) -> Self {
        self.home = Some(home.trim_end_matches('/').to_owned());
        self
    }

    /// Another tab of the same browser: it shares the cookies.
    #[must_use]
    pub fn tab(&self) -> Self
    where
        T: Clone,
    {
        Self {
            transport: self.transport.clone(),
            cookies: Arc::clone(&self.cookies),
            here: None,
            home: self.home.clone(),
        }
    }

    /// Follows a link to a URL; if no page is open yet, types the URL.
    ///
    /// # Errors
    ///
    /// If no complete response arrives, or there are more than twenty redirects.
    pub async fn open(&mut self, url: &str) -> Result<Page, BrowserError> {
        let url = self.resolve(url)?;
        self.navigate(Journey {
            method: Method::GET,
            url,
            form: None,
        })
        .await
    }

    /// Follows a link to a URL without following redirects.
    ///
    /// # Errors
    ///
    /// If no complete response arrives.
    pub async fn get(&self, url: &str) -> Result<Page, BrowserError> {
        self.request("GET", url).navigation("none").send().await
    }

    /// Submits a form as its button would, with `answers` typed into it.
    ///
    /// # Errors
    ///
    /// If no complete response arrives, or there are more than twenty redirects.
    pub async fn submit(
        &mut self,
        form: &Form,
        answers: &[(&str, &str)],
    ) -> Result<Page, BrowserError> {
        let encoded = form.encoded(answers);
        let mut url = form.action.clone();
        let post = form.method == Method::POST;
        if !post {
            url.set_query(Some(&encoded));
        }
        self.navigate(Journey {
            method: form.method.clone(),
            url,
            form: post.then_some(encoded),
        })
        .await
    }

    /// A script's same-origin `fetch`, which asks for JSON. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// If no complete response arrives.
    pub async fn fetch(&self, method: &str, url: &str) -> Result<Page, BrowserError> {
        let request = self.request(method, url).fetch();
        if method == "GET" {
            return request.send().await;
        }
        let origin = self.resolve(url)?[..Position::BeforePath].to_owned();
        request.header("origin", origin).send().await
    }

    /// A request made by hand.
    pub fn request(&self, method: &str, url: &str) -> PageRequest<'_, T> {
        PageRequest::new(self, method, url)
    }

    /// The cookies that a request to `url` would carry, by name and value.
    ///
    /// # Errors
    ///
    /// If `url` is not a URL.
    pub fn cookies(&self, url: &str) -> Result<Vec<(String, String)>, BrowserError> {
        Ok(self.jar().seen_by(&self.resolve(url)?))
    }

    /// The value of a cookie of the home.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies("/").unwrap_or_default();
        cookies
            .into_iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// The names of the home's cookies that begin with this text.
    #[must_use]
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let cookies = self.cookies("/").unwrap_or_default().into_iter();
        let mut names: Vec<String> = cookies.map(|(name, _)| name).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        names
    }

    /// The length of the `Cookie` header of a request to the home, in bytes.
    #[must_use]
    pub fn cookie_bytes(&self) -> usize {
        let header = self.resolve("/").ok();
        header
            .and_then(|url| self.jar().header(&url, Sent::Freely))
            .map_or(0, |header| header.len())
    }

    /// Puts a cookie of the home into the jar.
    ///
    /// # Errors
    ///
    /// If the browser has no home.
    pub fn plant(&self, name: &str, value: &str) -> Result<(), BrowserError> {
        let url = self.resolve("/")?;
        self.jar().plant(&url, name, value);
        Ok(())
    }

    /// Removes a cookie of the home from the jar.
    ///
    /// # Errors
    ///
    /// If the browser has no home.
    pub fn remove(&self, name: &str) -> Result<(), BrowserError> {
        let url = self.resolve("/")?;
        self.jar().remove(&url, name);
        Ok(())
    }

    /// Closes the browser and opens it again: session cookies are gone.
    #[must_use]
    pub fn restarted(&self) -> Self
    where
        T: Clone,
    {
        self.jar().close();
        self.tab()
    }

    async fn navigate(&mut self, journey: Journey) -> Result<Page, BrowserError> {
        let Journey {
            mut method,
            mut url,
            mut form,
        } = journey;
        let initiator = self.here.clone();
        let mut distance = Distance::Typed;
        for _ in 0..=REDIRECTS {
            // A redirect through another site taints what follows it, as browsers do.
            distance = distance.max(Distance::between(initiator.as_ref(), &url));
            let by_form = method != Method::GET;
            let mut request = self
                .request(method.as_str(), url.as_str())
                .headers(&NAVIGATION)
                .header("sec-fetch-site", distance.as_str());
            if by_form && distance == Distance::Elsewhere {
                request = request.cookies(Sent::AcrossSites);
            }
            if let Some(body) = form.clone() {
                request = request
                    .header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
                    .body(body);
            }
            if let (Some(from), true) = (&initiator, by_form) {
                request = request.header(ORIGIN.as_str(), &from[..Position::BeforePath]);
            }
            let page = request.send().await?;
            match page.redirect()? {
                Some(next) => url = next,
                None => {
                    self.here = Some(page.url.clone());
                    return Ok(page);
                }
            }
            // 307 and 308 keep the method and the body; the others make it a GET.
            if !matches!(page.status, 307 | 308) {
                (method, form) = (Method::GET, None);
            }
        }
        Err(BrowserError::TooManyRedirects { last: url })
    }

    /// A URL, or a path at home. A path is taken as it is: `//admin` is a path.
    fn resolve(&self, url: &str) -> Result<Url, BrowserError> {
        match &self.home {
            Some(home) if url.starts_with('/') => parsed(&format!("{home}{url}")),
            _ => parsed(url),
        }
    }

    fn jar(&self) -> MutexGuard<'_, CookieJar> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport + Clone> Clone for TestBrowser<T> {
    fn clone(&self) -> Self {
        let cookies = self.jar().clone();
        Self {
            cookies: Arc::new(Mutex::new(cookies)),
            here: self.here.clone(),
            ..self.tab()
        }
    }
}

fn parsed(url: &str) -> Result<Url, BrowserError> {
    Url::parse(url).map_err(|source| BrowserError::Url {
        text: url.to_owned(),
        source,
    })
}

impl<T> std::fmt::Debug for TestBrowser<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestBrowser")
            .field("here", &self.here.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}
