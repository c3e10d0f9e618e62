//! Sessions of tenants' people.

use super::session::Session;
use crate::client::tenant_of;

impl Session {
    /// The tenant whose provider has signed the person in.
    pub(crate) fn tenant(&self) -> Option<&str> {
        tenant_of(&self.registration)
    }

    /// In whose name the session is ended: its issuer's, unless it is a tenant's.
    pub(crate) fn authority(&self) -> &str {
        match self.tenant() {
            Some(_) => &self.registration,
            None => &self.issuer,
        }
    }
}
