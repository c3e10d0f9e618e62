//! Every setting there is: its name, and what a TOML table may say instead of a string.

use crate::config::Problem;

/// What a setting is, where a TOML table has a kind of value for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string, or `true` or `false`.
    Switch,
    /// A string, or a number of seconds.
    Seconds,
    /// A string with spaces, or an array of strings.
    Words,
    /// A string with commas, or an array of strings.
    List,
}

/// What the names of environment variables begin with.
pub(in crate::config) const PREFIX: &str = "LATCHGATE_";

/// Every setting, in the order in which the README lists them. The environment variable is the name in
/// capitals behind [`PREFIX`].
const SETTINGS: [(&str, Kind); 40] = [
    ("base_url", Kind::Text),
    ("issuer", Kind::Text),
    ("client_id", Kind::Text),
    ("client_secret", Kind::Text),
    ("client_auth", Kind::Text),
    ("session_keys", Kind::List),
    ("cookie_name", Kind::Text),
    ("scopes", Kind::Words),
    ("audience", Kind::Text),
    ("resource", Kind::Words),
    ("prompt", Kind::Text),
    ("max_age", Kind::Seconds),
    ("acr_values", Kind::Words),
    ("ui_locales", Kind::Words),
    ("response_mode", Kind::Text),
    ("id_token_alg", Kind::Text),
    ("trusted_audiences", Kind::Words),
    ("userinfo", Kind::Switch),
    ("preset", Kind::Text),
    ("role_claim", Kind::Text),
    ("permission_claim", Kind::Text),
    ("store", Kind::Text),
    ("session_idle", Kind::Text),
    ("session_absolute", Kind::Text),
    ("session_ceiling", Kind::Text),
    ("remember", Kind::Text),
    ("revocations", Kind::Text),
    ("clear_site_data", Kind::List),
    ("base_path", Kind::Text),
    ("login_path", Kind::Text),
    ("callback_path", Kind::Text),
    ("logout_path", Kind::Text),
    ("backchannel_logout_path", Kind::Text),
    ("frontchannel_logout_path", Kind::Text),
    ("after_logout_path", Kind::Text),
    ("ca_file", Kind::Text),
    ("client_key_file", Kind::Text),
    ("client_cert_file", Kind::Text),
    ("par", Kind::Switch),
    ("dpop", Kind::Switch),
];

/// Settings that this version does not have yet; `auto` and `false` are what it does.
pub(super) const NOT_YET: [&str; 4] = ["client_key_file", "client_cert_file", "par", "dpop"];

/// The place of a setting among all; `None` when there is none of this name.
pub(in crate::config) fn place(name: &str) -> Option<usize> {
    SETTINGS.iter().position(|(known, _)| *known == name)
}

/// The setting of this name, and its kind.
pub(super) fn known(name: &str) -> Option<(&'static str, Kind)> {
    place(name).map(|place| SETTINGS[place])
}

/// All names.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|(name, _)| *name)
}

/// What to say of a name that is none, in a spelling such as the environment's.
pub(super) fn unknown(name: &str, spell: impl Fn(&str) -> String) -> Problem {
    let name = name.to_lowercase().replace('-', "_");
    let close = |known: &&str| {
        let distance = strsim::damerau_levenshtein(&name, known);
        let is_part = name.len() > 2 && known.contains(&name);
        (is_part || distance <= 1 + name.len() / 4).then_some(distance)
    };
    let names = SETTINGS.iter().map(|(known, _)| *known);
    let nearest = names
        .filter_map(|known| close(&known).map(|distance| (distance, known)))
        .min();
    Problem::Unknown {
        nearest: nearest.map(|(_, known)| spell(known)),
    }
}

/// The variable of a setting.
pub(in crate::config) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase())
}

impl Kind {
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
                Self::Text => "a string, in quotes",
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
