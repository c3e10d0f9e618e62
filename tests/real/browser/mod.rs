//! A plain browser: it keeps cookies, follows redirects, submits forms and sends the headers that browsers send, and
//! does nothing else. It runs no scripts, so a page that submits itself is submitted by the test.

mod cookies;
mod form;
mod page;

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, redirect};
use url::{Position, Url};

pub(crate) use form::Form;
pub(crate) use page::Page;

use crate::case::{Case, Failure};
use cookies::CookieJar;

/// As many redirects as Chromium follows.
const REDIRECTS: usize = 20;

/// A browser with one tab. A clone is another tab that opens at the same moment: it has the cookies of that moment.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    cookies: CookieJar,
    here: Option<Url>,
}

/// A navigation, before its redirects.
struct Request {
    method: Method,
    url: Url,
    form: Option<String>,
}

impl Browser {
    /// A browser that has been nowhere.
    pub(crate) fn new() -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(15))
            .build()?;
        Ok(Self {
            http,
            cookies: CookieJar::default(),
            here: None,
        })
    }

    /// Follows a link to a URL, or types it where no page is open yet.
    pub(crate) async fn open(&mut self, url: &str) -> Result<Page, Failure> {
        self.navigate(Request {
            method: Method::GET,
            url: Url::parse(url)?,
            form: None,
        })
        .await
    }

    /// Submits a form as its button would, with `answers` typed into it.
    pub(crate) async fn submit(
        &mut self,
        form: &Form,
        answers: &[(&str, &str)],
    ) -> Result<Page, Failure> {
        let fields = form.filled(answers);
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut url = form.action.clone();
        let request = if form.method == Method::POST {
            Request {
                method: Method::POST,
                url,
                form: Some(encoded),
            }
        } else {
            url.set_query(Some(&encoded));
            Request {
                method: Method::GET,
                url,
                form: None,
            }
        };
        self.navigate(request).await
    }

    /// A script's same-origin `fetch`, which asks for JSON. Redirects are not followed.
    pub(crate) async fn fetch(&mut self, method: &str, url: &str) -> Result<Page, Failure> {
        let url = Url::parse(url)?;
        let mut request = self
            .http
            .request(method.parse()?, url.clone())
            .header("accept", "application/json")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-site", "same-origin");
        if method != "GET" {
            request = request.header(ORIGIN, &url[..Position::BeforePath]);
        }
        self.send(request, &url).await
    }

    async fn navigate(&mut self, request: Request) -> Result<Page, Failure> {
        let Request {
            mut method,
            mut url,
            mut form,
        } = request;
        let initiator = self.here.clone();
        let mut distance = Distance::Typed;
        for _ in 0..=REDIRECTS {
            // A redirect through another site taints what follows it, as browsers do.
            distance = distance.max(Distance::between(initiator.as_ref(), &url));
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document")
                .header("sec-fetch-site", distance.as_str());
            if let Some(body) = form.clone() {
                request = request
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(body);
            }
            if let (Some(from), false) = (&initiator, method == Method::GET) {
                request = request.header(ORIGIN, &from[..Position::BeforePath]);
            }
            let page = self.send(request, &url).await?;
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

    async fn send(
        &mut self,
        mut request: reqwest::RequestBuilder,
        url: &Url,
    ) -> Result<Page, Failure> {
        if let Some(cookies) = self.cookies.header(url) {
            request = request.header(COOKIE, cookies);
        }
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.cookies.set(url, cookie.to_str()?)?;
        }
        let location = response
            .headers()
            .get(LOCATION)
            .map(|value| value.to_str().map(str::to_owned))
            .transpose()?;
        let status = response.status().as_u16();
        Ok(Page {
            url: url.clone(),
            status,
            location,
            body: response.text().await?,
        })
    }
}

/// `Sec-Fetch-Site`, from the closest to the farthest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    /// Nobody's page sent us: the URL was typed.
    Typed,
    SameOrigin,
    SameSite,
    Elsewhere,
}

impl Distance {
    fn between(initiator: Option<&Url>, target: &Url) -> Self {
        match initiator {
            None => Self::Typed,
            Some(from) if from.origin() == target.origin() => Self::SameOrigin,
            // A host that is an IP address is its own site; ports do not part sites.
            Some(from) if from.host() == target.host() && from.scheme() == target.scheme() => {
                Self::SameSite
            }
            Some(_) => Self::Elsewhere,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Typed => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::Elsewhere => "cross-site",
        }
    }
}

/// What the browser promises the other cases; they need nothing but Rust.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("browser::cookies", &[], || async { cookies::check() }),
        Case::new("browser::forms", &[], || async { form::check() }),
    ]
}
