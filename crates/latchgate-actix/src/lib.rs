#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod api;
mod extract;
mod failure;
mod guard;
mod head;
mod middleware;

pub use access::Access;
pub use api::{ApiMiddleware, ApiService};
pub use extract::{
    AccessToken, ApiTokens, RefreshedAccessToken, Rejection, SessionData, SessionEnded, SignIn,
    SignedIn, User,
};
pub use guard::{GuardMiddleware, GuardService};
pub use latchgate::*;
pub use middleware::{LoginMiddleware, LoginService};
