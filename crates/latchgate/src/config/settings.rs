//! Settings as text, from the environment or a TOML table, and the gate they make.

mod lifetimes;
mod reading;

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::time::Duration;

use super::{ConfigError, Problem};
use crate::gate::Gate;
use crate::session::StoreOpener;

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
pub(super) const NAMES: [&str; 40] = [
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
    "cookie_name",
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
    "base_path",
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
