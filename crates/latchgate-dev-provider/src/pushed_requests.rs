//! Authorization requests that were pushed and wait for their browser ([RFC 9126
//! §2.2](https://www.rfc-editor.org/rfc/rfc9126#section-2.2)).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::parameters::Parameters;
use crate::world::random_token;

/// How long a reference can be used, in seconds.
pub(crate) const LIFETIME: u64 = 60;

/// What every reference begins with (§2.2).
pub(crate) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// Requests that wait for their browser, by their references. Each is used once.
#[derive(Default)]
pub(crate) struct PushedRequests(Mutex<HashMap<String, PushedRequest>>);

struct PushedRequest {
    client_id: String,
    parameters: Parameters,
    until: u64,
}

impl PushedRequests {
    /// Keeps a request, and returns its reference.
    pub(crate) fn put(&self, client_id: &str, parameters: Parameters, now: u64) -> String {
        let reference = format!("{PREFIX}{}", random_token());
        let mut waiting = self.waiting();
        waiting.retain(|_, request| now < request.until);
        let request = PushedRequest {
            client_id: client_id.to_owned(),
            parameters,
            until: now + LIFETIME,
        };
        waiting.insert(reference.clone(), request);
        reference
    }

    /// The parameters behind a reference, for the client that pushed them.
    pub(crate) fn take(&self, reference: &str, client_id: &str, now: u64) -> Option<Parameters> {
        let mut waiting = self.waiting();
        let found = waiting.get(reference)?;
        if found.client_id != client_id {
            return None;
        }
        let request = waiting.remove(reference)?;
        (now < request.until).then_some(request.parameters)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, PushedRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
