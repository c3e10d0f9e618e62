#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod extract;
mod failure;
mod guard;
mod head;
mod login;

pub use extract::{
    AccessToken, RefreshedAccessToken, Rejection, SessionData, SessionEnded, SignIn, User,
};
pub use guard::{Guarded, Require};
pub use latchgate;
pub use login::{Login, LoginService};
