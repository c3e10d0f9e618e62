//! Settings as text, from the environment or a TOML table, and the builder they fill.

mod api;
mod client_auth;
mod encryption;
mod front_door;
mod gate;
mod plain_oauth2;
mod providers;
mod reading;
mod words;

use std::ffi::OsString;
use std::fmt;

use crate::config::{ConfigError, Mistake, Mistakes, PREFIX, Problem, Setting, variable};
use crate::gate::Gate;
use crate::store::StoreOpener;

use reading::{Reading, Values};

/// Settings as text, from the environment or a TOML table, before they make a gate.
///
/// [`Gate::from_env`] and [`Gate::from_toml`] are the short way. Use `Settings` for stores from other
/// crates, and for options that exist in code only. Mistakes are collected, and reported together when
/// the gate is built.
///
/// ```no_run
/// use latchgate::Settings;
///
/// # let table = r#"
/// #     base_url = "http://127.0.0.1:3000"
/// #     issuer = "https://login.example.com/"
/// #     client_id = "my-app"
/// #     client_secret = "s3cret"
/// # "#;
/// let gate = Settings::from_toml(table)
///     .with_env()
///     .stores(&[/* latchgate_redis::open, latchgate_postgres::open */])
///     .builder()
///     .cookie_name("my-app")
///     .build()?;
/// # Ok::<(), latchgate::ConfigError>(())
/// ```
///
/// # All settings
///
/// A value that is empty counts as missing. White space around a value is ignored, except in the client
/// secret. A variable that begins with `LATCHGATE_`, or a key, that is not in this table is a mistake.
///
#[doc = include_str!("table.md")]
#[derive(Clone, Default)]
#[must_use]
pub struct Settings {
    /// By name. Empty values count as missing.
    values: Values,
    /// Those of each provider, if there are several.
    providers: Vec<(String, Values)>,
    mistakes: Mistakes,
    stores: Vec<StoreOpener>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("names", &self.values.keys())
            .field("mistakes", &self.mistakes)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings of the environment: `LATCHGATE_BASE_URL` and so on. An unknown variable that begins
    /// with `LATCHGATE_` is a mistake.
    pub fn from_env() -> Self {
        Self::from_variables(std::env::vars_os())
    }

    /// These settings, overridden by those of the environment.
    pub fn with_env(mut self) -> Self {
        let env = Self::from_env();
        let given = env.values.into_iter();
        self.values
            .extend(given.filter(|(_, value)| !value.trim().is_empty()));
        self.override_providers(env.providers);
        self.mistakes.extend(env.mistakes);
        self
    }

    /// Whether nothing is set, not even wrongly.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.providers.is_empty() && self.mistakes.is_empty()
    }

    /// The stores that the settings `store`, `revocations` and `api_dpop_proofs` may name by their URLs, besides
    /// `cookie` and `memory`.
    pub fn stores(mut self, openers: &[StoreOpener]) -> Self {
        self.stores.extend_from_slice(openers);
        self
    }

    /// Builds the gate, without the network.
    ///
    /// # Errors
    ///
    /// Every setting that is unknown, missing, malformed or contradicts another.
    pub fn build(&self) -> Result<Gate, ConfigError> {
        self.builder().build()
    }

    fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut settings = Self::default();
        let variables: Vec<_> = variables.into_iter().collect();
        let listed = variables
            .iter()
            .find(|(given, _)| *given == *variable("providers"));
        if let Some(list) = listed.and_then(|(_, list)| list.to_str()) {
            settings.list_providers(list);
        }
        for (given, value) in variables {
            // A name that is not text is compared by the part of it that is.
            let given = given.to_string_lossy();
            let (prefix, name) = given.split_at_checked(PREFIX.len()).unwrap_or_default();
            if !prefix.eq_ignore_ascii_case(PREFIX) {
                continue;
            }
            let setting = Setting::named(&name.to_lowercase());
            let setting = setting.map(|setting| setting.name);
            match (
                setting.filter(|name| given == variable(name)),
                value.into_string(),
            ) {
                (Some("providers"), Ok(_)) => {}
                (Some(name), Ok(value)) => drop(settings.values.insert(name, value)),
                (Some(name), Err(_)) => settings.wrong(name, Problem::NotText),
                (None, Ok(value)) if settings.read_provider_variable(&given, &value) => {}
                (None, _) => settings.wrong(given.to_string(), Problem::unknown(name, variable)),
            }
        }
        settings
    }

    /// The settings of a TOML table, by their keys.
    pub fn from_toml(table: &str) -> Self {
        Self::from_parsed(parsed(table))
    }

    /// The settings of one table of a TOML document, such as the application's configuration file: `latchgate`, or
    /// `web.login` for a table within another. A document without it is a mistake.
    ///
    /// ```
    /// use latchgate::Settings;
    ///
    /// let document = r#"
    ///     port = 3000
    ///     [latchgate]
    ///     base_url = "http://127.0.0.1:3000"
    ///     issuer = "https://login.example.com/"
    ///     client_id = "my-app"
    ///     client_secret = "s3cret"
    /// "#;
    /// let gate = Settings::from_toml_table(document, "latchgate").build()?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    pub fn from_toml_table(document: &str, table: &str) -> Self {
        let missing = || {
            let message = format!("the document has no table `[{table}]`");
            Mistake::new("toml", Problem::Toml { message })
        };
        let found = parsed(document).and_then(|document| {
            let mut found = document;
            for name in table.split('.') {
                match found.remove(name) {
                    Some(toml::Value::Table(inner)) => found = inner,
                    _ => return Err(missing()),
                }
            }
            Ok(found)
        });
        Self::from_parsed(found)
    }

    fn from_parsed(table: Result<toml::Table, Mistake>) -> Self {
        let mut settings = Self::default();
        let table = settings.mistakes.keep(table).unwrap_or_default();
        settings.values = settings.read_table(table, None);
        settings
    }

    fn wrong(&mut self, setting: impl Into<std::borrow::Cow<'static, str>>, problem: Problem) {
        self.mistakes.add(setting, problem);
    }

    fn reading(&self) -> Reading<'_> {
        Reading::new(&self.values, self.mistakes.clone())
    }
}

fn parsed(text: &str) -> Result<toml::Table, Mistake> {
    // The parser's own error would show the whole text, secrets and all.
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let message = error.message().to_owned();
        Mistake::new("toml", Problem::Toml { message })
    })
}

#[cfg(test)]
mod tests;
