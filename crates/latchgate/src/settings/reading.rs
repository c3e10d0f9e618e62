//! From text to values, setting by setting.

use std::collections::BTreeMap;
use std::str::{FromStr, SplitWhitespace};
use std::sync::Arc;
use std::time::Duration;

use super::words::Word;
use crate::config::{Mistakes, Problem};
use crate::store::{MemoryStore, SessionStore, StoreOpener};

/// The text of settings, by their names.
pub(super) type Values = BTreeMap<&'static str, String>;

/// Settings while they are read: those of the application, or of one of several providers. What is wrong with one is a
/// mistake, and then it counts as not given.
pub(super) struct Reading<'s> {
    values: &'s Values,
    pub(super) mistakes: Mistakes,
}

impl<'s> Reading<'s> {
    pub(super) fn new(values: &'s Values, mistakes: Mistakes) -> Self {
        Self { values, mistakes }
    }

    /// The text of a setting; `None` if it is not given, or blank.
    pub(super) fn text(&self, name: &str) -> Option<&'s str> {
        let text = self.to_the_letter(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The same, spaces included.
    pub(super) fn to_the_letter(&self, name: &str) -> Option<&'s str> {
        self.values.get(name).map(String::as_str)
    }

    /// The words of a setting, with blanks between them.
    pub(super) fn words(&self, name: &str) -> Option<SplitWhitespace<'s>> {
        self.text(name).map(str::split_whitespace)
    }

    /// The pairs of a setting such as `a=b, c=d`. One without `=` is a mistake.
    pub(super) fn pairs(
        &mut self,
        name: &'static str,
        problem: fn() -> Problem,
    ) -> Vec<(&'s str, &'s str)> {
        let given = self.text(name).unwrap_or_default().split(',');
        let given = given.map(str::trim).filter(|pair| !pair.is_empty());
        let pairs = given.map(|pair| {
            let pair = pair.split_once('=').ok_or_else(problem);
            pair.map(|(name, value)| (name.trim(), value.trim()))
        });
        self.mistakes
            .keep_of(name, pairs.collect())
            .unwrap_or_default()
    }

    /// What a setting says, by way of `read`.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'s str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.text(name).map(read)?;
        self.mistakes.keep_of(name, value)
    }

    /// The meaning of one of the accepted words.
    pub(super) fn word<T: Word>(&mut self, name: &'static str) -> Option<T> {
        self.read(name, |text| {
            let known = T::WORDS.iter().find(|(word, _)| *word == text);
            known.map(|(_, meaning)| *meaning).ok_or_else(|| {
                let accepted: Vec<_> = T::WORDS.iter().map(|(word, _)| *word).collect();
                let accepted = accepted.join(", ");
                Problem::Word { accepted }
            })
        })
    }

    /// Whether a setting is `true`.
    pub(super) fn is_on(&mut self, name: &'static str) -> bool {
        self.word(name) == Some(true)
    }

    /// A value that its own type reads.
    pub(super) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        problem: impl FnOnce(T::Err) -> Problem,
    ) -> Option<T> {
        self.read(name, |text| text.parse().map_err(problem))
    }

    /// The contents of the file that a setting names.
    pub(super) fn file(&mut self, name: &'static str) -> Option<Vec<u8>> {
        self.read(name, |path| std::fs::read(path).map_err(Problem::File))
    }

    /// A duration with its unit.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.read(name, |text| duration(text).ok_or(Problem::Duration))
    }

    /// A number of seconds, or a duration with its unit.
    pub(super) fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        self.read(name, |text| {
            let bare = whole_number(text).map(Duration::from_secs);
            bare.or_else(|| duration(text)).ok_or(Problem::Seconds)
        })
    }

    /// Where sessions are kept; `None` for the cookie.
    pub(super) fn session_store(
        &mut self,
        stores: &[StoreOpener],
    ) -> Option<Arc<dyn SessionStore>> {
        match self.text("store")? {
            "cookie" => None,
            "memory" => Some(Arc::new(MemoryStore::default())),
            _ => self.opened("store", stores, "cookie, memory, redis://…, postgres://…"),
        }
    }

    /// A store in which nodes tell each other something.
    pub(super) fn shared_store(
        &mut self,
        name: &'static str,
        stores: &[StoreOpener],
    ) -> Option<Arc<dyn SessionStore>> {
        if let "cookie" | "memory" = self.text(name)? {
            self.mistakes.add(name, Problem::SharesNothing);
            return None;
        }
        self.opened(name, stores, "redis://…, postgres://…")
    }

    /// The store at a URL, by whichever opener knows its scheme.
    fn opened(
        &mut self,
        name: &'static str,
        stores: &[StoreOpener],
        accepted: &str,
    ) -> Option<Arc<dyn SessionStore>> {
        let elsewhere = ["redis", "valkey", "postgres"];
        self.read(name, |url| match stores.iter().find_map(|open| open(url)) {
            Some(opened) => opened.map_err(Problem::Store),
            None if elsewhere.iter().any(|scheme| url.starts_with(scheme)) => {
                Err(Problem::StoreElsewhere)
            }
            None => Err(Problem::Word {
                accepted: accepted.to_owned(),
            }),
        })
    }
}

/// A builder whose options are set where there are values for them.
pub(super) trait Given: Sized {
    /// Sets an option, if there is a value for it.
    fn given<V>(self, value: Option<V>, option: impl FnOnce(Self, V) -> Self) -> Self {
        match value {
            Some(value) => option(self, value),
            None => self,
        }
    }

    /// Sets each of several values.
    fn each<V>(
        self,
        values: Option<impl Iterator<Item = V>>,
        option: impl FnMut(Self, V) -> Self,
    ) -> Self {
        values.into_iter().flatten().fold(self, option)
    }

    /// Switches something on.
    fn when(self, on: bool, option: impl FnOnce(Self) -> Self) -> Self {
        if on { option(self) } else { self }
    }
}

impl<B> Given for B {}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.get(digits.len()..).map(str::trim) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => return None,
    };
    let seconds = whole_number(digits)?.checked_mul(unit);
    seconds.map(Duration::from_secs)
}

/// Digits only: `parse` would take a sign as well.
fn whole_number(digits: &str) -> Option<u64> {
    let unsigned = digits.starts_with(|c: char| c.is_ascii_digit());
    digits.parse().ok().filter(|_| unsigned)
}
