//! Calls to the store, and comparison of its answers with what a rule expects.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchgate::store::{
    Lease, SessionStore, StoreFuture, StoreKey, StoredName, StoredNames, StoredRecord,
};

use crate::draw;
use crate::violation::{Call, Rule, Seen, Violation};

/// The time limit of a call.
const PROMPT: Duration = Duration::from_secs(5);

/// The lifetime of records, in seconds, unless a rule is about that. Longer than any run.
pub(crate) const LIFE: u64 = 600;

/// One run of the contract.
pub(crate) struct Run<'a> {
    pub(crate) store: &'a dyn SessionStore,
    /// The time, in seconds since the epoch.
    pub(crate) now: u64,
    seed: [u8; 32],
    /// How many keys were made.
    drawn: AtomicU64,
}

/// Calls under a rule: an answer that the rule does not expect is its violation.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    run: &'a Run<'a>,
    rule: Rule,
}

impl<'a> Run<'a> {
    pub(crate) fn new(store: &'a dyn SessionStore, seed: [u8; 32], now: u64) -> Self {
        Self {
            store,
            now,
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// A key without a record.
    pub(crate) fn key(&self) -> StoreKey {
        draw::key(&self.seed, self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// The names of a session at the provider and of a person, each by a number.
    pub(crate) fn names(&self, session: u64, person: u64) -> StoredNames {
        draw::names(&self.seed, session, person)
    }

    /// A record of a generation, without names.
    pub(crate) fn record(&self, generation: u32) -> StoredRecord {
        self.record_until(generation, self.now + LIFE)
    }

    /// The same with another expiry.
    pub(crate) fn record_until(&self, generation: u32, expires_at: u64) -> StoredRecord {
        let sealed = format!("generation {generation}").into_bytes();
        StoredRecord::new(sealed, generation, expires_at)
    }

    pub(crate) fn by(&'a self, rule: Rule) -> Ask<'a> {
        Ask { run: self, rule }
    }

    /// Removes what was inserted.
    pub(crate) async fn clear(&self) -> Result<(), Violation> {
        for number in 0..self.drawn.load(Ordering::Relaxed) {
            let key = draw::key(&self.seed, number);
            self.by(Rule::Clears).remove(&key).await?;
        }
        Ok(())
    }
}

impl Ask<'_> {
    /// The violation of the rule.
    pub(crate) fn broken<T>(self, call: Call, seen: Seen) -> Result<T, Violation> {
        let (rule, seen) = (self.rule, Box::new(seen));
        Err(Violation { rule, call, seen })
    }

    /// The answer, which must come in time.
    pub(crate) async fn answer<T>(
        self,
        call: Call,
        answer: StoreFuture<'_, T>,
    ) -> Result<T, Violation> {
        match tokio::time::timeout(PROMPT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => self.broken(call, Seen::Failure(error)),
            Err(_) => self.broken(call, Seen::Silence),
        }
    }

    async fn answers(
        self,
        call: Call,
        answer: StoreFuture<'_, bool>,
        wanted: bool,
    ) -> Result<(), Violation> {
        match self.answer(call, answer).await? {
            seen if seen == wanted => Ok(()),
            seen => self.broken(call, Seen::Answer { seen }),
        }
    }

    /// Loading gives this record, or none.
    pub(crate) async fn load(
        self,
        key: &StoreKey,
        now: u64,
        wanted: Option<&StoredRecord>,
    ) -> Result<(), Violation> {
        let seen = self
            .answer(Call::Load, self.run.store.load(key, now))
            .await?;
        let wanted = wanted.map(StoredRecord::loaded);
        if seen == wanted {
            return Ok(());
        }
        self.broken(Call::Load, Seen::Record { wanted, seen })
    }

    /// Inserting answers this.
    pub(crate) async fn insert(
        self,
        key: &StoreKey,
        record: &StoredRecord,
        now: u64,
        wanted: bool,
    ) -> Result<(), Violation> {
        let inserted = self.run.store.insert(key, record.clone(), now);
        self.answers(Call::Insert, inserted, wanted).await
    }

    /// A new key, with this record inserted.
    pub(crate) async fn inserted(self, record: &StoredRecord) -> Result<StoreKey, Violation> {
        let key = self.run.key();
        self.insert(&key, record, self.run.now, true).await?;
        Ok(key)
    }

    /// Replacing answers this.
    pub(crate) async fn replace(
        self,
        key: &StoreKey,
        expected: u32,
        record: &StoredRecord,
        now: u64,
        wanted: bool,
    ) -> Result<(), Violation> {
        let replaced = self.run.store.replace(key, expected, record.clone(), now);
        self.answers(Call::Replace, replaced, wanted).await
    }

    /// Removing is no error.
    pub(crate) async fn remove(self, key: &StoreKey) -> Result<(), Violation> {
        self.answer(Call::Remove, self.run.store.remove(key)).await
    }

    /// The answer to the request for a lease.
    pub(crate) async fn lease(
        self,
        key: &StoreKey,
        duration: Duration,
        now: u64,
    ) -> Result<Lease, Violation> {
        self.answer(Call::Lease, self.run.store.lease(key, duration, now))
            .await
    }

    /// A lease is granted, with this record. Its fence.
    pub(crate) async fn granted(
        self,
        key: &StoreKey,
        duration: Duration,
        now: u64,
        wanted: &StoredRecord,
    ) -> Result<u64, Violation> {
        match self.lease(key, duration, now).await? {
            Lease::Granted { fence, record, .. } if record == wanted.loaded() => Ok(fence),
            Lease::Granted { record, .. } => self.by(Rule::LeasesCurrent).broken(
                Call::Lease,
                Seen::Record {
                    wanted: Some(wanted.loaded()),
                    seen: Some(record),
                },
            ),
            seen => self.broken(Call::Lease, Seen::Lease { seen }),
        }
    }

    /// No lease is granted, with this answer.
    pub(crate) async fn refused(
        self,
        key: &StoreKey,
        duration: Duration,
        now: u64,
        wanted: &Lease,
    ) -> Result<(), Violation> {
        match self.lease(key, duration, now).await? {
            seen if seen == *wanted => Ok(()),
            seen => self.broken(Call::Lease, Seen::Lease { seen }),
        }
    }

    /// Extending the lease with a fence answers this.
    pub(crate) async fn extend(
        self,
        key: &StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
        wanted: bool,
    ) -> Result<(), Violation> {
        let extended = self.run.store.extend_lease(key, fence, duration, now);
        self.answers(Call::ExtendLease, extended, wanted).await
    }

    /// Releasing is no error, whatever the fence.
    pub(crate) async fn release(self, key: &StoreKey, fence: u64) -> Result<(), Violation> {
        let released = self.run.store.release_lease(key, fence);
        self.answer(Call::ReleaseLease, released).await
    }

    /// A name finds these records, in any order.
    pub(crate) async fn find(
        self,
        name: StoredName,
        now: u64,
        wanted: &[StoreKey],
    ) -> Result<(), Violation> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        let mut seen = self
            .answer(Call::Find, self.run.store.find(&name, now))
            .await?;
        if let Some(seen) = &mut seen {
            seen.sort_unstable();
        }
        if seen.as_ref() == Some(&wanted) {
            return Ok(());
        }
        self.broken(Call::Find, Seen::Keys { wanted, seen })
    }

    /// The same store under another rule.
    pub(crate) fn by(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }
}
