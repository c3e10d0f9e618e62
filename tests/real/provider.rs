//! npm `oidc-provider`, started on loopback for one case.

use std::path::{Path, PathBuf};
use std::process::Command;

use latchgate::{ClientKey, DecryptionKey};
use latchgate_tests::Authority;
use serde_json::Value;
use url::Url;

use crate::case::Failure;
use crate::child::{Server, file_of_case};
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
    /// How ID tokens and userinfo are encrypted, if they are.
    pub(crate) encryption: Option<Encryption>,
}

/// What ID tokens and userinfo are encrypted with.
#[derive(Clone, Copy)]
pub(crate) struct Encryption {
    pub(crate) alg: &'static str,
    pub(crate) enc: &'static str,
    /// The path of the client's private key.
    pub(crate) key: &'static str,
}

impl Registration {
    /// Whether the client has [`CLIENT_KEY`].
    pub(crate) fn has_key(&self) -> bool {
        self.client_auth == "private_key_jwt"
    }

    /// Whether the client has a secret.
    pub(crate) fn has_secret(&self) -> bool {
        self.client_auth.starts_with("client_secret")
    }

    /// Whether the client presents a certificate, to which its tokens are bound.
    pub(crate) fn has_certificate(&self) -> bool {
        self.client_auth == "tls_client_auth"
    }
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
            encryption: None,
        }
    }
}

/// An RSA key of the client's.
pub(crate) const RSA_KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/latchgate/src/jose/private_key/tests/rsa.pkcs8.pem"
);

/// A running provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// The folder with `ca.pem` and `client.pem`, if there are certificates.
    pub(crate) certificates: Option<PathBuf>,
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
            command.env("FAPI", fapi);
        }
        if registration.has_key() {
            let key = ClientKey::from_pem(std::fs::read(CLIENT_KEY)?)?;
            command.env("CLIENT_JWK", key.public_jwk());
        }
        if let Some(Encryption { alg, enc, key }) = registration.encryption {
            let key = DecryptionKey::from_pem(std::fs::read(key)?)?;
            command
                .env("ENCRYPTION", format!("{alg} {enc}"))
                .env("DECRYPTION_JWK", key.public_jwk());
        }
        let certificates = match registration.has_certificate() {
            true => Some(certificates(&file_of_case("certificates")?)?),
            false => None,
        };
        if let Some(folder) = &certificates {
            command.env("TLS_FOLDER", folder);
        }
        let mut server = Server::spawn("oidc-provider", &mut command)?;
        let issuer = server
            .until("issuer line", |said| async move { issuer(&said) })
            .await?;
        Ok(Self {
            issuer,
            certificates,
            server,
        })
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

/// Writes the certificates of an authority, of the provider and of the client into a folder.
fn certificates(folder: &Path) -> Result<PathBuf, Failure> {
    let authority = Authority::new()?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("ca.pem"), authority.pem())?;
    for (file, name) in [("server.pem", "127.0.0.1"), ("client.pem", "latchgate")] {
        let issued = authority.issue(name)?;
        let text = format!("{}{}", issued.pem, issued.key.serialize_pem());
        std::fs::write(folder.join(file), text)?;
    }
    Ok(folder.to_owned())
}

fn issuer(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with('{'))?;
    let value: Value = serde_json::from_str(line).ok()?;
    Some(value["issuer"].as_str()?.to_owned())
}
