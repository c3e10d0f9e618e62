//! Signing out: here, and at the provider
//! ([OpenID Connect RP-Initiated Logout 1.0 §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).

mod rp_initiated;

pub(crate) use rp_initiated::{LogoutState, request};
