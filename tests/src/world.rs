//! A provider, an application that trusts it, and browsers.

use std::time::Duration;

use latchgate::Gate;
use latchgate_dev_provider::{Answer, DevProvider, Endpoint, Mischief};
use serde_json::Value;
use url::Url;

use crate::app::Serving;
use crate::browser::{Browser, Page};
use crate::clock::TestClock;
use crate::failure::Failure;
use crate::setup::Setup;
use crate::store::SharedStore;

/// Every endpoint that an application asks.
const ENDPOINTS: [Endpoint; 7] = [
    Endpoint::Discovery,
    Endpoint::Jwks,
    Endpoint::Authorize,
    Endpoint::PushedAuthorization,
    Endpoint::Token,
    Endpoint::Userinfo,
    Endpoint::EndSession,
];

/// What is waited for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running provider and a running application. Dropping it stops both.
#[derive(Debug)]
pub struct World {
    /// The provider, which Alice passes without a page.
    pub provider: DevProvider,
    /// The time of the provider and of the gate.
    pub clock: TestClock,
    /// The application's gate.
    pub gate: Gate,
    /// The application's public URL, without a slash at its end.
    pub site: String,
    /// Where the application listens: `http://127.0.0.1:port`.
    pub address: String,
    pub(crate) session_cookie: String,
    pub(crate) login_cookies: String,
    pub(crate) setup: Setup,
    pub(crate) serving: Serving,
}

impl World {
    /// Somebody's browser, at home in the application, without any cookie.
    ///
    /// # Errors
    /// This machine cannot make connections.
    pub fn browser(&self) -> Result<Browser, Failure> {
        Ok(self.lead(Browser::new()?))
    }

    /// A browser as it is, whose requests reach this application from now on.
    #[must_use]
    pub fn lead(&self, browser: Browser) -> Browser {
        browser
            .at_home(&self.site)
            .connecting(&self.site, &self.address)
    }

    /// A browser in which Alice has signed in on her way to `/me`.
    ///
    /// # Errors
    /// The login failed.
    pub async fn signed_in(&self) -> Result<Browser, Failure> {
        let mut browser = self.browser()?;
        let page = self.visit(&mut browser, "/me").await?;
        ensure!(
            page.status == 200 && page.url.path() == "/me",
            "login did not land on /me: {page}"
        );
        Ok(browser)
    }

    /// Opens a page of the application, and sends the form on if the provider answers by one.
    ///
    /// # Errors
    /// The way does not end at an answer.
    pub async fn visit(&self, browser: &mut Browser, path: &str) -> Result<Page, Failure> {
        let page = browser.open(path).await?;
        if !page.url.as_str().starts_with(self.provider.issuer()) {
            return Ok(page);
        }
        let form = page.form_to("/callback")?;
        Ok(browser.submit(&form, &[]).await?)
    }

    /// Starts a login and goes as far as the provider's answer: the callback URL, not yet opened.
    ///
    /// # Errors
    /// The login did not start, or the provider did not answer with a redirect.
    pub async fn callback(&self, browser: &Browser, path: &str) -> Result<Url, Failure> {
        let start = browser.get(path).await?.leads_to()?;
        Ok(browser.get(start.as_str()).await?.leads_to()?)
    }

    /// Who the application says is signed in; `None` for nobody.
    ///
    /// # Errors
    /// The front page did not answer 200.
    pub async fn whoami(&self, browser: &Browser) -> Result<Option<String>, Failure> {
        let page = browser.get("/").await?;
        ensure!(page.status == 200, "the front page: {page}");
        Ok((page.body != "anonymous").then_some(page.body))
    }

    /// What `/token` answers a script, which must be a token.
    ///
    /// # Errors
    /// It answered something else.
    pub async fn token(&self, browser: &Browser) -> Result<Value, Failure> {
        Ok(browser.fetch("GET", "/token").await?.json(200)?)
    }

    /// The provider's script of misbehaviour.
    #[must_use]
    pub fn mischief(&self) -> Mischief {
        self.provider.mischief()
    }

    /// Cuts every connection to the provider, until its mischief is cleared.
    pub fn provider_down(&self) {
        for endpoint in ENDPOINTS {
            self.mischief().answer(endpoint, Answer::Drop);
        }
    }

    /// How often an endpoint was asked since the last [`DevProvider::reset_calls`].
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        self.provider.calls(endpoint)
    }

    /// How often the application itself asked anything: every endpoint but those that browsers visit.
    #[must_use]
    pub fn back_channel_calls(&self) -> usize {
        let browsers = [Endpoint::Authorize, Endpoint::EndSession];
        let asked = ENDPOINTS
            .iter()
            .filter(|endpoint| !browsers.contains(endpoint));
        asked.map(|endpoint| self.calls(*endpoint)).sum()
    }

    /// The name of the session cookie.
    #[must_use]
    pub fn session_cookie(&self) -> &str {
        &self.session_cookie
    }

    /// What the names of login cookies begin with.
    #[must_use]
    pub fn login_cookies(&self) -> &str {
        &self.login_cookies
    }

    /// Whether an answer removes the session cookie it was sent, which is nobody's: the ticket of a session that lies in
    /// a store no longer may stay, for an answer that is late would remove a newer one.
    #[must_use]
    pub fn gives_up(&self, page: &Page) -> bool {
        let name = self.session_cookie();
        page.clears(name) || (self.store().is_some() && page.sets(name).is_empty())
    }

    /// The store, where sessions lie in one.
    #[must_use]
    pub fn store(&self) -> Option<&SharedStore> {
        self.setup.store.as_ref()
    }

    /// The store by which nodes hear of each other's logouts, where there is one.
    #[must_use]
    pub fn common_store(&self) -> Option<&SharedStore> {
        self.setup.revocations.as_ref().or(self.store())
    }

    /// Another node of the same application, at the same site and with the same provider, time and store, but configured
    /// a little differently. [`World::lead`] makes browsers reach it.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub async fn neighbour(&self, alter: impl FnOnce(Setup) -> Setup) -> Result<Self, Failure> {
        let setup = alter(self.setup.clone().site(&self.site));
        setup
            .beside(self.provider.clone(), self.clock.clone())
            .await
    }

    /// Another application at the same provider and in the same time, with the same keys and stores. It is at an
    /// address of its own, unless `alter` names its site.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub async fn another(&self, alter: impl FnOnce(Setup) -> Setup) -> Result<Self, Failure> {
        let mut setup = self.setup.clone();
        setup.site = None;
        alter(setup)
            .beside(self.provider.clone(), self.clock.clone())
            .await
    }

    /// How many requests to `/slowly` have opened their session so far.
    #[must_use]
    pub fn slow_requests(&self) -> usize {
        self.serving.slow_requests()
    }

    /// Waits until something has happened.
    ///
    /// # Errors
    /// It has not within fifteen seconds.
    pub async fn until(&self, what: &str, happened: impl Fn() -> bool) -> Result<(), Failure> {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        let waiting = async {
            while !happened() {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .map_err(|_| format!("waited in vain: {what}").into())
    }
}
