//! A provider, an application that trusts it, and somebody who walks from one to the other.

use serde_json::Value;

use crate::case::Failure;
use crate::example::{Address, Example, Running};
use crate::provider::{CLIENT_KEY, CLIENT_SECRET, Encryption, Provider, Registration};
use latchgate_tests::browser::{Browser, Page};

/// A login takes a login page, a consent page and at most a page that posts the answer.
pub(crate) const PAGES: usize = 6;

/// How an application and its provider are set up for a case.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    registration: Registration,
    variables: &'static [(&'static str, &'static str)],
}

/// A provider, an application that trusts it, and somebody's browser.
pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) app: Running,
    pub(crate) browser: Browser,
}

impl Setup {
    /// The application has these environment variables, too. `{base_url}` is its own URL.
    pub(crate) fn with(self, variables: &'static [(&'static str, &'static str)]) -> Self {
        Self { variables, ..self }
    }

    /// The provider signs ID tokens with this algorithm.
    pub(crate) fn signed_with(mut self, algorithm: &'static str) -> Self {
        self.registration.id_token_alg = algorithm;
        self
    }

    /// Access tokens for the application's API are opaque.
    pub(crate) fn opaque_access_tokens(mut self) -> Self {
        self.registration.access_tokens = "opaque";
        self
    }

    /// The provider demands this of FAPI 2.0, and gets it.
    pub(crate) fn fapi(mut self, demands: &'static str) -> Self {
        self.registration.fapi = Some(demands);
        self.authenticated_by("private_key_jwt")
            .signed_with("PS256")
    }

    /// ID tokens and userinfo are signed and encrypted, and nothing else is accepted.
    pub(crate) fn encrypted(
        mut self,
        alg: &'static str,
        enc: &'static str,
        key: &'static str,
    ) -> Self {
        self.registration.encryption = Some(Encryption { alg, enc, key });
        self
    }

    /// The client authenticates like this; the provider's registration and the application agree.
    pub(crate) fn authenticated_by(mut self, method: &'static str) -> Self {
        self.registration.client_auth = method;
        self
    }
}

impl World {
    /// Starts a provider and an application, each knowing the other.
    pub(crate) async fn new(example: Example, setup: Setup) -> Result<Self, Failure> {
        let address = Address::free()?;
        let provider = Provider::start(&address.base_url, setup.registration).await?;
        let mut variables = vec![
            ("LATCHGATE_ISSUER", provider.issuer.as_str()),
            ("LATCHGATE_CLIENT_ID", "latchgate"),
            ("LATCHGATE_CLIENT_AUTH", setup.registration.client_auth),
            ("LATCHGATE_SCOPES", "openid profile email offline_access"),
            // Thirty-two bytes, for tests only.
            (
                "LATCHGATE_SESSION_KEYS",
                "bGF0Y2hnYXRlLXRlc3RzLW9ubHktMzItYnl0ZXMtISE=",
            ),
        ];
        if setup.registration.has_key() {
            variables.push(("LATCHGATE_CLIENT_KEY_FILE", CLIENT_KEY));
        } else if setup.registration.has_secret() {
            variables.push(("LATCHGATE_CLIENT_SECRET", CLIENT_SECRET));
        }
        if let Some(Encryption { alg, enc, key }) = setup.registration.encryption {
            variables.extend([
                ("LATCHGATE_USERINFO", "true"),
                ("LATCHGATE_USERINFO_ALG", setup.registration.id_token_alg),
                ("LATCHGATE_DECRYPTION_KEY_FILE", key),
                ("LATCHGATE_ID_TOKEN_ENCRYPTION_ALG", alg),
                ("LATCHGATE_ID_TOKEN_ENCRYPTION_ENC", enc),
                ("LATCHGATE_USERINFO_ENCRYPTION_ALG", alg),
                ("LATCHGATE_USERINFO_ENCRYPTION_ENC", enc),
            ]);
        }
        let in_folder = |file: &str| {
            let folder = provider.certificates.as_ref()?;
            Some(folder.join(file).to_string_lossy().into_owned())
        };
        let (ca, certificate) = (in_folder("ca.pem"), in_folder("client.pem"));
        for (name, path) in [
            ("LATCHGATE_CA_FILE", &ca),
            ("LATCHGATE_CLIENT_CERT_FILE", &certificate),
        ] {
            variables.extend(path.as_deref().map(|path| (name, path)));
        }
        let given = setup.variables.iter();
        let given: Vec<_> = given
            .map(|(name, value)| (*name, value.replace("{base_url}", &address.base_url)))
            .collect();
        variables.extend(given.iter().map(|(name, value)| (*name, value.as_str())));
        let app = example.start(&address, &variables).await?;
        Ok(Self {
            provider,
            app,
            browser: Browser::new()?,
        })
    }

    /// Opens a page of the application, and does what the provider's pages ask until the application is back.
    pub(crate) async fn visit(&mut self, path: &str, who: &str) -> Result<Page, Failure> {
        let url = self.app.url(path);
        let page = self.browser.open(&url).await?;
        self.answer(page, who).await
    }

    /// Does what the provider's pages ask.
    pub(crate) async fn answer(&mut self, mut page: Page, who: &str) -> Result<Page, Failure> {
        for _ in 0..PAGES {
            if !self.provider.owns(&page.url) {
                return Ok(page);
            }
            let form = page.form()?;
            let answers: &[(&str, &str)] = if form.asks_for("login") {
                &[("login", who), ("password", "anything")]
            } else if form.asks_for("xsrf") {
                &[("logout", "yes")]
            } else {
                &[]
            };
            page = self.browser.submit(&form, answers).await?;
        }
        Err(format!("still at the provider after {PAGES} pages: {page}").into())
    }

    /// Alice logs in on her way to `/me`.
    pub(crate) async fn log_in(&mut self) -> Result<(), Failure> {
        let page = self.visit("/me", "alice").await?;
        let landed = page.url.as_str() == self.app.url("/me");
        ensure!(
            landed && page.status == 200,
            "login did not land on /me: {page}"
        );
        Ok(())
    }

    /// What `/me` answers a script.
    pub(crate) async fn me(&mut self) -> Result<Value, Failure> {
        let url = self.app.url("/me");
        Ok(self.browser.fetch("GET", &url).await?.json(200)?)
    }

    /// What `/token` answers, with a token that the provider itself knows as Alice's.
    pub(crate) async fn token(&mut self) -> Result<String, Failure> {
        let url = self.app.url("/token");
        let answer = self.browser.fetch("GET", &url).await?.json(200)?;
        let token = answer["access_token"]
            .as_str()
            .ok_or_else(|| format!("no access_token in {answer}"))?;
        ensure!(
            answer["expires_in"]
                .as_u64()
                .is_some_and(|seconds| seconds > 0),
            "expires_in: {answer}"
        );
        ensure!(
            answer["scope"]
                .as_str()
                .is_some_and(|scope| scope.contains("profile")),
            "scope: {answer}"
        );
        let subject = self.provider.subject_of(token).await?;
        ensure!(
            subject == "alice",
            "the provider gives the token to {subject}"
        );
        Ok(token.to_owned())
    }

    /// Makes the application refresh, as a script of its own page would.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        let url = self.app.url("/refresh");
        let page = self.browser.fetch("POST", &url).await?;
        ensure!((200..400).contains(&page.status), "refresh: {page}");
        Ok(())
    }
}
