//! Several providers: a table for each, `[providers.github]`, or variables with its name in them,
//! `LATCHGATE_PROVIDER_GITHUB_CLIENT_ID`, for the names in `LATCHGATE_PROVIDERS`.
//!
//! The variables could be told apart without the list, but for two things: people choose among providers in an order,
//! which variables do not have, and a misspelt name would be a provider of its own.

use std::collections::BTreeMap;

use super::Settings;
use super::kind::{known, unknown};
use crate::builder::{GateBuilder, Provider};
use crate::config::{Mistakes, NAMES, PREFIX, Problem, is_of_a_provider, variable};

/// The settings of one provider, by its name.
pub(super) type ProviderSettings = (String, BTreeMap<&'static str, String>);

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
                self.providers.push((name.to_owned(), BTreeMap::new()));
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
            let of_nobody = NAMES.iter().any(|name| {
                is_of_a_provider(name) && rest.ends_with(&format!("_{}", name.to_uppercase()))
            });
            let problem = match of_nobody {
                true => Problem::UnlistedProvider,
                false => unknown(rest, variable),
            };
            self.wrong(given.to_owned(), problem);
            return true;
        };
        let name = self.providers[place].0.clone();
        let own = known(&setting.to_lowercase()).filter(|(own, _)| is_of_a_provider(own));
        match own {
            Some((own, _)) => {
                self.providers[place].1.insert(own, value.to_owned());
            }
            None => {
                let spell = |own: &str| variable(&format!("providers.{name}.{own}"));
                let problem = unknown(setting, spell);
                self.wrong(given.to_owned(), problem);
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
            let mut values = BTreeMap::new();
            for (key, value) in table {
                let place = format!("providers.{name}.{key}");
                let Some((setting, kind)) = known(&key).filter(|(own, _)| is_of_a_provider(own))
                else {
                    self.wrong(place, unknown(&key, str::to_owned));
                    continue;
                };
                match kind.text(value) {
                    Ok(text) => drop(values.insert(setting, text)),
                    Err(problem) => self.wrong(place, problem),
                }
            }
            self.providers.push((name, values));
        }
    }

    /// Adds the providers of the environment to those of the table, and their settings over the table's.
    pub(super) fn override_providers(&mut self, others: Vec<ProviderSettings>) {
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

    /// A builder with the one provider of these settings, or with each of several.
    pub(super) fn begin(&self, mistakes: &mut Mistakes) -> GateBuilder {
        let base_url = self.get("base_url").unwrap_or_default();
        let mut several = self.providers.iter().map(|(name, values)| {
            let own = Self {
                values: values.clone(),
                ..Self::default()
            };
            let mut found = Mistakes::default();
            let provider = own.provider(&mut found).name(name);
            (provider, found.of_provider(name))
        });
        let Some((first, found)) = several.next() else {
            return GateBuilder::new(base_url, self.provider(mistakes));
        };
        mistakes.extend(found);
        for (setting, _) in self
            .values
            .iter()
            .filter(|(name, _)| is_of_a_provider(name))
        {
            if self.get(setting).is_some() {
                mistakes.add(crate::config::Mistake::new(
                    *setting,
                    Problem::BesideProviders,
                ));
            }
        }
        several.fold(
            GateBuilder::new(base_url, first),
            |builder, (provider, found)| {
                mistakes.extend(found);
                builder.provider(provider)
            },
        )
    }

    /// What people see of a provider, and whose addresses it signs in.
    pub(super) fn choice(&self, mut provider: Provider) -> Provider {
        if let Some(label) = self.get("label") {
            provider = provider.label(label);
        }
        let domains = self.get("email_domains").unwrap_or_default();
        for domain in domains.split_whitespace() {
            provider = provider.email_domain(domain);
        }
        provider
    }
}
