//! The types of TOML values.

use super::names::SettingKind;
use super::problem::Problem;

impl SettingKind {
    /// The text of a TOML value of this kind.
    pub(crate) fn text(self, value: toml::Value) -> Result<String, Problem> {
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
