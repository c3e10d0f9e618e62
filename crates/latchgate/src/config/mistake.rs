//! What is wrong with a configuration: every mistake in it, each with its setting and the cure.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::names::{is_of_a_provider, place, variable};
use super::problem::Problem;

/// Everything that is wrong with a configuration.
///
/// `Display` and `Debug` are sentences that name each setting and its cure, so that
/// `fn main() -> Result<(), Box<dyn Error>>` prints something readable. They contain no values.
#[derive(Clone)]
pub struct ConfigError(Vec<Arc<Mistake>>);

/// One setting that is missing, malformed, unknown, or contradicts another.
pub struct Mistake {
    setting: Cow<'static, str>,
    problem: Problem,
}

/// The mistakes found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mistakes(Vec<Arc<Mistake>>);

impl ConfigError {
    /// The mistakes, in the order of the table at [`Settings`](crate::Settings); at least one.
    pub fn mistakes(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl Mistake {
    pub(crate) fn new(setting: impl Into<Cow<'static, str>>, problem: Problem) -> Self {
        Self {
            setting: setting.into(),
            problem,
        }
    }

    /// The setting by its TOML and builder name, such as `client_secret`; its environment variable,
    /// if it has one, is `LATCHGATE_CLIENT_SECRET`. An unknown setting is spelled as it was found.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    fn order(&self) -> usize {
        place(&self.setting).unwrap_or(match self.problem {
            Problem::Unknown { .. } | Problem::Toml { .. } => 0,
            _ => usize::MAX,
        })
    }
}

impl Mistakes {
    /// Adds a mistake. Of several about one setting only the first is reported: the others may be
    /// consequences of it.
    pub(crate) fn add(&mut self, setting: impl Into<Cow<'static, str>>, problem: Problem) {
        self.push(Arc::new(Mistake::new(setting, problem)));
    }

    fn push(&mut self, mistake: Arc<Mistake>) {
        if !self.are_about(&mistake.setting) {
            self.0.push(mistake);
        }
    }

    /// The value; an error is added to the mistakes.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        let keep = |mistake| self.push(Arc::new(mistake));
        result.map_err(keep).ok()
    }

    /// The value of a setting; a problem with it is added to the mistakes.
    pub(crate) fn keep_of<T>(
        &mut self,
        setting: &'static str,
        result: Result<T, Problem>,
    ) -> Option<T> {
        self.keep(result.map_err(|problem| Mistake::new(setting, problem)))
    }

    /// These mistakes, as those about the provider of this name. Its settings are its own; all others keep their names.
    pub(crate) fn of_provider(self, name: &str) -> Self {
        let renamed = |mistake: Arc<Mistake>| match Arc::try_unwrap(mistake) {
            Ok(mistake) if !name.is_empty() && is_of_a_provider(&mistake.setting) => {
                let setting = format!("providers.{name}.{}", mistake.setting).into();
                Arc::new(Mistake { setting, ..mistake })
            }
            Ok(mistake) => Arc::new(mistake),
            Err(shared) => shared,
        };
        Self(self.0.into_iter().map(renamed).collect())
    }

    /// Adds the mistakes that were found elsewhere.
    pub(crate) fn extend(&mut self, others: Self) {
        for mistake in others.0 {
            self.push(mistake);
        }
    }

    /// Whether one of them is about this setting.
    pub(crate) fn are_about(&self, setting: &str) -> bool {
        self.0.iter().any(|mistake| mistake.setting == setting)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them as an error, if there are any.
    pub(crate) fn check(&mut self) -> Result<(), ConfigError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut mistakes = std::mem::take(&mut self.0);
        mistakes.sort_by_key(|mistake| mistake.order());
        Err(ConfigError(mistakes))
    }
}

impl From<Mistake> for ConfigError {
    fn from(mistake: Mistake) -> Self {
        Self(vec![Arc::new(mistake)])
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.setting)?;
        if place(&self.setting).is_some() {
            write!(f, "({}) ", variable(&self.setting))?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for Mistake {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.cause()
    }
}

debug_with_causes!(Mistake);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &*self.0 {
            return fmt::Debug::fmt(only, f);
        }
        write!(f, "{} settings are wrong:", self.0.len())?;
        self.mistakes()
            .try_for_each(|mistake| write!(f, "\n- {mistake:?}"))
    }
}

impl std::error::Error for ConfigError {}

debug_with_causes!(ConfigError);
