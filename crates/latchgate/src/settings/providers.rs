//! Several providers: a table for each, `[providers.github]`, or variables with its name in them,
//! `LATCHGATE_PROVIDER_GITHUB_CLIENT_ID`, for the names in `LATCHGATE_PROVIDERS`.
//!
//! The variables could be told apart without the list, but for two things: people choose among providers in an order,
//! which variables do not have, and a misspelt name would be a provider of its own.

use super::Settings;
use super::reading::Values;
use crate::config::{PREFIX, Problem, SETTINGS, Setting, variable};

/// What a variable of one provider's begins with, after [`PREFIX`].
const OF_ONE: &str = "PROVIDER_";

impl Settings {
    /// The providers that `LATCHGATE_PROVIDERS` lists, without their settings.
    pub(super) fn list_providers(&mut self, list: &str) {
        for name in list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !self.providers.iter().any(|(known, _)| known == name) {
                self.providers.push((name.to_owned(), Values::new()));
            }
        }
    }

    /// Reads a variable of one provider's. `false` if it is none.
    pub(super) fn read_provider_variable(&mut self, given: &str, value: &str) -> bool {
        let Some(rest) = given
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(OF_ONE))
        else {
            return false;
        };
        let places = 0..self.providers.len();
        let found = places.filter_map(|place| {
            let name = self.providers[place].0.to_uppercase().replace('-', "_");
            let setting = rest.strip_prefix(name.as_str())?.strip_prefix('_')?;
            Some((place, setting))
        });
        // Of `my` and `my-own`, the longer name is meant.
        let found = found.min_by_key(|(_, setting)| setting.len());
        let Some((place, setting)) = found else {
            let mut own = SETTINGS.iter().filter(|own| own.is_of_a_provider());
            let of_nobody = own.any(|own| rest.ends_with(&format!("_{}", own.name.to_uppercase())));
            let problem = match of_nobody {
                true => Problem::UnlistedProvider,
                false => Problem::unknown(rest, variable),
            };
            self.wrong(given.to_owned(), problem);
            return true;
        };
        let name = self.providers[place].0.clone();
        let own = Setting::named(&setting.to_lowercase()).filter(|own| own.is_of_a_provider());
        match own {
            Some(own) => drop(self.providers[place].1.insert(own.name, value.to_owned())),
            None => {
                let spell = |own: &str| variable(&format!("providers.{name}.{own}"));
                self.wrong(given.to_owned(), Problem::unknown(setting, spell));
            }
        }
        true
    }

    /// Reads the tables of the providers.
    pub(super) fn read_provider_tables(&mut self, tables: toml::Value) {
        let wrong = Problem::Kind {
            expected: "a table for each provider, such as `[providers.github]`",
        };
        let toml::Value::Table(tables) = tables else {
            return self.wrong("providers", wrong);
        };
        for (name, table) in tables {
            let toml::Value::Table(table) = table else {
                return self.wrong("providers", wrong);
            };
            let values = self.read_table(table, Some(&name));
            self.providers.push((name, values));
        }
    }

    /// The settings of a table, be it that of one provider.
    pub(super) fn read_table(&mut self, table: toml::Table, provider: Option<&str>) -> Values {
        let mut values = Values::new();
        for (key, value) in table {
            let place = match provider {
                Some(name) => format!("providers.{name}.{key}"),
                None => key.clone(),
            };
            let setting = Setting::named(&key);
            match setting.filter(|own| provider.is_none() || own.is_of_a_provider()) {
                None => self.wrong(place, Problem::unknown(&key, str::to_owned)),
                Some(setting) if setting.name == "providers" => self.read_provider_tables(value),
                Some(setting) => match setting.kind.text(value) {
                    Ok(text) => drop(values.insert(setting.name, text)),
                    Err(problem) => self.wrong(place, problem),
                },
            }
        }
        values
    }

    /// Adds the providers of the environment to those of the table, and their settings over the table's.
    pub(super) fn override_providers(&mut self, others: Vec<(String, Values)>) {
        for (name, values) in others {
            let given = values
                .into_iter()
                .filter(|(_, value)| !value.trim().is_empty());
            match self.providers.iter_mut().find(|(known, _)| *known == name) {
                Some((_, before)) => before.extend(given),
                None => self.providers.push((name, given.collect())),
            }
        }
    }
}
