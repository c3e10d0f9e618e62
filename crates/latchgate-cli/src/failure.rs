//! Why a command failed: a sentence, and where to read more.

use std::error::Error;
use std::fmt;

/// Why a command failed.
pub(crate) struct Failure {
    sentence: String,
    /// The command whose help explains it, such as `keys`.
    help: Option<&'static str>,
}

impl Failure {
    /// A failure that has nothing to do with the arguments.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            help: None,
        }
    }

    /// The arguments are wrong; the help of this command says what would be right.
    pub(crate) fn usage(sentence: impl Into<String>, help: &'static str) -> Self {
        Self {
            sentence: sentence.into(),
            help: Some(help),
        }
    }

    /// Something of this name does not exist among the known ones.
    pub(crate) fn unknown(what: &str, given: &str, known: &[&str], help: &'static str) -> Self {
        let hint = match nearest(given, known.iter().copied()) {
            Some(nearest) => format!("; did you mean `{nearest}`?"),
            None => String::new(),
        };
        Self::usage(format!("there is no {what} `{given}`{hint}"), help)
    }

    /// Something outside failed, such as reading a file.
    pub(crate) fn of(doing: impl fmt::Display, error: &dyn Error) -> Self {
        Self::new(format!("{doing}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latchgate: {}", self.sentence)?;
        match self.help {
            Some("help") => f.write_str("\n`latchgate help` lists the commands."),
            Some(command) => write!(f, "\n`latchgate help {command}` explains how to use it."),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The most similar known name, if one is similar enough.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.filter_map(|known| {
        let distance = strsim::damerau_levenshtein(given, known);
        (distance <= known.len().div_ceil(3)).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_were_misspelled_are_guessed() {
        let unknown =
            |given| Failure::unknown("command", given, &["keys", "explain"], "help").to_string();
        assert!(unknown("explian").contains("no command `explian`; did you mean `explain`?"));
        assert!(!unknown("tea").contains("did you mean"));
    }
}
