#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "actix")]
mod actix;
mod answer;
mod assertions;
mod offline;
mod person;
mod request;

pub use answer::Answer;
pub use assertions::LoginAssertions;
pub use latchgate::SessionEnd;
pub use offline::{OfflineProvider, gate, gate_builder};
pub use person::Person;
pub use request::SignedInRequest;
