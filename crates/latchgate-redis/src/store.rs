//! The store. Each call is one command or one script.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchgate::Finding;
use latchgate::store::{
    Lease, LeaseEnds, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName,
    StoredRecord,
};
use redis::{FromRedisValue, Script, ScriptInvocation, Value, cmd};

use crate::address::{Address, UrlError};
use crate::diagnosis;
use crate::error::Reason;
use crate::lease_ends;
use crate::link::{Link, Question, Turn};
use crate::record::{FIELDS, Fields, Foreign, index, read, record, record_key, written};
use crate::script::{EXTEND, FIND, INSERT, LEASE, RELEASE, REMOVE, REPLACE};

/// A [`SessionStore`] on Redis 7 or Valkey. One value, and one connection, serves a whole process. Another
/// connection, for announcements, is made when a node first waits for another that refreshes a session.
///
/// It connects at the first call, and again when the connection was lost. A call over a lost
/// connection is repeated once over a new one, so that calls after a restart of Redis succeed. A call
/// takes less than five seconds: two at most to connect, two for an answer.
pub struct RedisStore {
    link: Link,
    prefix: String,
    /// Distinguishes the leases of this store from those of others; see [`RedisStore::caller`].
    name: u64,
    calls: AtomicU64,
    lease_ends: LeaseEnds,
}

/// Opens the store of a URL for Redis or Valkey, as a
/// [`StoreOpener`](latchgate::store::StoreOpener), without connecting. `None` when the scheme belongs to
/// another store.
pub fn open(url: &str) -> Option<Result<Arc<dyn SessionStore>, StoreError>> {
    Address::is_ours(url).then(|| {
        let store: Arc<dyn SessionStore> = Arc::new(RedisStore::open(url)?);
        Ok(store)
    })
}

impl RedisStore {
    /// The default prefix of all keys.
    pub const DEFAULT_PREFIX: &str = "latchgate:";

    /// A store at `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS. `valkey`
    /// and `valkeys` mean the same. A socket is `redis+unix:///path[?db=0&user=…&pass=…]`. The store
    /// connects at its first call.
    ///
    /// TLS checks the server's certificate against the system's root certificates, or those of
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`. TLS is rustls with the process's crypto provider. When none is
    /// installed, connecting installs aws-lc-rs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] with a [`UrlError`] that says what is wrong and what would be right, without
    /// quoting the URL.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(Address::parse(url).map_err(refused)?),
            prefix: Self::DEFAULT_PREFIX.to_owned(),
            name: RandomState::new().build_hasher().finish(),
            calls: AtomicU64::new(0),
            lease_ends: LeaseEnds::new(),
        })
    }

    /// Sets the prefix of all keys, so that several applications can share a database. Applications
    /// with the same prefix share their sessions.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Trusts the root certificates in this PEM file, and no others.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] when the URL is neither `rediss://` nor `valkeys://`, or this is not PEM.
    pub fn with_root_certificates(mut self, pem: &[u8]) -> Result<Self, StoreError> {
        self.link = Link::new(self.link.address().trusting(pem).map_err(refused)?);
        Ok(self)
    }

    /// Runs a script on a record.
    async fn ask<T: FromRedisValue>(
        &self,
        script: &'static Script,
        key: &StoreKey,
        now: u64,
        arguments: impl Fn(&mut ScriptInvocation<'static>, Turn) + Send + Sync,
    ) -> Result<T, StoreError> {
        let question = |turn| {
            let mut asked = script.key(record_key(&self.prefix, key));
            asked.arg(&self.prefix).arg(written(key)).arg(now);
            arguments(&mut asked, turn);
            Question::Script(asked)
        };
        self.link.ask(question).await
    }

    /// The caller of a lease: a name that no other call of any store has. So a repeated call gets the
    /// lease that it already holds.
    fn caller(&self) -> String {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}.{call}", self.name)
    }

    fn foreign(&self, Foreign: Foreign) -> StoreError {
        self.link.error(Reason::Unexpected)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", self.link.address())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn refused(error: UrlError) -> StoreError {
    StoreError::Url(Box::new(error))
}

/// Adds a record as the scripts take it: its fields, and how long it has left.
fn put(asked: &mut ScriptInvocation<'static>, record: &StoredRecord, now: u64) {
    let (sid, sub) = match &record.names {
        Some(names) => (written(&names.sid), written(&names.sub)),
        None => Default::default(),
    };
    asked
        .arg(record.sealed.as_slice())
        .arg(record.generation)
        .arg(record.expires_at)
        .arg(sid)
        .arg(sub)
        .arg(milliseconds_left(record.expires_at, now));
}

/// Redis keeps a record for a century at most, in seconds.
const LONGEST: u64 = 100 * 365 * 24 * 3600;

fn milliseconds_left(expires_at: u64, now: u64) -> u64 {
    expires_at.saturating_sub(now).min(LONGEST) * 1000
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .min(LONGEST * 1000)
}

impl SessionStore for RedisStore {
    fn system(&self) -> &'static str {
        "redis"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        Box::pin(async move {
            let question = |_| {
                let mut command = cmd("HMGET");
                command.arg(record_key(&self.prefix, key)).arg(&FIELDS);
                Question::Command(command)
            };
            let fields: Fields = self.link.ask(question).await?;
            let there = record(fields).map_err(|foreign| self.foreign(foreign))?;
            Ok(there.filter(|there| there.expires_at > now))
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.ask(&INSERT, key, now, |asked, turn| {
                asked.arg(match turn {
                    Turn::First => "first",
                    Turn::Again => "again",
                });
                put(asked, &record, now);
            })
            .await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.ask(&REPLACE, key, now, |asked, _| {
                asked.arg(expected);
                put(asked, &record, now);
            })
            .await
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.ask(&REMOVE, key, 0, |_, _| {}).await })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            let caller = self.caller();
            let answer = self
                .ask::<Vec<Value>>(&LEASE, key, now, |asked, _| {
                    asked.arg(milliseconds(duration)).arg(&caller);
                })
                .await?;
            granted(answer).map_err(|foreign| self.foreign(foreign))
        })
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.ask(&EXTEND, key, now, |asked, _| {
                asked.arg(milliseconds(duration)).arg(fence);
            })
            .await
        })
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.ask(&RELEASE, key, 0, |asked, _| {
                asked.arg(fence);
            })
            .await
        })
    }

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        Some(self.lease_ends.wait(key, |announcer| {
            let address = self.link.address().clone();
            lease_ends::subscribe(address, lease_ends::channel(&self.prefix), announcer)
        }))
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        Box::pin(async move {
            let Some((kind, name)) = index(name) else {
                return Ok(None);
            };
            let question = |_| {
                let mut asked = FIND.key(format!("{}{kind}:{name}", self.prefix));
                asked.arg(&self.prefix).arg(kind).arg(&name).arg(now);
                Question::Script(asked)
            };
            let found: Vec<String> = self.link.ask(question).await?;
            let keys: Result<_, _> = found.iter().map(|found| read(found)).collect();
            keys.map(Some).map_err(|foreign| self.foreign(foreign))
        })
    }

    fn diagnose(&self) -> StoreFuture<'_, Vec<Finding>> {
        Box::pin(diagnosis::diagnose(&self.link))
    }
}

/// The answer of the script for leases.
fn granted(answer: Vec<Value>) -> Result<Lease, Foreign> {
    let mut answer = answer.into_iter();
    let word: String = value(answer.next())?;
    match word.as_str() {
        "missing" => Ok(Lease::Missing),
        "held" => Ok(Lease::Held),
        "granted" => {
            let fence = value(answer.next())?;
            let record = record(value::<Fields>(answer.next())?)?.ok_or(Foreign)?;
            Ok(Lease::granted(fence, record))
        }
        _ => Err(Foreign),
    }
}

fn value<T: FromRedisValue>(value: Option<Value>) -> Result<T, Foreign> {
    let value = value.ok_or(Foreign)?;
    redis::from_redis_value(value).map_err(|_| Foreign)
}

#[cfg(test)]
mod tests {
    use latchgate::store::StoreOpener;

    use super::*;

    #[test]
    fn a_url_opens_the_store_or_is_somebody_elses() {
        let open: StoreOpener = open;
        for url in ["redis://h", " valkeys://me:hunter2@h/1 "] {
            let store = open(url).unwrap().unwrap();
            let told = format!("{store:?}");
            assert!(told.contains("latchgate:"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert!(open("postgres://h/db").is_none() && open("memory").is_none());
        let refused = open("redis://me:hunter2@h/sessions").unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::Url(_)), "{refused:?}");
    }

    #[test]
    fn no_call_has_the_name_of_another() {
        let stores = [(); 2].map(|()| RedisStore::open("redis://h").unwrap());
        let callers = stores
            .iter()
            .flat_map(|store| [store.caller(), store.caller()]);
        let different: std::collections::HashSet<String> = callers.collect();
        assert_eq!(different.len(), 4);
    }

    #[test]
    fn time_that_is_left_is_bounded() {
        for (expires_at, left) in [(9, 0), (10, 0), (11, 1_000), (u64::MAX, LONGEST * 1_000)] {
            assert_eq!(milliseconds_left(expires_at, 10), left);
        }
        assert_eq!(milliseconds(Duration::MAX), LONGEST * 1_000);
    }
}
