//! Signing out: here, and at the provider
//! ([OpenID Connect RP-Initiated Logout 1.0 §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).

mod back_channel;
mod rp_initiated;

pub use back_channel::LogoutTokenError;
pub(crate) use back_channel::{LogoutTarget, logout_token, verify as verify_logout_token};
pub(crate) use rp_initiated::{LogoutState, request};
