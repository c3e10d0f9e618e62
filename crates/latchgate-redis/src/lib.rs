#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod diagnosis;
mod error;
mod lease_ends;
mod link;
mod record;
mod script;
mod store;

pub use address::UrlError;
pub use error::{Reason, RedisError};
pub use store::{RedisStore, open};
