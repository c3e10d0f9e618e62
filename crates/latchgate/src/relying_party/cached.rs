//! A value from the provider: fetched when first needed, by one caller for all who wait, fetched again when it expires,
//! and used stale when that fails.
//!
//! A fetch that has begun is completed, even if its caller hangs up: anybody can cause one, and if it ended with them, whoever
//! hangs up in time, again and again, would keep everybody else waiting.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::background::Background;
use crate::error::Error;
use crate::io::HttpError;

/// A value that is fetched when first needed and again when it expires.
#[derive(Debug)]
pub(super) struct Cached<T> {
    /// Held by the fetch; others wait and then find the value.
    fetching: Arc<tokio::sync::Mutex<()>>,
    /// How many fetches have failed: callers who waited for one share its failure.
    failures: AtomicU64,
    latest: Mutex<Option<CachedValue<T>>>,
}

#[derive(Debug)]
pub(super) struct CachedValue<T> {
    pub(super) value: Arc<T>,
    pub(super) good_until: u64,
}

impl<T> Clone for CachedValue<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            ..*self
        }
    }
}

/// How long a stale value is used before the next attempt to fetch it, in seconds.
const RETRY: u64 = 30;

impl<T> Cached<T> {
    pub(super) fn new() -> Self {
        Self {
            fetching: Arc::default(),
            failures: AtomicU64::new(0),
            latest: Mutex::default(),
        }
    }

    /// A value that never expires.
    pub(super) fn holding(value: T) -> Self {
        let this = Self::new();
        this.set(CachedValue {
            value: Arc::new(value),
            good_until: u64::MAX,
        });
        this
    }

    pub(super) fn latest(&self) -> Option<CachedValue<T>> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, value: CachedValue<T>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// The value, fetched unless the latest is not `stale`.
    pub(super) async fn get<F>(
        self: &Arc<Self>,
        now: u64,
        stale: impl Fn(&CachedValue<T>) -> bool,
        background: &Background,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Error>
    where
        F: Future<Output = Result<(T, u64), Error>> + Send + 'static,
        T: Send + Sync + 'static,
    {
        let usable = |latest: Option<CachedValue<T>>| {
            latest
                .filter(|latest| !stale(latest))
                .map(|latest| latest.value)
        };
        if let Some(value) = usable(self.latest()) {
            return Ok(value);
        }
        let failures = self.failures.load(Ordering::Acquire);
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        if let Some(value) = usable(self.latest()) {
            return Ok(value);
        }
        if self.failures.load(Ordering::Acquire) != failures {
            return Err(HttpError::FailedForOthers.into());
        }
        let (this, fetching) = (Arc::clone(self), fetch());
        let fetched = background.run_apart(async move {
            let fetched = this.settle(fetching.await, now);
            drop(turn);
            fetched
        });
        let stopped = || Err(HttpError::Transport("the server stopped".into()).into());
        fetched.await.unwrap_or_else(stopped)
    }

    /// Records what was fetched. Returns it, or what was there before.
    fn settle(&self, fetched: Result<(T, u64), Error>, now: u64) -> Result<Arc<T>, Error> {
        match (fetched, self.latest()) {
            (Ok((value, lifetime)), _) => {
                let value = Arc::new(value);
                self.set(CachedValue {
                    value: Arc::clone(&value),
                    good_until: now.saturating_add(lifetime),
                });
                Ok(value)
            }
            // Invented key ids neither change the cache nor fill the log.
            (Err(error @ Error::Http(HttpError::NoNewerKeys)), _) => Err(error),
            (Err(error), Some(old)) => {
                tracing::warn!(event = "stale_provider_answer", code = error.code(), cause = ?error, "using stale provider metadata or keys");
                // Callers who waited for a newer value share the failure.
                self.failures.fetch_add(1, Ordering::Release);
                let value = Arc::clone(&old.value);
                self.set(CachedValue {
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
