//! What the application hears when a session ends.

use crate::logout::LogoutTarget;
use crate::session::{Ended, Session};

/// The end of a session, as far as it is known, for the
/// [`on_logout`](crate::GateBuilder::on_logout) hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logout {
    /// Why it ended.
    pub why: Ended,
    /// The issuer that vouched for the person.
    pub issuer: String,
    /// The person (`sub`). `None` when a provider named nothing but its session.
    pub subject: Option<String>,
    /// The provider's session (`sid`), where it has a name. Without one, [`Ended::EndedByProvider`]
    /// means every session of the person.
    pub sid: Option<String>,
}

impl Logout {
    pub(crate) fn of(session: &Session, why: Ended) -> Self {
        Self {
            why,
            issuer: session.issuer.clone(),
            subject: Some(session.subject.clone()),
            sid: session.sid.clone(),
        }
    }

    /// What has ended from behind.
    pub(crate) fn from_behind(issuer: &str, target: &LogoutTarget, why: Ended) -> Self {
        let (subject, sid) = match target {
            LogoutTarget::Session { sid, sub } => (sub.clone(), Some(sid.clone())),
            LogoutTarget::Person(sub) => (Some(sub.clone()), None),
        };
        Self {
            why,
            issuer: issuer.to_owned(),
            subject,
            sid,
        }
    }
}
