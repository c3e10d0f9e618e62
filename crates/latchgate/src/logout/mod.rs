//! Signing out: here, and at the provider
//! ([OpenID Connect RP-Initiated Logout 1.0 §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)).

mod back_channel;
mod clear_site_data;
mod front_channel;
mod rp_initiated;

pub use back_channel::LogoutTokenError;
pub(crate) use back_channel::{
    LogoutTarget, VerifiedLogoutToken, logout_token, verify as verify_logout_token,
};
pub use clear_site_data::ClearSiteData;
pub(crate) use clear_site_data::header as clear_site_data_header;
pub use front_channel::FrontChannelLogoutError;
pub(crate) use front_channel::{NamedSession, named_session};
pub(crate) use rp_initiated::{LogoutState, request};
