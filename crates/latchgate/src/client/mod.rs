//! The client as the provider knows it: the registration, and client authentication
//! ([RFC 6749 §2](https://www.rfc-editor.org/rfc/rfc6749#section-2)).

mod assertion;
mod authentication;
mod credentials;
mod key;
mod profile;
mod registration;
mod security_profile;
mod usage;

pub(crate) use assertion::Freshness;
pub use authentication::{AssertionAudience, ClientAuth, ClientSecret};
pub use key::ClientKey;
pub use profile::ProfileError;
pub(crate) use registration::{Registration, SenderConstraint, registration_id};
pub use registration::{ResponseMode, UserinfoPolicy};
pub(crate) use security_profile::SecurityProfile;
pub use usage::Usage;
