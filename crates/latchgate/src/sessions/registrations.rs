//! Which sessions belong to this application: those of its registrations.

use std::sync::Arc;

use crate::session::Session;

/// The ids of the registrations whose sessions are accepted. A session of any other is ignored, such as one from before
/// the client was registered again.
///
/// The seal binds the base URL only. If it bound a registration as well, a gate with several would have to try each of
/// them on every request, and another provider beside the first would sign everybody out.
#[derive(Clone, Debug)]
pub(crate) struct Registrations(Arc<[String]>);

impl Registrations {
    pub(crate) fn new(ids: impl IntoIterator<Item = String>) -> Self {
        Self(ids.into_iter().collect())
    }

    /// Whether a session is one of theirs.
    pub(super) fn own(&self, session: &Session) -> bool {
        self.0.iter().any(|id| session.registration == *id)
    }
}

#[cfg(test)]
impl Registrations {
    /// The registration of [`Session::example`].
    pub(crate) fn example() -> Self {
        Self::new([crate::client::Registration::example().id])
    }
}
