//! npm `oidc-provider`, started on loopback for one case.

use std::process::Command;

use latchgate::ClientKey;
use serde_json::Value;
use url::Url;

use crate::case::Failure;
use crate::child::Server;
use crate::need::place;

/// The secret of the client that `server.mjs` registers.
pub(crate) const CLIENT_SECRET: &str = "latchgate-secret-of-at-least-32-bytes";

/// How the client is registered there.
#[derive(Clone, Copy)]
pub(crate) struct Registration {
    pub(crate) client_auth: &'static str,
    pub(crate) id_token_alg: &'static str,
    /// What access tokens for the application's API are: `jwt` or `opaque`.
    pub(crate) access_tokens: &'static str,
    /// What of FAPI 2.0 the provider demands; the client then has [`CLIENT_KEY`].
    pub(crate) fapi: Option<&'static str>,
}

/// The private key of the client, where it has one.
pub(crate) const CLIENT_KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem"
);

impl Default for Registration {
    fn default() -> Self {
        Self {
            client_auth: "client_secret_basic",
            id_token_alg: "RS256",
            access_tokens: "jwt",
            fapi: None,
        }
    }
}

/// A running provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    server: Server,
}

impl Provider {
    /// Starts it for one application.
    pub(crate) async fn start(base_url: &str, registration: Registration) -> Result<Self, Failure> {
        let mut command = Command::new(place("LATCHGATE_TEST_NODE")?);
        command
            .args(["server.mjs", "--exit-with-stdin"])
            .current_dir(place("LATCHGATE_TEST_OIDC_PROVIDER")?)
            .env("PORT", "0")
            .env("RP_BASE_URL", base_url)
            .env("CLIENT_AUTH", registration.client_auth)
            .env("ID_TOKEN_ALG", registration.id_token_alg)
            .env("ACCESS_TOKENS", registration.access_tokens);
        if let Some(fapi) = registration.fapi {
            let key = ClientKey::from_pem(std::fs::read(CLIENT_KEY)?)?;
            command
                .env("FAPI", fapi)
                .env("CLIENT_JWK", key.public_jwk());
        }
        let mut server = Server::spawn("oidc-provider", &mut command)?;
        let issuer = server
            .until("issuer line", |said| async move { issuer(&said) })
            .await?;
        Ok(Self { issuer, server })
    }

    /// Whether a page is the provider's.
    pub(crate) fn owns(&self, page: &Url) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| issuer.origin() == page.origin())
    }

    /// Its metadata, as anybody can read it.
    pub(crate) async fn metadata(&self) -> Result<Value, Failure> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let document = format!("{}/.well-known/openid-configuration", self.issuer);
        Ok(serde_json::from_str(
            &client.get(document).send().await?.text().await?,
        )?)
    }

    /// Whose access token this is, as its userinfo endpoint says.
    pub(crate) async fn subject_of(&self, access_token: &str) -> Result<String, Failure> {
        let endpoint = self.metadata().await?["userinfo_endpoint"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let response = client
            .get(endpoint)
            .bearer_auth(access_token)
            .send()
            .await?;
        let status = response.status();
        let body = response.text().await?;
        let claims: Value = serde_json::from_str(&body)
            .map_err(|error| format!("userinfo: {status} {body}: {error}"))?;
        Ok(claims["sub"]
            .as_str()
            .ok_or_else(|| format!("userinfo: {status} {body}"))?
            .to_owned())
    }

    /// What it complained about, for failures.
    pub(crate) fn complaints(&self) -> String {
        let said = self.server.said();
        said.lines()
            .filter(|line| line.contains("error"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn issuer(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with('{'))?;
    let value: Value = serde_json::from_str(line).ok()?;
    Some(value["issuer"].as_str()?.to_owned())
}
