//! How much of what a process can do at once is there for one tenant.
//!
//! A tenant's provider may take as long as it likes to answer, and its people may be many. What waits for it holds places that
//! are everybody's ([`Background`](crate::background::Background)), so a tenant gets a part of them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::RelyingParty;

/// How many logins of one tenant are finished at once; others wait.
const LOGINS: usize = 64;

/// How many refresh tokens of one tenant are revoked at once; others are not revoked.
const REVOCATIONS: usize = 64;

/// The places of one tenant.
#[derive(Debug)]
pub(super) struct TenantShare {
    logins: Arc<Semaphore>,
    revocations: Arc<Semaphore>,
}

/// A place, of a tenant's if it is for one. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct TenantPlace(
    #[expect(dead_code, reason = "it is held")] Option<OwnedSemaphorePermit>,
);

impl Default for TenantShare {
    fn default() -> Self {
        Self {
            logins: Arc::new(Semaphore::new(LOGINS)),
            revocations: Arc::new(Semaphore::new(REVOCATIONS)),
        }
    }
}

impl RelyingParty {
    /// A place for a login that is to be finished, once there is one.
    pub(crate) async fn place_for_login(&self) -> TenantPlace {
        match &self.share {
            // It is never closed.
            Some(share) => TenantPlace(Arc::clone(&share.logins).acquire_owned().await.ok()),
            None => TenantPlace(None),
        }
    }

    /// A place for a revocation, if there is one.
    pub(super) fn place_for_revocation(&self) -> Option<TenantPlace> {
        match &self.share {
            Some(share) => {
                let place = Arc::clone(&share.revocations).try_acquire_owned();
                place.ok().map(|place| TenantPlace(Some(place)))
            }
            None => Some(TenantPlace(None)),
        }
    }
}
