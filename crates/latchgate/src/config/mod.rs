//! Configuration from the environment or a TOML table, and what can be wrong with it.

mod mistake;
mod problem;
mod settings;

pub(crate) use mistake::Mistakes;
pub use mistake::{ConfigError, Mistake};
pub use problem::Problem;
pub use settings::Settings;
