//! One look-up of a tenant: its task asks the application, and tells all who wait.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    Asker, KnownTenant, NameKey, PAUSE, STALE, TenantAnswer, TenantParties, TenantProvider,
    UNKNOWN, Unanswered,
};
use crate::hook::HookError;

/// A look-up under way. Dropped unfinished, it lets the next one begin.
pub(super) struct Resolution {
    pub(super) tenants: Arc<TenantParties>,
    pub(super) key: NameKey,
    pub(super) number: u64,
    /// It has taken a part of the budget.
    pub(super) charged: bool,
    pub(super) tell: watch::Sender<Option<TenantAnswer>>,
}

/// What the application has said.
type Resolved = Result<Option<TenantProvider>, HookError>;

impl Resolution {
    pub(super) async fn run(self, name: String, asker: Asker) {
        let tenants = Arc::clone(&self.tenants);
        let places = match asker {
            Asker::Stranger => &tenants.for_strangers,
            Asker::Session => &tenants.for_sessions,
        };
        // It is never closed. Whoever waits in front of it has taken a part of the budget, or comes from a session.
        let _place = places.acquire().await;
        let found = tenants.config.resolver.call(name.clone()).await;
        if let Err(error) = &found {
            tracing::error!(
                event = "tenant_not_resolved",
                tenant = name,
                cause = ?error,
                "the application could not say what a tenant's provider is; a provider that was known before is used for an hour"
            );
        }
        let answer = self.remember(found);
        self.tell.send_replace(Some(answer));
    }

    /// Keeps the answer, unless the tenant was forgotten since the look-up began.
    fn remember(&self, found: Resolved) -> TenantAnswer {
        let tenants = &self.tenants;
        let now = tenants.now();
        let mut under_way = tenants.under_way();
        let counts = under_way.end(&self.key, self.number);
        let before = tenants.known.get(&self.key, now).filter(|_| counts);
        let mut known = tenants.known.entry(self.key, now);
        let mut unanswered = tenants.unanswered.entry(self.key, now);
        match found {
            Ok(Some(provider)) => {
                if self.charged {
                    tenants.budget().give_back();
                }
                let party = tenants.party(provider, before.as_deref());
                if counts {
                    let good_until = now.saturating_add(tenants.config.max_age);
                    let tenant = KnownTenant {
                        party: Arc::clone(&party),
                        good_until,
                    };
                    known.set(Arc::new(tenant), good_until.saturating_add(STALE));
                    unanswered.remove();
                }
                Ok(party)
            }
            Ok(None) => {
                if counts {
                    known.remove();
                    unanswered.set(Unanswered::Unknown, now.saturating_add(UNKNOWN));
                }
                Err(Unanswered::Unknown)
            }
            Err(_) => {
                if counts {
                    unanswered.set(Unanswered::Unavailable, now.saturating_add(PAUSE));
                }
                match before {
                    Some(stale) => Ok(Arc::clone(&stale.party)),
                    None => Err(Unanswered::Unavailable),
                }
            }
        }
    }
}

impl Drop for Resolution {
    fn drop(&mut self) {
        self.tenants.under_way().end(&self.key, self.number);
    }
}
