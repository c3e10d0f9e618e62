//! The client as the provider knows it: the registration, and client authentication
//! ([RFC 6749 §2](https://www.rfc-editor.org/rfc/rfc6749#section-2)).

mod assertion;
mod authentication;
mod credentials;
mod key;
mod profile;
mod registration;
mod security_profile;
mod tenant;
mod usage;

pub(crate) use assertion::Freshness;
pub use authentication::{AssertionAudience, ClientAuth, ClientSecret};
pub use key::ClientKey;
pub use profile::ProfileError;
pub(crate) use registration::{Registration, SenderConstraint, registration_id};
pub use registration::{ResponseMode, UserinfoPolicy};
pub(crate) use security_profile::SecurityProfile;
pub(crate) use tenant::{is_tenant_name, tenant_of, tenant_registration_id};
pub use usage::Usage;
