//! Checking where sessions are kept: the size of their cookies, and the stores.

mod cookie_size;
mod stores;

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Backend, Sessions};
use crate::client::Registration;
use crate::report::{Finding, FindingCode};
use crate::store::SessionStore;

impl Sessions {
    /// Checks the stores, one beside the other.
    pub(crate) async fn check_stores(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.shared_logouts());
        let stores = self.stores();
        let now = self.now();
        let random = self.random.as_ref();
        let checks = stores
            .iter()
            .map(|store| stores::check(store.as_ref(), now, random));
        let checked = join_all(checks).await;
        findings.extend(checked.into_iter().flatten());
        findings
    }

    /// Checks the cookies of a session that a login with this registration begins.
    pub(crate) fn check_cookie_size(&self, registration: &Registration) -> Option<Finding> {
        cookie_size::check(self, registration)
    }

    /// The stores of sessions and of revocations, each once.
    fn stores(&self) -> Vec<Arc<dyn SessionStore>> {
        let sessions = match &self.backend {
            Backend::Sealed(_) => None,
            Backend::Stored(stored) => Some(stored.store()),
        };
        let mut stores: Vec<Arc<dyn SessionStore>> = Vec::new();
        for store in sessions.into_iter().chain(self.revocations.store()) {
            if !stores.iter().any(|known| Arc::ptr_eq(known, store)) {
                stores.push(Arc::clone(store));
            }
        }
        stores
    }

    /// Whether a logout on one node reaches the others.
    fn shared_logouts(&self) -> Option<Finding> {
        let code = FindingCode::SharedLogouts;
        match (&self.backend, self.revocations.are_shared()) {
            (Backend::Stored(_), _) => None,
            (Backend::Sealed(_), true) => Some(code.ok(
                "Sessions are in cookies, and nodes share in a store which of them were ended",
            )),
            (Backend::Sealed(_), false) => Some(
                code.hint(
                    "Sessions are in cookies, and a logout by the provider, or by `end_sessions_of`, ends those that are used on this node only, until it restarts",
                    "With one node nothing, unless such logouts have to survive a restart; otherwise set `revocations` (LATCHGATE_REVOCATIONS) to a store that all nodes share, or keep sessions in it (LATCHGATE_STORE)",
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scripted::StoppedClock;
    use crate::report::Severity;
    use crate::sessions::{SessionsConfig, example};
    use crate::store::MemoryStore;

    fn sessions(
        store: Option<Arc<dyn SessionStore>>,
        revocations: Option<Arc<dyn SessionStore>>,
    ) -> Sessions {
        Sessions::new(SessionsConfig {
            store,
            revocations,
            ..example::config(StoppedClock(1_000))
        })
    }

    #[tokio::test]
    async fn each_store_is_checked_once() {
        let store = || -> Arc<dyn SessionStore> { Arc::new(MemoryStore::new(10)) };
        let one = store();
        for (sessions, stores) in [
            (sessions(None, None), 0),
            (sessions(Some(store()), None), 1),
            (sessions(None, Some(store())), 1),
            (sessions(Some(Arc::clone(&one)), Some(one)), 1),
            (sessions(Some(store()), Some(store())), 2),
        ] {
            let findings = sessions.check_stores().await;
            let reached = findings.iter();
            let reached = reached.filter(|found| found.code() == FindingCode::StoreReachable);
            assert_eq!(reached.count(), stores);
        }
    }

    #[tokio::test]
    async fn sessions_in_cookies_want_shared_logouts() {
        let severity = async |revocations| {
            let findings = sessions(None, revocations).check_stores().await;
            let found = findings.iter();
            let mut found = found.filter(|found| found.code() == FindingCode::SharedLogouts);
            found.next().unwrap().severity()
        };
        let shared: Arc<dyn SessionStore> = Arc::new(MemoryStore::new(10));
        assert_eq!(severity(None).await, Severity::Hint);
        assert_eq!(severity(Some(shared)).await, Severity::Ok);
    }
}
