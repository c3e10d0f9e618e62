//! What the provider knows of us: the registration, and how we prove who we are
//! ([RFC 6749 §2](https://www.rfc-editor.org/rfc/rfc6749#section-2)).

mod authentication;
mod registration;

pub use authentication::{ClientAuth, ClientSecret};
pub(crate) use registration::Registration;
pub use registration::{ResponseMode, UserinfoPolicy};
