//! A browser driven over [WebDriver](https://www.w3.org/TR/webdriver2/): chromedriver and the few commands we need.

use std::fs;
use std::process::Command;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::case::Failure;
use crate::child::{Server, free_port, output, pause};
use crate::need::place;

/// How long a page may take to show what it must.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks at a page.
const GLANCE: Duration = Duration::from_millis(100);

/// The key under which WebDriver names an element, §12.1.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How an element is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Find<'a> {
    Css(&'a str),
    /// A link or a button with this text.
    Control(&'a str),
}

/// An open Chromium window, closed when dropped.
pub(crate) struct Chromium {
    session: String,
    process: Option<u64>,
    http: reqwest::Client,
    _driver: Server,
}

impl Chromium {
    /// Opens a window with a profile of its own.
    pub(crate) async fn open(name: &str) -> Result<Self, Failure> {
        let port = free_port()?;
        let mut command = Command::new(place("LATCHGATE_TEST_CHROMEDRIVER")?);
        command.arg(format!("--port={port}"));
        let mut driver = Server::spawn("chromedriver", &mut command)?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()?;
        let root = format!("http://127.0.0.1:{port}");
        driver
            .until("readiness", |_| async {
                let status = http.get(format!("{root}/status")).send().await.ok()?;
                status.status().is_success().then_some(())
            })
            .await?;
        let profile = output("real-profiles")?.join(name);
        // Whatever an earlier run left there is not this person's.
        drop(fs::remove_dir_all(&profile));
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1000,800",
        ];
        let mut flags: Vec<String> = flags.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "binary": place("LATCHGATE_TEST_CHROMIUM")?, "args": flags });
        let capabilities =
            json!({ "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } });
        let mut chromium = Self {
            session: root,
            process: None,
            http,
            _driver: driver,
        };
        let opened = chromium
            .command("/session", json!({ "capabilities": capabilities }))
            .await?;
        let id = opened["sessionId"]
            .as_str()
            .ok_or_else(|| format!("no session: {opened}"))?;
        chromium.session = format!("{}/session/{id}", chromium.session);
        chromium.process = opened["capabilities"]["goog:processID"].as_u64();
        Ok(chromium)
    }

    /// Makes the window so large, in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) -> Result<(), Failure> {
        let size = json!({ "width": width, "height": height });
        self.command("/window/rect", size).await.map(drop)
    }

    /// Opens a page.
    pub(crate) async fn go(&self, url: &str) -> Result<(), Failure> {
        self.command("/url", json!({ "url": url })).await.map(drop)
    }

    /// Clicks an element, once it is there.
    pub(crate) async fn click(&self, what: Find<'_>) -> Result<(), Failure> {
        let query = what.query();
        let element = self
            .until(&format!("{what:?}"), || self.element(&query))
            .await?;
        self.command(&format!("/element/{element}/click"), json!({}))
            .await
            .map(drop)
    }

    /// Types into an element, once it is there.
    pub(crate) async fn write(&self, what: Find<'_>, text: &str) -> Result<(), Failure> {
        let query = what.query();
        let element = self
            .until(&format!("{what:?}"), || self.element(&query))
            .await?;
        self.command(
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        )
        .await
        .map(drop)
    }

    /// Runs a script in the page, and returns what it returns; a promise is awaited.
    pub(crate) async fn run(&self, script: &str) -> Result<Value, Failure> {
        let parameters = json!({ "script": script, "args": [] });
        self.command("/execute/sync", parameters).await
    }

    /// Its windows and tabs.
    pub(crate) async fn windows(&self) -> Result<Vec<String>, Failure> {
        Ok(serde_json::from_value(
            self.query("/window/handles").await?,
        )?)
    }

    /// Goes on in another window, or tab.
    pub(crate) async fn enter(&self, window: &str) -> Result<(), Failure> {
        let parameters = json!({ "handle": window });
        self.command("/window", parameters).await.map(drop)
    }

    /// Opens another tab, and goes on there.
    pub(crate) async fn open_tab(&self) -> Result<String, Failure> {
        let opened = self
            .command("/window/new", json!({ "type": "tab" }))
            .await?;
        let window = opened["handle"].as_str().unwrap_or_default().to_owned();
        self.enter(&window).await?;
        Ok(window)
    }

    /// Waits for a window besides these, and goes on there.
    pub(crate) async fn enter_another_than(&self, known: &[String]) -> Result<String, Failure> {
        let another = async || {
            let windows = self.windows().await.ok()?;
            windows.into_iter().find(|window| !known.contains(window))
        };
        let window = self.until("another window", another).await?;
        self.enter(&window).await?;
        Ok(window)
    }

    /// Waits until a window has closed, and goes on in another.
    pub(crate) async fn leave(&self, closing: &str, next: &str) -> Result<(), Failure> {
        self.enter(next).await?;
        let closed = async || {
            let windows = self.windows().await.ok()?;
            (!windows.iter().any(|window| window == closing)).then_some(())
        };
        self.until("window that closes", closed).await
    }

    /// Waits until an element is there.
    pub(crate) async fn see(&self, what: Find<'_>) -> Result<(), Failure> {
        let query = what.query();
        self.until(&format!("{what:?}"), || self.element(&query))
            .await
            .map(drop)
    }

    /// Waits for a page of this site that shows a text, and returns its URL.
    pub(crate) async fn read(&self, site: &str, text: &str) -> Result<String, Failure> {
        self.until(&format!("`{text}` on {site}"), || async {
            let url = self.location().await.ok()?;
            let body = self.visible_text().await.ok()?;
            (url.starts_with(site) && body.contains(text)).then_some(url)
        })
        .await
    }

    /// Keeps a picture of the window under `target/screenshots`.
    pub(crate) async fn picture(&self, name: &str) -> Result<(), Failure> {
        let picture = self.query("/screenshot").await?;
        let picture = STANDARD.decode_to_vec(picture.as_str().unwrap_or_default())?;
        fs::write(output("screenshots")?.join(format!("{name}.png")), picture)?;
        Ok(())
    }

    async fn location(&self) -> Result<String, Failure> {
        Ok(self
            .query("/url")
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    async fn visible_text(&self) -> Result<String, Failure> {
        Ok(self
            .run("return document.body.innerText")
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    async fn element(&self, query: &Value) -> Option<String> {
        let found = self.command("/element", query.clone()).await.ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let looking = async {
            loop {
                match look().await {
                    Some(found) => return found,
                    None => pause(GLANCE).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => Ok(found),
            Err(_) => {
                let (url, text) = (self.location().await?, self.visible_text().await?);
                Err(format!(
                    "no {what} within {} s; the window shows {url}:\n{text}",
                    PATIENCE.as_secs()
                )
                .into())
            }
        }
    }

    async fn command(&self, path: &str, parameters: Value) -> Result<Value, Failure> {
        let request = self
            .http
            .post(format!("{}{path}", self.session))
            .body(parameters.to_string());
        Self::value(request.send().await?).await
    }

    async fn query(&self, path: &str) -> Result<Value, Failure> {
        Self::value(
            self.http
                .get(format!("{}{path}", self.session))
                .send()
                .await?,
        )
        .await
    }

    async fn value(response: reqwest::Response) -> Result<Value, Failure> {
        let mut answer: Value = serde_json::from_str(&response.text().await?)?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["message"]).into()),
            None => Ok(value),
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // chromedriver would close it in its own time, which a failed test does not give it.
        if let Some(process) = self.process {
            drop(Command::new("kill").arg(process.to_string()).status());
        }
    }
}

impl Find<'_> {
    fn query(self) -> Value {
        match self {
            Self::Css(selector) => json!({ "using": "css selector", "value": selector }),
            Self::Control(text) => {
                let paths = format!(
                    "//a[normalize-space()='{text}'] | //button[normalize-space()='{text}'] | //input[@value='{text}']"
                );
                json!({ "using": "xpath", "value": paths })
            }
        }
    }
}
