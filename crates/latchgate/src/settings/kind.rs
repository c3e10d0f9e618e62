//! The types of TOML values, and unknown names.

use crate::config::{NAMES, Problem, place};

/// The kind of a setting, for which a TOML table may have another type than string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string, or `true` or `false`.
    Switch,
    /// A string, or a number of seconds.
    Seconds,
    /// A space-separated string, or an array of strings.
    Words,
    /// A comma-separated string, or an array of strings.
    List,
    /// A comma-separated string; in TOML tables instead, which are read elsewhere.
    Tables,
}

/// The setting of this name, and its kind.
pub(super) fn known(name: &str) -> Option<(&'static str, Kind)> {
    let setting = NAMES[place(name)?];
    Some((setting, Kind::of(setting)))
}

/// The problem with an unknown name; `spell` turns a setting's name into the spelling of its source.
pub(super) fn unknown(name: &str, spell: impl Fn(&str) -> String) -> Problem {
    let name = name.to_lowercase().replace('-', "_");
    let close = |known: &&str| {
        let distance = strsim::damerau_levenshtein(&name, known);
        let is_part = name.len() > 2 && known.contains(&name);
        (is_part || distance <= 1 + name.len() / 4).then_some(distance)
    };
    let nearest = NAMES
        .iter()
        .copied()
        .filter_map(|known| close(&known).map(|distance| (distance, known)))
        .min();
    Problem::Unknown {
        nearest: nearest
            .map(|(_, known)| known)
            .or(elsewhere(&name))
            .map(spell),
    }
}

/// The setting that goes by this name in other libraries.
fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name {
        "app_url" | "public_url" | "redirect_uri" | "redirect_url" | "callback_url" => "base_url",
        "authority" | "domain" | "discovery_url" | "provider_url" => "issuer",
        "cookie_key" | "cookie_secret" | "encryption_key" | "secret_key" | "session_secret" => {
            "session_keys"
        }
        "database_url" | "redis_url" | "session_store" => "store",
        _ => return None,
    })
}

impl Kind {
    /// The kind of a setting.
    fn of(setting: &str) -> Self {
        match setting {
            "userinfo"
            | "par"
            | "dpop"
            | "signed_requests"
            | "api_introspection"
            | "ui_locales_from_browser"
            | "csrf_protection"
            | "certificate_bound_tokens" => Self::Switch,
            "max_age" => Self::Seconds,
            "scopes" | "email_domains" | "resource" | "acr_values" | "ui_locales"
            | "trusted_audiences" | "api_scopes" | "session_claims" | "trusted_origins" => {
                Self::Words
            }
            "providers" => Self::Tables,
            "session_keys" | "claim_mapping" | "parameters" | "clear_site_data" => Self::List,
            _ => Self::Text,
        }
    }

    /// The text of a TOML value of this kind.
    pub(super) fn text(self, value: toml::Value) -> Result<String, Problem> {
        use toml::Value;
        match (self, value) {
            (_, Value::String(text)) => Ok(text),
            (Self::Switch, Value::Boolean(on)) => Ok(on.to_string()),
            (Self::Seconds, Value::Integer(seconds)) => Ok(seconds.to_string()),
            (Self::Words, Value::Array(items)) => joined(items, " ").ok_or(self.wrong()),
            (Self::List, Value::Array(items)) => joined(items, ",").ok_or(self.wrong()),
            _ => Err(self.wrong()),
        }
    }

    fn wrong(self) -> Problem {
        Problem::Kind {
            expected: match self {
                Self::Text | Self::Tables => "a string, in quotes",
                Self::Switch => "`true`, `false` or a string",
                Self::Seconds => "a whole number of seconds, or a string such as \"5m\"",
                Self::Words | Self::List => "a string, or an array of strings",
            },
        }
    }
}

fn joined(items: Vec<toml::Value>, separator: &str) -> Option<String> {
    let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
    items.map(|items| items.join(separator))
}
