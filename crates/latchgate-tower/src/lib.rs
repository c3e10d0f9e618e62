#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod guard;
mod head;
mod layer;
mod service;

#[cfg(feature = "axum")]
mod access;
#[cfg(feature = "axum")]
mod extract;

#[cfg(feature = "axum")]
pub use access::Access;
#[cfg(feature = "axum")]
pub use extract::{
    AccessToken, ApiTokens, RefreshedAccessToken, Rejection, SessionData, SessionEnded, SignIn,
    SignedIn, User,
};
pub use guard::{GuardLayer, GuardService};
pub use latchgate::*;
pub use layer::{ApiLayer, LoginLayer};
pub use service::{ApiService, LoginService, ResponseFuture};
