//! Configuration from the environment or a TOML table, and what can be wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::authorization::ParameterError;
use crate::builder::Provider;
use crate::client::{ClientAuth, ClientSecret, ResponseMode, UserinfoPolicy};
use crate::gate::Gate;
use crate::jose::Algorithm;
use crate::outside::{RandomError, ReqwestClientError};
use crate::provider::{ClaimPath, ClaimPathError, IssuerError, ProviderPreset};
use crate::seal::{KeyError, SessionKey};
use crate::session::MemoryStore;

/// One setting that is missing, malformed, or contradicts another.
#[derive(Debug)]
pub struct ConfigError {
    setting: &'static str,
    problem: Problem,
}

/// What is wrong with a setting.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It is required.
    Missing,
    /// It is not an absolute URL.
    NotAUrl,
    /// It is plain http to a host that is not loopback.
    NotHttps,
    /// It has a query, a fragment or a user name.
    Decorated,
    /// The issuer is not one.
    Issuer(IssuerError),
    /// Nobody said how the client authenticates.
    NoClientAuth,
    /// A client secret is given to a client that uses none.
    SecretWithoutUse,
    /// It is none of the accepted words.
    Word {
        /// The words that are accepted.
        accepted: &'static str,
    },
    /// It needs a part of this crate that this version does not have.
    NotInThisVersion,
    /// The scope lacks `openid`.
    NoOpenidScope,
    /// It is not an absolute URI without fragment.
    Resource,
    /// A parameter cannot be set by hand.
    Parameter(ParameterError),
    /// An HMAC algorithm needs a client secret.
    SymmetricWithoutSecret,
    /// It is no signature algorithm.
    Algorithm(<Algorithm as std::str::FromStr>::Err),
    /// A session key is unusable.
    Key {
        /// Which one, counted from 1.
        position: usize,
        /// Why.
        problem: KeyError,
    },
    /// An application that is reachable from elsewhere needs keys that outlive the process.
    NoSessionKeys,
    /// It is no duration.
    Duration,
    /// The idle lifetime is zero or longer than the absolute one.
    Lifetimes,
    /// It is longer than 60 seconds.
    Leeway,
    /// It is no plain absolute path.
    Path,
    /// Two routes have the same path.
    Collision,
    /// It is no cookie name.
    CookieName,
    /// It is no claim path.
    ClaimPath(ClaimPathError),
    /// The file cannot be read.
    File(std::io::Error),
    /// The value is not Unicode text.
    NotText,
    /// The HTTP client cannot be built.
    HttpClient(ReqwestClientError),
    /// The random generator failed.
    Random(RandomError),
    /// The TOML text cannot be read.
    Toml(toml::de::Error),
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: Problem) -> Self {
        Self { setting, problem }
    }

    /// The setting by its TOML and builder name, such as `client_secret`; its environment variable
    /// is `LATCHGATE_CLIENT_SECRET`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` (LATCHGATE_{}) {}",
            self.setting,
            self.setting.to_uppercase(),
            self.problem
        )
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::File(source) => Some(source),
            Problem::HttpClient(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required but missing or empty"),
            Self::NotAUrl => f.write_str("is not an absolute URL; write it like `https://app.example.com`"),
            Self::NotHttps => f.write_str("is not https; plain http is accepted on loopback only (127.0.0.1, [::1], localhost)"),
            Self::Decorated => f.write_str("has a query, a fragment or a user name; it is scheme, host, port and path only"),
            Self::Issuer(problem) => problem.fmt(f),
            Self::NoClientAuth => f.write_str("is missing; give the secret, or declare a public client by `client_auth = none`"),
            Self::SecretWithoutUse => f.write_str("is set although `client_auth` is `none`; remove one of them"),
            Self::Word { accepted } => write!(f, "is none of: {accepted}"),
            Self::NotInThisVersion => f.write_str("asks for something this version of latchgate does not do yet"),
            Self::NoOpenidScope => f.write_str("lacks `openid`, without which there is no login; the default is `openid profile email`"),
            Self::Resource => f.write_str("is not an absolute URI without fragment (RFC 8707 §2)"),
            Self::Parameter(problem) => problem.fmt(f),
            Self::SymmetricWithoutSecret => f.write_str("is an HMAC algorithm, which needs a client secret"),
            Self::Algorithm(problem) => problem.fmt(f),
            Self::Key { position, problem } => write!(f, "has an unusable key at position {position}: {problem}"),
            Self::NoSessionKeys => f.write_str("is required when the application is not on loopback; make one with `openssl rand -base64 32`"),
            Self::Duration => f.write_str("is not a duration; write a whole number and s, m, h or d, such as `30m` or `12h`"),
            Self::Lifetimes => f.write_str("must be at least one second and at most `session_absolute`"),
            Self::Leeway => f.write_str("is longer than 60 seconds"),
            Self::Path => f.write_str("is not a plain absolute path such as `/login`"),
            Self::Collision => f.write_str("is the path of another route as well; every route needs its own"),
            Self::CookieName => f.write_str("is not 1 to 64 letters, digits, `-` or `_`; the `__Host-` prefix is added where it applies"),
            Self::ClaimPath(problem) => problem.fmt(f),
            Self::File(_) => f.write_str("names a file that cannot be read"),
            Self::NotText => f.write_str("is not valid UTF-8"),
            Self::HttpClient(problem) => problem.fmt(f),
            Self::Random(problem) => problem.fmt(f),
            Self::Toml(problem) => write!(f, "cannot be read: {}", problem.message()),
        }
    }
}

/// The settings as text, by name. Empty values count as missing.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
struct Settings(BTreeMap<String, String>);

/// Every setting there is. The environment variable is the name in capitals after `LATCHGATE_`.
const NAMES: [&str; 28] = [
    "base_url",
    "issuer",
    "client_id",
    "client_secret",
    "client_auth",
    "client_key_file",
    "client_cert_file",
    "scopes",
    "audience",
    "resource",
    "response_mode",
    "id_token_alg",
    "trusted_audiences",
    "session_keys",
    "store",
    "userinfo",
    "par",
    "dpop",
    "session_idle",
    "session_absolute",
    "ca_file",
    "preset",
    "role_claim",
    "permission_claim",
    "login_path",
    "callback_path",
    "logout_path",
    "after_logout_path",
];

impl Gate {
    /// Builds a gate from environment variables, `LATCHGATE_BASE_URL` and so on. The README lists
    /// them all.
    ///
    /// # Errors
    ///
    /// The first variable that is missing, malformed or contradicts another.
    pub fn from_env() -> Result<Self, ConfigError> {
        Settings::from_env()?.build()
    }

    /// Builds a gate from a TOML table with the same settings in lower case:
    ///
    /// ```
    /// let gate = latchgate::Gate::from_toml(r#"
    ///     base_url = "https://app.example.com"
    ///     issuer = "https://login.example.com/"
    ///     client_id = "my-app"
    ///     client_secret = "s3cret"
    ///     session_keys = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    /// "#)?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first setting that is unknown, missing, malformed or contradicts another.
    pub fn from_toml(table: &str) -> Result<Self, ConfigError> {
        Settings::from_toml(table)?.build()
    }
}

impl Settings {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    fn from_env() -> Result<Self, ConfigError> {
        let mut settings = BTreeMap::new();
        for name in NAMES {
            match std::env::var(format!("LATCHGATE_{}", name.to_uppercase())) {
                Ok(value) => drop(settings.insert(name.to_owned(), value)),
                Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(ConfigError::new(name, Problem::NotText));
                }
            }
        }
        Ok(Self(settings))
    }

    fn from_toml(table: &str) -> Result<Self, ConfigError> {
        let unreadable = |problem| ConfigError::new("toml", Problem::Toml(problem));
        let settings: Self = toml::from_str(table).map_err(unreadable)?;
        match settings
            .0
            .keys()
            .find(|name| !NAMES.contains(&name.as_str()))
        {
            Some(unknown) => {
                let problem = serde::de::Error::custom(format!(
                    "unknown setting `{unknown}`; known are: {}",
                    NAMES.join(", ")
                ));
                Err(unreadable(problem))
            }
            None => Ok(settings),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn require(&self, name: &'static str) -> Result<&str, ConfigError> {
        self.get(name)
            .ok_or(ConfigError::new(name, Problem::Missing))
    }

    /// The meaning of one of a few words, or of none.
    fn word<T: Copy>(
        &self,
        name: &'static str,
        accepted: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(ConfigError::new(name, Problem::Word { accepted })),
        }
    }

    fn build(&self) -> Result<Gate, ConfigError> {
        let provider = self.provider()?;
        let mut builder = Gate::builder()
            .base_url(self.require("base_url")?)
            .provider(provider)
            .session_keys(self.session_keys()?)
            .session_lifetimes(
                self.duration("session_idle")?
                    .unwrap_or(Duration::from_secs(24 * 3600)),
                self.duration("session_absolute")?
                    .unwrap_or(Duration::from_secs(7 * 24 * 3600)),
            );
        if let Some(path) = self.get("login_path") {
            builder = builder.login_path(path);
        }
        if let Some(path) = self.get("callback_path") {
            builder = builder.callback_path(path);
        }
        if let Some(path) = self.get("logout_path") {
            builder = builder.logout_path(path);
        }
        if let Some(path) = self.get("after_logout_path") {
            builder = builder.after_logout_path(path);
        }
        if let Some(path) = self.get("ca_file") {
            let pem = std::fs::read(path)
                .map_err(|problem| ConfigError::new("ca_file", Problem::File(problem)))?;
            builder = builder.extra_roots(pem);
        }
        match self.get("store") {
            None | Some("cookie") => {}
            Some("memory") => builder = builder.store(MemoryStore::default()),
            Some(url) if url.starts_with("redis") || url.starts_with("postgres") => {
                return Err(ConfigError::new("store", Problem::NotInThisVersion));
            }
            Some(_) => {
                return Err(ConfigError::new(
                    "store",
                    Problem::Word {
                        accepted: "cookie, memory",
                    },
                ));
            }
        }
        for name in ["par", "dpop"] {
            let accepted = "auto, true, false";
            if self.word(
                name,
                accepted,
                &[("auto", false), ("false", false), ("true", true)],
            )? == Some(true)
            {
                return Err(ConfigError::new(name, Problem::NotInThisVersion));
            }
        }
        builder.build()
    }

    fn provider(&self) -> Result<Provider, ConfigError> {
        let mut provider = Provider::new(self.require("issuer")?, self.require("client_id")?)
            .client_auth(self.client_auth()?);
        if let Some(scopes) = self.get("scopes") {
            provider = provider.scopes(scopes.split_whitespace());
        }
        if let Some(audience) = self.get("audience") {
            provider = provider.audience(audience);
        }
        for resource in self.get("resource").unwrap_or_default().split_whitespace() {
            provider = provider.resource(resource);
        }
        for audience in self
            .get("trusted_audiences")
            .unwrap_or_default()
            .split_whitespace()
        {
            provider = provider.trusted_audience(audience);
        }
        if let Some(mode) = self.word(
            "response_mode",
            "query, form_post",
            &[
                ("query", ResponseMode::Query),
                ("form_post", ResponseMode::FormPost),
            ],
        )? {
            provider = provider.response_mode(mode);
        }
        if let Some(alg) = self.get("id_token_alg") {
            let alg = alg
                .parse()
                .map_err(|problem| ConfigError::new("id_token_alg", Problem::Algorithm(problem)))?;
            provider = provider.id_token_alg(alg);
        }
        if let Some(policy) = self.word(
            "userinfo",
            "true, false",
            &[
                ("true", UserinfoPolicy::AtLogin),
                ("false", UserinfoPolicy::Never),
            ],
        )? {
            provider = provider.userinfo(policy);
        }
        let presets = [
            ("plain", ProviderPreset::Plain),
            ("auth0", ProviderPreset::Auth0),
            ("keycloak", ProviderPreset::Keycloak),
            ("entra_id", ProviderPreset::EntraId),
            ("okta", ProviderPreset::Okta),
        ];
        if let Some(preset) =
            self.word("preset", "plain, auth0, keycloak, entra_id, okta", &presets)?
        {
            provider = provider.preset(preset);
        }
        if let Some(path) = self.claim_path("role_claim")? {
            provider = provider.role_claim(path);
        }
        if let Some(path) = self.claim_path("permission_claim")? {
            provider = provider.permission_claim(path);
        }
        Ok(provider)
    }

    fn client_auth(&self) -> Result<ClientAuth, ConfigError> {
        let secret = self
            .0
            .get("client_secret")
            .filter(|secret| !secret.is_empty())
            .cloned()
            .map(ClientSecret::new);
        let missing = ConfigError::new("client_secret", Problem::NoClientAuth);
        match (self.get("client_auth"), secret) {
            (None | Some("client_secret_basic"), Some(secret)) => {
                Ok(ClientAuth::ClientSecretBasic(secret))
            }
            (Some("client_secret_post"), Some(secret)) => Ok(ClientAuth::ClientSecretPost(secret)),
            (Some("none"), None) => Ok(ClientAuth::None),
            (Some("none"), Some(_)) => {
                Err(ConfigError::new("client_secret", Problem::SecretWithoutUse))
            }
            (None | Some("client_secret_basic" | "client_secret_post"), None) => Err(missing),
            (Some("client_secret_jwt" | "private_key_jwt" | "tls_client_auth"), _) => {
                Err(ConfigError::new("client_auth", Problem::NotInThisVersion))
            }
            (Some(_), _) => {
                let accepted = "client_secret_basic, client_secret_post, none";
                Err(ConfigError::new("client_auth", Problem::Word { accepted }))
            }
        }
    }

    fn session_keys(&self) -> Result<Vec<SessionKey>, ConfigError> {
        let Some(keys) = self.get("session_keys") else {
            return Ok(Vec::new());
        };
        keys.split(',')
            .enumerate()
            .map(|(index, key)| {
                SessionKey::from_base64(key.trim()).map_err(|problem| {
                    ConfigError::new(
                        "session_keys",
                        Problem::Key {
                            position: index + 1,
                            problem,
                        },
                    )
                })
            })
            .collect()
    }

    fn claim_path(&self, name: &'static str) -> Result<Option<ClaimPath>, ConfigError> {
        self.get(name)
            .map(|path| {
                path.parse()
                    .map_err(|problem| ConfigError::new(name, Problem::ClaimPath(problem)))
            })
            .transpose()
    }

    fn duration(&self, name: &'static str) -> Result<Option<Duration>, ConfigError> {
        let wrong = || ConfigError::new(name, Problem::Duration);
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let unit = match text.get(digits.len()..).map(str::trim) {
            Some("s") => 1,
            Some("m") => 60,
            Some("h") => 3_600,
            Some("d") => 86_400,
            _ => return Err(wrong()),
        };
        number
            .checked_mul(unit)
            .map(Duration::from_secs)
            .map(Some)
            .ok_or_else(wrong)
    }
}
