#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod failure;
mod row;
mod tower_sessions;
mod turns;

pub use failure::Failure;
pub use tower_sessions::TowerSessions;
