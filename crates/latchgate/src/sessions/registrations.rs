//! Which sessions belong to this application: those of its registrations.

use std::sync::Arc;

use crate::session::Session;

/// The ids of the registrations whose sessions are accepted. A session of any other is ignored, such as one from before
/// the client was registered again.
///
/// The seal binds the base URL only. If it bound a registration as well, a gate with several would have to try each of
/// them on every request, and adding a second provider would sign everybody out.
#[derive(Clone, Debug)]
pub(crate) struct Registrations {
    fixed: Arc<[String]>,
    /// Whether sessions of tenants are accepted. Their registrations are in no list: the caller that opens the session has to
    /// find out whether the tenant still has this one.
    tenants: bool,
}

impl Registrations {
    pub(crate) fn new(ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            fixed: ids.into_iter().collect(),
            tenants: false,
        }
    }

    /// The same, and those of tenants.
    pub(crate) fn and_of_tenants(mut self) -> Self {
        self.tenants = true;
        self
    }

    /// Whether a session is one of theirs.
    pub(super) fn own(&self, session: &Session) -> bool {
        self.fixed.iter().any(|id| session.registration == *id)
            || (self.tenants && session.tenant().is_some())
    }
}

#[cfg(test)]
impl Registrations {
    /// The registration of [`Session::example`].
    pub(crate) fn example() -> Self {
        Self::new([crate::client::Registration::example().id])
    }
}
