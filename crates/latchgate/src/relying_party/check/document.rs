//! Reading the members of a metadata document.

use serde_json::{Map, Value};

/// The metadata of a provider, as it was sent.
pub(super) struct Document(pub(super) Map<String, Value>);

/// Whether something is on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Yes,
    No,
    /// There is no such list.
    Unknown,
}

impl Document {
    /// The texts of a list; `None` without one.
    pub(super) fn list(&self, member: &str) -> Option<Vec<&str>> {
        let list = self.0.get(member)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }

    /// Whether a value is on a list.
    pub(super) fn lists(&self, member: &str, value: &str) -> Listed {
        match self.list(member) {
            Some(list) if list.contains(&value) => Listed::Yes,
            Some(_) => Listed::No,
            None => Listed::Unknown,
        }
    }

    /// Whether a member is `true`.
    pub(super) fn says(&self, member: &str) -> bool {
        self.0.get(member).and_then(Value::as_bool) == Some(true)
    }

    /// A list, for a sentence. The provider chooses its contents, so they are made printable and shortened.
    pub(super) fn told(&self, member: &str) -> String {
        let list = self.list(member).unwrap_or_default();
        let told = list.iter().take(12).map(|value| {
            let printable = value.chars().filter(|c| !c.is_control());
            format!("`{}`", printable.take(60).collect::<String>())
        });
        let mut told = told.collect::<Vec<_>>().join(", ");
        if list.len() > 12 {
            told.push_str(" and more");
        }
        if told.is_empty() {
            "none".to_owned()
        } else {
            told
        }
    }
}

#[cfg(test)]
impl Document {
    pub(super) fn example(document: Value) -> Self {
        Self(document.as_object().unwrap().clone())
    }
}
