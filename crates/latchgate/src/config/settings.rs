//! Settings as text, from the environment or a TOML table, and the gate they make.

mod lifetimes;

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ConfigError, Problem};
use crate::authorization::{LoginOptions, Prompt};
use crate::builder::{GateBuilder, Provider, Ready};
use crate::client::{ClientAuth, ClientSecret, ResponseMode, UserinfoPolicy};
use crate::gate::Gate;
use crate::logout::ClearSiteData;
use crate::provider::{ClaimPath, ProviderPreset};
use crate::seal::SessionKey;
use crate::session::{MemoryStore, SessionStore, StoreOpener};

/// Settings as text, from the environment or a TOML table, before they make a gate.
///
/// [`Gate::from_env`] and [`Gate::from_toml`] are the short way. This is the long one, for stores
/// that are crates of their own and for what only code can say:
///
/// ```
/// use latchgate::Settings;
///
/// # let table = r#"
/// #     base_url = "http://127.0.0.1:3000"
/// #     issuer = "https://login.example.com/"
/// #     client_id = "my-app"
/// #     client_secret = "s3cret"
/// # "#;
/// let gate = Settings::from_toml(table)?
///     .with_env()?
///     .stores(&[/* latchgate_redis::open, latchgate_postgres::open */])
///     .builder()?
///     .cookie_name("my-app")
///     .build()?;
/// # Ok::<(), latchgate::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Settings {
    /// By name. Empty values count as missing.
    values: BTreeMap<String, String>,
    stores: Vec<StoreOpener>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("names", &self.values.keys())
            .finish_non_exhaustive()
    }
}

/// Every setting there is. The environment variable is the name in capitals after `LATCHGATE_`.
pub(super) const NAMES: [&str; 38] = [
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
    "revocations",
    "userinfo",
    "par",
    "dpop",
    "session_idle",
    "session_absolute",
    "session_ceiling",
    "remember",
    "ca_file",
    "preset",
    "role_claim",
    "permission_claim",
    "prompt",
    "max_age",
    "acr_values",
    "ui_locales",
    "login_path",
    "callback_path",
    "logout_path",
    "backchannel_logout_path",
    "frontchannel_logout_path",
    "clear_site_data",
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
    /// The settings of the environment: `LATCHGATE_BASE_URL` and so on.
    ///
    /// # Errors
    ///
    /// A variable that is no text.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name))
    }

    /// These settings, overruled by those of the environment.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_env`].
    pub fn with_env(mut self) -> Result<Self, ConfigError> {
        let more = Self::from_env()?.values.into_iter();
        self.values
            .extend(more.filter(|(_, value)| !value.trim().is_empty()));
        Ok(self)
    }

    /// The stores that the settings `store` and `revocations` may name by their URLs, besides
    /// `cookie` and `memory`.
    pub fn stores(mut self, openers: &[StoreOpener]) -> Self {
        self.stores.extend_from_slice(openers);
        self
    }

    /// Builds the gate, without the network.
    ///
    /// # Errors
    ///
    /// The first setting that is missing, malformed or contradicts another.
    pub fn build(&self) -> Result<Gate, ConfigError> {
        self.builder()?.build()
    }

    fn from_variables(
        variable: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, ConfigError> {
        let mut settings = BTreeMap::new();
        for name in NAMES {
            match variable(&format!("LATCHGATE_{}", name.to_uppercase())) {
                Ok(value) => drop(settings.insert(name.to_owned(), value)),
                Err(VarError::NotPresent) => {}
                Err(VarError::NotUnicode(_)) => {
                    return Err(ConfigError::new(name, Problem::NotText));
                }
            }
        }
        Ok(Self {
            values: settings,
            stores: Vec::new(),
        })
    }

    /// The settings of a TOML table, by their names in lower case.
    ///
    /// # Errors
    ///
    /// A setting that is unknown or no text.
    pub fn from_toml(table: &str) -> Result<Self, ConfigError> {
        // The parser's own error would show the whole table, secrets and all, in its `Debug`.
        let unreadable = |message| ConfigError::new("toml", Problem::Toml { message });
        let table: toml::Table =
            toml::from_str(table).map_err(|problem| unreadable(problem.message().to_owned()))?;
        let mut settings = BTreeMap::new();
        for (name, value) in table {
            let Some(known) = NAMES.iter().find(|known| **known == name) else {
                let names = NAMES.join(", ");
                let message = format!("unknown setting `{name}`; known are: {names}");
                return Err(unreadable(message));
            };
            let toml::Value::String(text) = value else {
                return Err(ConfigError::new(known, Problem::NotAString));
            };
            settings.insert(name, text);
        }
        Ok(Self {
            values: settings,
            stores: Vec::new(),
        })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values
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

    /// Starts to build a gate with these settings, for knobs that only code can turn.
    ///
    /// # Errors
    ///
    /// As [`Settings::build`].
    pub fn builder(&self) -> Result<GateBuilder<Ready>, ConfigError> {
        let provider = self.provider()?;
        let mut builder = Gate::builder()
            .base_url(self.require("base_url")?)
            .provider(provider)
            .session_keys(self.session_keys()?);
        builder = self.lifetimes(builder)?;
        if let Some(path) = self.get("login_path") {
            builder = builder.login_path(path);
        }
        if let Some(path) = self.get("callback_path") {
            builder = builder.callback_path(path);
        }
        if let Some(path) = self.get("logout_path") {
            builder = builder.logout_path(path);
        }
        if let Some(path) = self.get("backchannel_logout_path") {
            builder = builder.back_channel_logout_path(path);
        }
        if let Some(path) = self.get("frontchannel_logout_path") {
            builder = builder.front_channel_logout_path(path);
        }
        if let Some(kinds) = self.get("clear_site_data") {
            let accepted = "cache, storage, or both with a comma between them";
            let kinds = ClearSiteData::parse_list(kinds).ok_or(ConfigError::new(
                "clear_site_data",
                Problem::Word { accepted },
            ))?;
            builder = builder.clear_site_data(kinds);
        }
        if let Some(path) = self.get("after_logout_path") {
            builder = builder.after_logout_path(path);
        }
        if let Some(path) = self.get("ca_file") {
            let pem = std::fs::read(path)
                .map_err(|problem| ConfigError::new("ca_file", Problem::File(problem)))?;
            builder = builder.extra_roots(pem);
        }
        if let Some(store) = self.store("store")? {
            builder = builder.store_opened(store);
        }
        if let Some(store) = self.store("revocations")? {
            builder = builder.revocations_opened(store);
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
        Ok(builder)
    }

    /// The store that a setting names; `None` for the cookie.
    fn store(&self, name: &'static str) -> Result<Option<Arc<dyn SessionStore>>, ConfigError> {
        let url = match self.get(name) {
            None | Some("cookie") => return Ok(None),
            Some("memory") => return Ok(Some(Arc::new(MemoryStore::default()))),
            Some(url) => url,
        };
        match self.stores.iter().find_map(|open| open(url)) {
            Some(Ok(store)) => Ok(Some(store)),
            Some(Err(problem)) => Err(ConfigError::new(name, Problem::Store(problem))),
            None if ["redis", "valkey", "postgres"]
                .iter()
                .any(|scheme| url.starts_with(scheme)) =>
            {
                Err(ConfigError::new(name, Problem::StoreElsewhere))
            }
            None => {
                let accepted = "cookie, memory, redis://…, postgres://…";
                Err(ConfigError::new(name, Problem::Word { accepted }))
            }
        }
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
        provider = provider.login_options(self.login_options()?);
        if let Some(path) = self.claim_path("role_claim")? {
            provider = provider.role_claim(path);
        }
        if let Some(path) = self.claim_path("permission_claim")? {
            provider = provider.permission_claim(path);
        }
        Ok(provider)
    }

    /// What every login asks for.
    fn login_options(&self) -> Result<LoginOptions, ConfigError> {
        let mut options = LoginOptions::new();
        let prompts = [
            ("none", Prompt::None),
            ("login", Prompt::Login),
            ("consent", Prompt::Consent),
            ("select_account", Prompt::SelectAccount),
            ("create", Prompt::Create),
        ];
        let accepted = "none, login, consent, select_account, create";
        if let Some(prompt) = self.word("prompt", accepted, &prompts)? {
            options = options.prompt(prompt);
        }
        if let Some(age) = self.duration("max_age")? {
            options = options.max_age(age);
        }
        if let Some(values) = self.get("acr_values") {
            options = options.acr_values(values);
        }
        if let Some(locales) = self.get("ui_locales") {
            options = options.ui_locales(locales);
        }
        Ok(options)
    }

    fn client_auth(&self) -> Result<ClientAuth, ConfigError> {
        let secret = self
            .values
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
        // `parse` would take a sign as well.
        let unsigned = digits.starts_with(|c: char| c.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| unsigned).ok_or_else(wrong)?;
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

#[cfg(test)]
mod tests;
