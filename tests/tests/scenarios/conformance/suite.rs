//! What the suite does in every module, and how a module ends.

use latchgate::UserinfoPolicy;
use latchgate_dev_provider::{Endpoint, JsonObject};
use latchgate_tests::{Browser, Failure, Page, Setup, TlsFront, Transcript, World, ensure};
use serde_json::{Value, json};
use url::Url;

/// The suite while it runs a module.
pub(super) struct Suite {
    pub(super) world: World,
    /// Where it asks for certificates.
    pub(super) front: Option<TlsFront>,
    transcript: Transcript,
}

/// The modules of OpenID Connect: an issuer that ends in a slash, and token responses that have neither `expires_in` nor a
/// refresh token. They wait for the call of userinfo.
pub(super) fn oidcc(setup: Setup) -> Setup {
    setup
        .registration(|registration| {
            registration
                .scopes(["openid", "profile", "email"])
                .userinfo(UserinfoPolicy::Always)
        })
        .provider(|provider| provider.issuer_with_slash().omit_expires_in())
}

impl Suite {
    pub(super) async fn start(setup: Setup) -> Result<Self, Failure> {
        let transcript = Transcript::begin();
        let world = setup.start().await?;
        ensure!(
            world.calls(Endpoint::Discovery) == 0,
            "the suite was asked before the login"
        );
        Ok(Self {
            world,
            front: None,
            transcript,
        })
    }

    /// A module that ends with the call of userinfo.
    pub(super) async fn passes(&self) -> Result<Browser, Failure> {
        let before = self.world.calls(Endpoint::Userinfo);
        let mut browser = self.world.browser()?;
        let page = self.world.visit(&mut browser, "/me").await?;
        ensure!(
            page.status == 200 && page.url.path() == "/me",
            "refused: {page}"
        );
        ensure!(
            self.world.calls(Endpoint::Userinfo) == before + 1,
            "userinfo was not called"
        );
        Ok(browser)
    }

    /// A module that ends when these endpoints have not been called for some seconds.
    pub(super) async fn refuses(&self, code: &str, silence: &[Endpoint]) -> Result<(), Failure> {
        let mut browser = self.world.browser()?;
        let page = self.world.visit(&mut browser, "/me").await?;
        ensure!(
            page.status >= 400 && page.code() == code,
            "expected {code}: {page}"
        );
        for endpoint in silence {
            ensure!(
                self.world.calls(*endpoint) == 0,
                "{endpoint:?} was called: {page}"
            );
        }
        let found = self.world.whoami(&browser).await?;
        ensure!(found.is_none(), "{found:?} is signed in");
        self.is_logged_once(&page)
    }

    /// The evidence for a certification: one line of the log, with the code that the page has.
    fn is_logged_once(&self, page: &Page) -> Result<(), Failure> {
        let id = page.id()?;
        let log = self.transcript.text();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
        let code = format!("code=\"{}\"", page.code());
        ensure!(
            lines.len() == 1 && lines[0].contains(&code),
            "not one line with {code}: {lines:#?}"
        );
        Ok(())
    }

    /// Changes the claims of the ID token, and expects silence at the endpoints that come after it.
    pub(super) async fn id_token(
        self,
        code: &str,
        alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        let mischief = self.world.mischief();
        mischief.on_id_token(move |_, claims| alter(claims));
        self.refuses(code, &[Endpoint::Userinfo]).await
    }
}

/// Sets a claim.
pub(super) fn set(claims: &mut JsonObject, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

/// Appends to a claim that is text.
pub(super) fn append(claims: &mut JsonObject, name: &str, more: &str) {
    let text = claims.get(name).and_then(Value::as_str).unwrap_or_default();
    set(claims, name, json!(format!("{text}{more}")));
}

/// A parameter of a URL's query.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(own, _)| own == name);
    found.map(|(_, value)| value.into_owned())
}
