//! Reaching the provider: one total deadline per call, metadata and keys fetched when first needed,
//! by one caller for all who wait, and used on when they cannot be renewed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response, header};

use super::PROVIDER_DEADLINE;
use crate::error::Error;
use crate::jose::KeySet;
use crate::outside::{HttpClient, HttpError};
use crate::provider::{
    Issuer, Metadata, RefetchBudget, discovery_request, discovery_response, keys_request,
    keys_response,
};

/// The way to one provider.
#[derive(Debug)]
pub(crate) struct Reach {
    issuer: Issuer,
    http: Arc<dyn HttpClient>,
    metadata: Remembered<Metadata>,
    keys: Remembered<KeySet>,
    budget: Mutex<Option<RefetchBudget>>,
}

/// A value that is fetched when first needed and renewed when it gets old.
#[derive(Debug)]
struct Remembered<T> {
    /// Whoever fetches holds this; the others wait and then find the value.
    fetching: tokio::sync::Mutex<()>,
    /// How many fetches have failed: whoever waited through a failure shares it.
    failures: AtomicU64,
    latest: Mutex<Option<Remember<T>>>,
}

#[derive(Debug)]
struct Remember<T> {
    value: Arc<T>,
    good_until: u64,
}

impl<T> Clone for Remember<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            ..*self
        }
    }
}

/// Bounds for `Cache-Control: max-age` of metadata and keys, in seconds, and what holds without one.
const SHORTEST: u64 = 5 * 60;
const LONGEST: u64 = 24 * 3600;
const USUAL: u64 = 3600;

/// How long an old value is used before the next attempt to renew it, in seconds.
const RETRY: u64 = 30;

impl<T> Remembered<T> {
    fn new() -> Self {
        Self {
            fetching: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
            latest: Mutex::default(),
        }
    }

    fn latest(&self) -> Option<Remember<T>> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, value: Remember<T>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// The value, fetched unless one is at hand that is not `stale`.
    async fn get<F>(
        &self,
        now: u64,
        stale: impl Fn(&Remember<T>) -> bool,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, u64), Error>>,
    {
        let usable = |latest: Option<Remember<T>>| {
            latest
                .filter(|latest| !stale(latest))
                .map(|latest| latest.value)
        };
        if let Some(value) = usable(self.latest()) {
            return Ok(value);
        }
        let failures = self.failures.load(Ordering::Acquire);
        let _turn = self.fetching.lock().await;
        if let Some(value) = usable(self.latest()) {
            return Ok(value);
        }
        if self.failures.load(Ordering::Acquire) != failures {
            return Err(HttpError::FailedForOthers.into());
        }
        match (fetch().await, self.latest()) {
            (Ok((value, lifetime)), _) => {
                let value = Arc::new(value);
                self.set(Remember {
                    value: Arc::clone(&value),
                    good_until: now.saturating_add(lifetime),
                });
                Ok(value)
            }
            (Err(error), Some(old)) => {
                tracing::warn!(error = %error.chain(), code = error.code(), "the provider's answer from before is used on");
                let value = Arc::clone(&old.value);
                self.set(Remember {
                    good_until: now.saturating_add(RETRY),
                    ..old
                });
                Ok(value)
            }
            (Err(error), None) => {
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }
}

impl Reach {
    pub(crate) fn new(issuer: Issuer, http: Arc<dyn HttpClient>) -> Self {
        Self {
            issuer,
            http,
            metadata: Remembered::new(),
            keys: Remembered::new(),
            budget: Mutex::default(),
        }
    }

    /// Sends one request within the total deadline.
    pub(crate) async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        tokio::time::timeout(PROVIDER_DEADLINE, self.http.send(request))
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    /// The provider's metadata.
    pub(crate) async fn metadata(&self, now: u64) -> Result<Arc<Metadata>, Error> {
        let fetch = || async {
            let request = discovery_request(&self.issuer)
                .map_err(|error| HttpError::Transport(error.into()))?;
            let answer = self.send(request).await?;
            Ok((
                discovery_response(&self.issuer, &answer)?,
                lifetime(&answer),
            ))
        };
        self.metadata
            .get(now, |latest| latest.good_until <= now, fetch)
            .await
    }

    /// The provider's keys.
    pub(crate) async fn keys(&self, now: u64) -> Result<Arc<KeySet>, Error> {
        self.keys
            .get(
                now,
                |latest| latest.good_until <= now,
                || self.fetch_keys(now),
            )
            .await
    }

    /// The provider's keys, fetched again because `known` lacks one: as often as the budget allows,
    /// and not when somebody else has just done it.
    pub(crate) async fn newer_keys(
        &self,
        known: &Arc<KeySet>,
        now: u64,
    ) -> Result<Arc<KeySet>, Error> {
        let same = |latest: &Remember<KeySet>| Arc::ptr_eq(&latest.value, known);
        let affordable = || {
            let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget
                .get_or_insert_with(|| RefetchBudget::full(now))
                .take(now)
        };
        if self.keys.latest().as_ref().is_some_and(same) && !affordable() {
            tracing::warn!("an unknown key id was met again; the keys are not fetched more often");
            return Ok(Arc::clone(known));
        }
        self.keys.get(now, same, || self.fetch_keys(now)).await
    }

    async fn fetch_keys(&self, now: u64) -> Result<(KeySet, u64), Error> {
        let metadata = self.metadata(now).await?;
        let request =
            keys_request(&metadata).map_err(|error| HttpError::Transport(error.into()))?;
        let answer = self.send(request).await?;
        Ok((keys_response(&answer)?, lifetime(&answer)))
    }
}

/// How long an answer may be used, by its `Cache-Control` within our bounds.
fn lifetime(answer: &Response<Vec<u8>>) -> u64 {
    let max_age = answer
        .headers()
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .split(',')
                .find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
        });
    max_age.map_or(USUAL, |seconds: u64| seconds.clamp(SHORTEST, LONGEST))
}
