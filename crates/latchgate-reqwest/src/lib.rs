#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod authorization;
mod base_urls;
mod caller;
mod client;
mod error;
mod redirect;
mod token_source;

pub use base_urls::BaseUrlError;
pub use caller::ApiCaller;
pub use client::{ApiClient, ApiClientBuilder};
pub use error::{ApiClientError, ForeignUrl, call_error};
/// HTTP client and middleware, in the versions that the types of this crate are of.
pub use {reqwest, reqwest_middleware};
