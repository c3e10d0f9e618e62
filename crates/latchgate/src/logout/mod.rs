//! Signing out: here, and at the provider.

mod rp_initiated;

pub(crate) use rp_initiated::{LogoutState, request};
