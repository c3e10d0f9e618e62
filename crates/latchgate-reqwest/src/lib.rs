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
/// The HTTP client and its middleware, in the versions that this crate uses.
pub use {reqwest, reqwest_middleware};
