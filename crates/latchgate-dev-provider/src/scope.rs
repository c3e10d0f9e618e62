//! The `scope` parameter ([RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).

use std::collections::BTreeSet;
use std::fmt;

/// A set of scope values; order and repetition do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope(BTreeSet<String>);

impl Scope {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.split_ascii_whitespace().map(str::to_owned).collect())
    }

    pub(crate) fn contains(&self, value: &str) -> bool {
        self.0.contains(value)
    }

    pub(crate) fn is_within(&self, wider: &Self) -> bool {
        self.0.is_subset(&wider.0)
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        self.0.extend(more.0.iter().cloned());
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.values().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(value)?;
        }
        Ok(())
    }
}
