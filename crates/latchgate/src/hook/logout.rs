//! What the application is told when a session ends.

use crate::logout::LogoutTarget;
use crate::session::{Session, SessionEnd};

/// The end of a session, with what is known about it, for the
/// [`on_logout`](crate::GateBuilder::on_logout) hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logout {
    /// Why it ended.
    pub why: SessionEnd,
    /// The tenant whose provider the issuer is ([`User::tenant`](crate::User::tenant)).
    pub tenant: Option<String>,
    /// The issuer that vouched for the person.
    pub issuer: String,
    /// The person (`sub`). `None` if the provider named only its session.
    pub subject: Option<String>,
    /// The provider's session (`sid`), if it has one. `None` may mean every session of the person: after
    /// a logout by the provider ([`SessionEnd::EndedByProvider`]), and after one everywhere
    /// ([`Gate::end_sessions_of`](crate::Gate::end_sessions_of)).
    pub sid: Option<String>,
}

impl Logout {
    pub(crate) fn of(session: &Session, why: SessionEnd) -> Self {
        Self {
            why,
            tenant: session.tenant().map(str::to_owned),
            issuer: session.issuer.to_string(),
            subject: Some(session.subject.to_string()),
            sid: session.sid.as_ref().map(ToString::to_string),
        }
    }

    /// The end of sessions that a logout token or the application named.
    pub(crate) fn by_name(issuer: &str, target: &LogoutTarget, why: SessionEnd) -> Self {
        let (subject, sid) = match target {
            LogoutTarget::Session { sid, sub } => (sub.clone(), Some(sid.clone())),
            LogoutTarget::Person(sub) => (Some(sub.clone()), None),
        };
        Self {
            why,
            tenant: None,
            issuer: issuer.to_owned(),
            subject,
            sid,
        }
    }

    /// The same of a tenant, if it is one's.
    pub(crate) fn at_tenant(mut self, tenant: Option<&str>) -> Self {
        self.tenant = tenant.map(str::to_owned);
        self
    }
}
