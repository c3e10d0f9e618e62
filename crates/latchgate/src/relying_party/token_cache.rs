//! Access tokens for other APIs, kept in memory until they expire. The first caller that needs a missing one gets it for
//! all that wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::error::Error;
use crate::expiring_map::ExpiringMap;
use crate::io::HttpError;
use crate::token::{TokenResponse, is_replaceable};

/// The tokens, by [`TokenFor::key`](crate::TokenFor).
#[derive(Debug)]
pub(super) struct TokenCache(ExpiringMap<[u8; 32], Arc<Place>>);

/// How many tokens are kept. Beyond that, a new one replaces one that expires early.
const ROOM: usize = 10_000;

/// How long a place without a token stays, and how long a token is used whose lifetime the provider does not state, in
/// seconds.
const UNKNOWN: u64 = 60;

/// How long the provider is not asked again for a token that it has not granted, in seconds.
const PAUSE: u64 = 5;

/// The place of one token.
#[derive(Debug, Default)]
struct Place {
    /// Held by the caller that gets the token; the others wait and then find it.
    getting: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<CachedToken>,
    paused_until: u64,
}

/// An access token, as it was issued.
#[derive(Clone)]
pub(super) struct CachedToken {
    pub(super) text: String,
    pub(super) scope: String,
    issued_at: u64,
    expires_at: u64,
    /// Whether the provider stated its lifetime.
    has_lifetime: bool,
}

/// A token that is there, or the right to get it.
pub(super) enum Search {
    Token(CachedToken),
    Missing(GettingToken),
}

/// The right to get one token, which one caller has at a time. Dropped without one, it lets the next caller try.
pub(crate) struct GettingToken {
    place: Arc<Place>,
    key: [u8; 32],
    _alone: OwnedMutexGuard<()>,
}

impl CachedToken {
    pub(super) fn new(response: &TokenResponse, requested: &str, now: u64) -> Self {
        let lifetime = response.expires_in.unwrap_or(UNKNOWN);
        Self {
            text: response.access_token.clone(),
            // RFC 6749 §5.1: a missing scope means the requested one.
            scope: response
                .scope
                .clone()
                .unwrap_or_else(|| requested.to_owned()),
            issued_at: now,
            expires_at: now.saturating_add(lifetime),
            has_lifetime: response.expires_in.is_some(),
        }
    }

    pub(super) fn expires_in(&self, now: u64) -> Option<u64> {
        self.has_lifetime
            .then(|| self.expires_at.saturating_sub(now))
    }

    /// Whether it is used: until a tenth of its lifetime, or a minute, before it expires.
    fn is_good(&self, now: u64) -> bool {
        let margin = (self.expires_at.saturating_sub(self.issued_at) / 10).min(60);
        now.saturating_add(margin) < self.expires_at
    }
}

debug_fields!(CachedToken { scope, expires_at });

impl Place {
    fn state(&self) -> MutexGuard<'_, Held> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token; an error while the provider is not asked again.
    fn look(&self, now: u64) -> Result<Option<CachedToken>, Error> {
        let state = self.state();
        match &state.token {
            Some(token) if token.is_good(now) => Ok(Some(token.clone())),
            _ if state.paused_until > now => Err(HttpError::FailedForOthers.into()),
            _ => Ok(None),
        }
    }
}

impl TokenCache {
    pub(super) fn new() -> Self {
        Self(ExpiringMap::bounded(ROOM))
    }

    /// The token under a key, or the right to get it, once nobody else is about to. `now` is asked for again after the
    /// wait.
    ///
    /// # Errors
    ///
    /// [`HttpError::FailedForOthers`] for a few seconds after an attempt that failed.
    pub(super) async fn find(&self, key: [u8; 32], now: impl Fn() -> u64) -> Result<Search, Error> {
        let place = self.place(key, now());
        if let Some(token) = place.look(now())? {
            return Ok(Search::Token(token));
        }
        let alone = Arc::clone(&place.getting).lock_owned().await;
        Ok(match place.look(now())? {
            Some(token) => Search::Token(token),
            None => Search::Missing(GettingToken {
                place,
                key,
                _alone: alone,
            }),
        })
    }

    /// Records the token that was got, or that there is none.
    pub(super) fn settle(&self, getting: &GettingToken, token: Option<&CachedToken>, now: u64) {
        let mut state = getting.place.state();
        let until = match token {
            Some(token) => {
                state.token = Some(token.clone());
                state.paused_until = 0;
                token.expires_at
            }
            None => {
                state.paused_until = now.saturating_add(PAUSE);
                now.saturating_add(UNKNOWN)
            }
        };
        drop(state);
        self.0.entry(getting.key, now).set_expiry(until);
    }

    /// Forgets a token that an API has rejected, unless another one has taken its place. `false`, and it stays, if it was
    /// issued too recently.
    pub(super) fn reject(&self, key: [u8; 32], text: &str, now: u64) -> bool {
        let Some(place) = self.0.get(&key, now) else {
            return true;
        };
        let mut state = place.state();
        let rejected = state.token.as_ref().filter(|token| token.text == text);
        let issued_at = rejected.map(|token| token.issued_at);
        if issued_at.is_some_and(|issued_at| !is_replaceable(issued_at, now)) {
            return false;
        }
        if issued_at.is_some() {
            state.token = None;
        }
        true
    }

    fn place(&self, key: [u8; 32], now: u64) -> Arc<Place> {
        let mut entry = self.0.entry(key, now);
        if let Some(place) = entry.get() {
            return Arc::clone(place);
        }
        let place = Arc::<Place>::default();
        entry.set(Arc::clone(&place), now.saturating_add(UNKNOWN));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::poll;

    use super::*;

    const KEY: [u8; 32] = [1; 32];

    fn token(text: &str, expires_in: Option<u64>, now: u64) -> CachedToken {
        let response = TokenResponse::example(text, expires_in);
        CachedToken::new(&response, "read", now)
    }

    async fn found(cache: &TokenCache, now: u64) -> Option<String> {
        match cache.find(KEY, || now).await {
            Ok(Search::Token(token)) => Some(token.text),
            _ => None,
        }
    }

    async fn get(cache: &TokenCache, token: Option<&CachedToken>, now: u64) {
        let Ok(Search::Missing(getting)) = cache.find(KEY, || now).await else {
            panic!("there is a token, or a pause");
        };
        cache.settle(&getting, token, now);
    }

    #[tokio::test]
    async fn a_token_is_used_until_shortly_before_it_expires() {
        let cache = TokenCache::new();
        get(&cache, Some(&token("one", Some(300), 1_000)), 1_000).await;
        assert_eq!(found(&cache, 1_269).await.as_deref(), Some("one"));
        assert_eq!(found(&cache, 1_270).await, None);
        get(&cache, Some(&token("two", None, 1_270)), 1_270).await;
        assert_eq!(found(&cache, 1_323).await.as_deref(), Some("two"));
        assert_eq!(found(&cache, 1_324).await, None);
        assert_eq!(token("two", None, 0).expires_in(1), None);
    }

    #[tokio::test]
    async fn one_gets_it_for_all_who_wait() {
        let cache = TokenCache::new();
        let Ok(Search::Missing(getting)) = cache.find(KEY, || 1_000).await else {
            panic!("there is a token already");
        };
        let mut waiting = Box::pin(found(&cache, 1_000));
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        cache.settle(&getting, Some(&token("one", Some(300), 1_000)), 1_000);
        drop(getting);
        assert_eq!(waiting.await.as_deref(), Some("one"));
    }

    #[tokio::test]
    async fn after_a_failure_nobody_asks_for_a_few_seconds() {
        let cache = TokenCache::new();
        let Ok(Search::Missing(getting)) = cache.find(KEY, || 1_000).await else {
            panic!("there is a token already");
        };
        let mut waiting = Box::pin(cache.find(KEY, || 1_000));
        assert!(poll!(&mut waiting).is_pending());
        cache.settle(&getting, None, 1_000);
        drop(getting);
        assert!(waiting.await.is_err());
        assert!(cache.find(KEY, || 1_004).await.is_err());
        get(&cache, Some(&token("one", Some(300), 1_005)), 1_005).await;
        assert_eq!(found(&cache, 1_005).await.as_deref(), Some("one"));
    }

    /// The caller's browser has hung up.
    #[tokio::test]
    async fn a_caller_that_gives_up_lets_the_next_one_try() {
        let cache = TokenCache::new();
        drop(cache.find(KEY, || 1_000).await);
        get(&cache, Some(&token("one", Some(300), 1_000)), 1_000).await;
    }

    #[tokio::test]
    async fn a_rejected_token_is_forgotten_and_its_successor_is_not() {
        let cache = TokenCache::new();
        get(&cache, Some(&token("two", Some(300), 1_000)), 1_000).await;
        assert!(cache.reject(KEY, "one", 1_030));
        assert_eq!(found(&cache, 1_030).await.as_deref(), Some("two"));
        assert!(cache.reject(KEY, "two", 1_030));
        assert_eq!(found(&cache, 1_030).await, None);
        assert!(cache.reject([2; 32], "two", 1_030));
    }

    #[tokio::test]
    async fn a_token_that_was_just_issued_stays_whoever_rejects_it() {
        let cache = TokenCache::new();
        get(&cache, Some(&token("one", Some(300), 1_000)), 1_000).await;
        assert!(!cache.reject(KEY, "one", 1_029));
        assert_eq!(found(&cache, 1_029).await.as_deref(), Some("one"));
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", token("s3cret", None, 0)).contains("s3cret"));
    }
}
