//! Configuration errors: the settings by name, and every mistake with its cure.

mod kind;
mod mistake;
mod names;
mod problem;

pub(crate) use mistake::Mistakes;
pub use mistake::{ConfigError, Mistake};
pub(crate) use names::{PREFIX, SETTINGS, Setting, variable};
#[cfg(test)]
pub(crate) use names::{SettingKind, place};
pub use problem::Problem;
