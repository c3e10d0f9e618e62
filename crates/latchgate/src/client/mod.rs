//! What the provider knows of us: the registration, and how we prove who we are.

mod authentication;
mod registration;

pub use authentication::{ClientAuth, ClientSecret};
pub(crate) use registration::Registration;
pub use registration::{ResponseMode, UserinfoPolicy};
