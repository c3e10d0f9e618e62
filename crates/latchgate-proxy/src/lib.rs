#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "actix")]
mod actix;
mod body;
mod cache;
mod error;
mod forward;
mod hop_by_hop;
mod path;
mod proxy;
mod request_headers;
mod response_headers;
mod session_end;
#[cfg(feature = "tower")]
mod tower;
mod tunnel;
mod upload;

pub use body::ProxyBody;
pub use error::ApiProxyError;
pub use latchgate_reqwest::{ApiClientError, BaseUrlError, reqwest};
pub use proxy::{ApiProxy, ApiProxyBuilder};
