//! A plain browser: it keeps cookies, follows redirects, submits forms and sends the headers that browsers send, and
//! does nothing else. It runs no scripts, so a page that submits itself is submitted by the test.

mod cookies;
mod distance;
mod form;
mod page;
mod request;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, ORIGIN};
use reqwest::{Method, redirect};
use url::{Position, Url};

pub use form::Form;
pub use page::Page;
pub use request::Request;

use crate::failure::Failure;
use cookies::{CookieJar, Sent};
use distance::Distance;
use request::NAVIGATION;

/// As many redirects as Chromium follows.
const REDIRECTS: usize = 20;

/// A browser's tab, with its cookies. [`tab`](Self::tab) opens another one; a clone is another browser with the cookies
/// of this moment.
pub struct Browser {
    http: reqwest::Client,
    cookies: Arc<Mutex<CookieJar>>,
    here: Option<Url>,
    home: Option<String>,
    detour: Option<(String, String)>,
}

/// A navigation, before its redirects.
struct Journey {
    method: Method,
    url: Url,
    form: Option<String>,
}

impl Browser {
    /// A browser that has been nowhere.
    ///
    /// # Errors
    /// This machine cannot make connections.
    pub fn new() -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .build()?;
        Ok(Self {
            http,
            cookies: Arc::default(),
            here: None,
            home: None,
            detour: None,
        })
    }

    /// Sees paths as those of this site: `open("/me")` opens `{home}/me`.
    #[must_use]
    pub fn at_home(mut self, home: &str) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// Connects to `address` (`http://127.0.0.1:port`) for everything at the origin of `site`, as a proxy in front of an
    /// application does.
    #[must_use]
    pub fn connecting(mut self, site: &str, address: &str) -> Self {
        let origin = Url::parse(site).map(|site| site.origin().ascii_serialization());
        self.detour = origin
            .ok()
            .filter(|origin| origin != address)
            .map(|origin| (origin, address.to_owned()));
        self
    }

    /// Another tab of the same browser: it shares the cookies.
    #[must_use]
    pub fn tab(&self) -> Self {
        Self {
            http: self.http.clone(),
            cookies: Arc::clone(&self.cookies),
            here: None,
            home: self.home.clone(),
            detour: self.detour.clone(),
        }
    }

    /// Follows a link to a URL, or types it where no page is open yet.
    ///
    /// # Errors
    /// No complete answer came, or redirects went round in circles.
    pub async fn open(&mut self, url: &str) -> Result<Page, Failure> {
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
    /// No complete answer came.
    pub async fn get(&self, url: &str) -> Result<Page, Failure> {
        self.request("GET", url).navigation("none").send().await
    }

    /// Submits a form as its button would, with `answers` typed into it.
    ///
    /// # Errors
    /// No complete answer came, or redirects went round in circles.
    pub async fn submit(&mut self, form: &Form, answers: &[(&str, &str)]) -> Result<Page, Failure> {
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
    /// No complete answer came.
    pub async fn fetch(&self, method: &str, url: &str) -> Result<Page, Failure> {
        let request = self.request(method, url).fetch();
        if method == "GET" {
            return request.send().await;
        }
        let origin = self.resolve(url)?[..Position::BeforePath].to_owned();
        request.header("origin", origin).send().await
    }

    /// A request made by hand.
    pub fn request(&self, method: &str, url: &str) -> Request<'_> {
        Request::new(self, method, url)
    }

    /// The cookies that a request to `url` would carry, by name and value.
    ///
    /// # Errors
    /// `url` is none.
    pub fn cookies(&self, url: &str) -> Result<Vec<(String, String)>, Failure> {
        Ok(self.jar().seen_by(&self.resolve(url)?))
    }

    /// The value of a cookie of home.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies("/").unwrap_or_default();
        cookies
            .into_iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// The names of home's cookies that begin like this.
    #[must_use]
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let cookies = self.cookies("/").unwrap_or_default().into_iter();
        let mut names: Vec<String> = cookies.map(|(name, _)| name).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        names
    }

    /// How many bytes the `Cookie` header of a request to home has.
    #[must_use]
    pub fn cookie_bytes(&self) -> usize {
        let header = self.resolve("/").ok();
        header
            .and_then(|url| self.jar().header(&url, Sent::Freely))
            .map_or(0, |header| header.len())
    }

    /// Puts a cookie of home into the jar.
    ///
    /// # Errors
    /// The browser has no home.
    pub fn plant(&self, name: &str, value: &str) -> Result<(), Failure> {
        let url = self.resolve("/")?;
        self.jar().plant(&url, name, value);
        Ok(())
    }

    /// Takes a cookie of home out of the jar.
    ///
    /// # Errors
    /// The browser has no home.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        let url = self.resolve("/")?;
        self.jar().remove(&url, name);
        Ok(())
    }

    /// Closes the browser and opens it anew: cookies that end with the browser are gone.
    #[must_use]
    pub fn restarted(&self) -> Self {
        self.jar().close();
        self.tab()
    }

    async fn navigate(&mut self, journey: Journey) -> Result<Page, Failure> {
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
        Err(format!("more than {REDIRECTS} redirects, the last to {url}").into())
    }

    /// A URL, or a path at home. A path is taken as it is: `//admin` is a path.
    fn resolve(&self, url: &str) -> Result<Url, Failure> {
        match &self.home {
            Some(home) if url.starts_with('/') => Ok(Url::parse(&format!("{home}{url}"))?),
            _ => Ok(Url::parse(url)?),
        }
    }

    /// Where to connect to for a URL, and the `Host` to ask for when that is another one.
    fn route(&self, url: &Url) -> Result<(Url, Option<String>), Failure> {
        let origin = &url[..Position::BeforePath];
        match &self.detour {
            Some((site, address)) if origin == site => {
                let target = format!("{address}{}", &url[Position::BeforePath..]);
                let host = &url[Position::BeforeHost..Position::AfterPort];
                Ok((Url::parse(&target)?, Some(host.to_owned())))
            }
            _ => Ok((url.clone(), None)),
        }
    }

    fn jar(&self) -> MutexGuard<'_, CookieJar> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Browser {
    fn clone(&self) -> Self {
        let cookies = self.jar().clone();
        Self {
            cookies: Arc::new(Mutex::new(cookies)),
            here: self.here.clone(),
            ..self.tab()
        }
    }
}

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser")
            .field("here", &self.here.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}
