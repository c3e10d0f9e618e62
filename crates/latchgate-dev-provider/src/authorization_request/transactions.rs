//! Requests that wait for a person's decision.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::AuthorizationRequest;
use crate::world::random_token;

/// How long a picker page can be used, in seconds.
const PATIENCE: u64 = 600;

/// Authorization requests for which a picker page is open.
#[derive(Default)]
pub(crate) struct Transactions(Mutex<HashMap<String, (u64, AuthorizationRequest)>>);

impl Transactions {
    pub(crate) fn open(&self, request: AuthorizationRequest, now: u64) -> String {
        let id = random_token();
        let mut waiting = self.waiting();
        waiting.retain(|_, (until, _)| now < *until);
        waiting.insert(id.clone(), (now + PATIENCE, request));
        id
    }

    pub(crate) fn close(&self, id: &str, now: u64) -> Option<AuthorizationRequest> {
        let (until, request) = self.waiting().remove(id)?;
        (now < until).then_some(request)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, (u64, AuthorizationRequest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
