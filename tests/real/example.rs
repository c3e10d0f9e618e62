//! The example servers, started as anybody would start them: a binary and environment variables.

use std::process::Command;
use std::time::Duration;

use crate::case::Failure;
use crate::child::{Server, free_port};
use crate::need::place;
use latchgate_tests::browser::Browser;

/// A server that does not start has said so within this time.
const REFUSAL: Duration = Duration::from_secs(10);

/// Both example servers; every case meets each.
pub(crate) const BOTH: [Example; 2] = [
    Example {
        name: "axum",
        variable: "LATCHGATE_TEST_AXUM_LOGIN",
        ready: "/healthz",
    },
    Example {
        name: "actix",
        variable: "LATCHGATE_TEST_ACTIX_LOGIN",
        ready: "/healthz",
    },
];

/// What `cargo demo` runs.
pub(crate) const QUICKSTART: Example = Example {
    name: "quickstart",
    variable: "LATCHGATE_TEST_QUICKSTART",
    ready: "/",
};

/// The single-page application.
pub(crate) const SPA: Example = Example {
    name: "axum-spa",
    variable: "LATCHGATE_TEST_AXUM_SPA",
    ready: "/",
};

/// The relying party for the conformance suite.
pub(crate) const CONFORMANCE_RP: Example = Example {
    name: "conformance-rp",
    variable: "LATCHGATE_TEST_CONFORMANCE_RP",
    ready: "/",
};

/// An example server.
#[derive(Clone, Copy)]
pub(crate) struct Example {
    pub(crate) name: &'static str,
    variable: &'static str,
    /// The page that answers once it has started.
    ready: &'static str,
}

/// Where a server will listen: known before it starts, because a provider registers it first.
pub(crate) struct Address {
    port: u16,
    /// `http://127.0.0.1:<port>`, of this server or of the first of several that share it.
    pub(crate) base_url: String,
}

/// An example server that answers.
pub(crate) struct Running {
    pub(crate) base_url: String,
    server: Server,
}

impl Address {
    pub(crate) fn free() -> Result<Self, Failure> {
        let port = free_port()?;
        Ok(Self {
            port,
            base_url: format!("http://127.0.0.1:{port}"),
        })
    }

    /// The address of another server behind the same base URL.
    pub(crate) fn beside(&self) -> Result<Self, Failure> {
        Ok(Self {
            port: free_port()?,
            base_url: self.base_url.clone(),
        })
    }

    /// Where this server itself listens.
    pub(crate) fn own(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Example {
    /// What it prints when it does not start, with nothing set but these variables.
    pub(crate) async fn refusal(self, variables: &[(&str, &str)]) -> Result<String, Failure> {
        let mut command = tokio::process::Command::new(place(self.variable)?);
        let ours = |name: &str| name.starts_with("LATCHGATE_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        let address = Address::free()?;
        command.env("PORT", address.port.to_string());
        command.envs(variables.iter().copied()).kill_on_drop(true);
        let ended = tokio::time::timeout(REFUSAL, command.output()).await;
        let output = ended.map_err(|_| format!("it started with {variables:?}"))??;
        ensure!(!output.status.success(), "it succeeded with {variables:?}");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Starts it with these variables, and waits until it answers.
    pub(crate) async fn start(
        self,
        address: &Address,
        variables: &[(&str, &str)],
    ) -> Result<Running, Failure> {
        let base_url = address.base_url.clone();
        let mut command = Command::new(place(self.variable)?);
        command.env("PORT", address.port.to_string());
        // Without any variable it is a demo, with a provider of its own.
        if !variables.is_empty() {
            command.env("LATCHGATE_BASE_URL", &base_url);
            command.envs(variables.iter().copied());
        }
        let mut server = Server::spawn(self.name, &mut command)?;
        let page = format!("{}{}", address.own(), self.ready);
        server
            .until(&format!("answer from {page}"), |_| ready(page.clone()))
            .await?;
        Ok(Running { base_url, server })
    }
}

impl Running {
    /// The URL of one of its pages.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// What it has logged, for failures.
    pub(crate) fn said(&self) -> String {
        self.server.said()
    }
}

async fn ready(page: String) -> Option<()> {
    let page = Browser::new().ok()?.fetch("GET", &page).await.ok()?;
    (page.status == 200).then_some(())
}
