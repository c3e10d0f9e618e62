//! Sessions of tenants' people: they are valid as long as the tenant has the provider that they came from, and never on
//! pages of another tenant.

use std::sync::Arc;

use super::RequestSession;
use crate::error::Error;
use crate::relying_party::RelyingParty;
use crate::session::Session;
use crate::sessions::Lookup;

/// Which sessions count for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    /// All, even if the tenant no longer exists: the session is to be ended or replaced.
    All,
    /// Those of any tenant, and of none.
    OfAnyTenant,
    /// Those of this tenant.
    OfTenant(Box<str>),
}

impl RequestSession {
    /// The relying party of this request's session.
    pub(super) fn party_of(&self, session: &Session) -> Option<&Arc<RelyingParty>> {
        let id = &session.registration;
        let own = self.0.context.relying_parties.registered(id);
        own.or_else(|| {
            let found = self.0.tenant_party.get();
            found.filter(|party| *id == party.registration().id)
        })
    }

    /// Whether the tenant has to be looked up to know if the session counts.
    pub(super) fn must_find_tenant(&self, found: &Lookup) -> bool {
        // Where there are no tenants, this is all that it costs.
        if self.0.context.relying_parties.tenants().is_none() {
            return false;
        }
        match found {
            Lookup::Active { loaded, .. } => !self.counts_at_once(&loaded.session),
            Lookup::Ended { loaded, .. } => !self.is_of_place(&loaded.session),
            Lookup::NotFound | Lookup::Invalid => false,
        }
    }

    /// The session, if it counts: it belongs to this page's tenant, and the tenant has the registration that it came from.
    /// `None` if it belongs to another tenant; then it stays as it is.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unavailable`](crate::TenantError::Unavailable) when the application cannot say what the tenant's provider is.
    pub(super) async fn accepted(&self, found: Lookup) -> Result<Option<Lookup>, Error> {
        if self.0.context.relying_parties.tenants().is_none() {
            return Ok(Some(found));
        }
        let (session, is_stored) = match &found {
            Lookup::Active { loaded, .. } => (&loaded.session, loaded.ticket.is_some()),
            Lookup::Ended { loaded, .. } if !self.is_of_place(&loaded.session) => return Ok(None),
            _ => return Ok(Some(found)),
        };
        if !self.is_of_place(session) {
            return Ok(None);
        }
        if self.counts_at_once(session) {
            return Ok(Some(found));
        }
        match self.0.context.relying_party_of(session).await? {
            Some(party) => {
                // Another caller may have set it first, to the same value.
                let _ = self.0.tenant_party.set(party);
                Ok(Some(found))
            }
            None => {
                tracing::info!(
                    event = "session_of_former_registration",
                    tenant = session.tenant(),
                    issuer = &*session.issuer,
                    subject = &*session.subject,
                    "a session does not count, because its tenant is gone or has another provider now"
                );
                Ok(Some(match is_stored {
                    true => Lookup::NotFound,
                    false => Lookup::Invalid,
                }))
            }
        }
    }

    fn is_of_place(&self, session: &Session) -> bool {
        match &self.0.accepts {
            Accepts::All | Accepts::OfAnyTenant => true,
            Accepts::OfTenant(tenant) => session.tenant() == Some(tenant),
        }
    }

    fn counts_at_once(&self, session: &Session) -> bool {
        let Some(tenant) = session.tenant() else {
            return self.is_of_place(session);
        };
        if self.0.accepts == Accepts::All {
            return true;
        }
        let tenants = self.0.context.relying_parties.tenants();
        let party = tenants.and_then(|tenants| tenants.good(tenant));
        match party.filter(|party| session.registration == party.registration().id) {
            Some(party) if self.is_of_place(session) => {
                let _ = self.0.tenant_party.set(party);
                true
            }
            _ => false,
        }
    }
}
