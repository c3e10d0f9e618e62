//! Configuration errors: the settings by name, and every mistake with its cure.

mod mistake;
mod names;
mod problem;

pub(crate) use mistake::Mistakes;
pub use mistake::{ConfigError, Mistake};
pub(crate) use names::{NAMES, PREFIX, is_of_a_provider, place, variable};
pub use problem::Problem;
