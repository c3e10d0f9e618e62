//! A tower-sessions store as a session store of latchgate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
};
use tokio::time::timeout;
use tower_sessions_core::SessionStore as Store;

use crate::failure::Failure;
use crate::row;
use crate::turns::Turns;

/// The time limit of a call.
const PROMPT: Duration = Duration::from_secs(5);

/// How long a call locks its session at most. The clients of most databases give up sooner.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tower-sessions store as a [`SessionStore`].
///
/// Within one value, comparing and saving are one step: each call locks its session. Other values of
/// the same store, and other nodes, do not wait for it. There are no leases
/// ([`Lease::Unsupported`]) and no index ([`SessionStore::find`] returns `None`). The [crate's
/// page](crate) says what that means on several nodes.
///
/// A call fails if it has no answer within five seconds, including the wait for the lock. A call that
/// has not got the lock by then is never sent. A call that was sent may still be carried out: a task
/// waits for that, even if the caller does not, and keeps the lock, so that a late change does not
/// overtake a later call. After thirty seconds the task drops the call and unlocks the session. A store
/// that carries out a change even later can overwrite a newer one, or restore a session that was
/// removed; the gate that removed it still refuses it, until the process ends.
///
/// Calls need a tokio runtime with its timer.
pub struct TowerSessions<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: S,
    turns: Arc<Turns>,
}

impl<S: Store> TowerSessions<S> {
    /// Keeps sessions in `store`. Share this value, in an `Arc`, between the gates of a process.
    #[must_use]
    pub fn new(store: S) -> Self {
        let turns = Arc::default();
        Self {
            shared: Arc::new(Shared { store, turns }),
        }
    }

    /// Makes a call while its session is locked: no other call of this value for the key is under way.
    fn in_turn<'a, T, F>(
        &self,
        key: &StoreKey,
        call: impl FnOnce(Arc<Shared<S>>, StoreKey) -> F,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let turn = Arc::clone(&self.shared.turns).of(*key);
        let call = call(Arc::clone(&self.shared), *key);
        let task = async move {
            // Held while the store works: others have to wait.
            let _turn = timeout(PROMPT, turn).await.map_err(|_| Failure::Slow)?;
            timeout(PATIENCE, call).await.unwrap_or(Err(Failure::Slow))
        };
        promptly(async move { tokio::spawn(task).await.unwrap_or(Err(Failure::Panicked)) })
    }
}

impl<S: Store> Shared<S> {
    /// What is saved for a key.
    async fn look(&self, key: &StoreKey) -> Result<Place, Failure> {
        Ok(match self.store.load(&row::id(key)).await? {
            None => Place::Free,
            Some(record) => row::read(key, record).map_or(Place::Foreign, Place::Ours),
        })
    }

    async fn live(&self, key: &StoreKey, now: u64) -> Result<Option<StoredRecord>, Failure> {
        Ok(match self.look(key).await? {
            Place::Ours(record) if record.expires_at > now => Some(record),
            _ => None,
        })
    }

    async fn save(&self, key: &StoreKey, record: &StoredRecord) -> Result<(), Failure> {
        let record = row::written(key, record).ok_or(Failure::Encode)?;
        Ok(self.store.save(&record).await?)
    }

    /// Creates a record where none can be loaded. `save` is not enough: in some stores it only changes
    /// existing records. A store whose id is taken creates the record under another id, where nothing
    /// would look for it.
    async fn create(&self, key: &StoreKey, record: &StoredRecord) -> Result<bool, Failure> {
        let mut made = row::written(key, record).ok_or(Failure::Encode)?;
        self.store.create(&mut made).await?;
        if made.id == row::id(key) {
            return Ok(true);
        }
        self.store.delete(&made.id).await?;
        Ok(false)
    }

    async fn add(&self, key: &StoreKey, record: &StoredRecord, now: u64) -> Result<bool, Failure> {
        match self.look(key).await? {
            Place::Foreign => return Ok(false),
            Place::Ours(there) if there.expires_at > now => return Ok(false),
            Place::Ours(_) => {
                self.save(key, record).await?;
                return Ok(true);
            }
            Place::Free => {}
        }
        if self.create(key, record).await? {
            return Ok(true);
        }
        // Another node was faster, or the record has expired and cannot be loaded.
        if !matches!(self.look(key).await?, Place::Free) {
            return Ok(false);
        }
        self.store.delete(&row::id(key)).await?;
        self.create(key, record).await
    }

    async fn change(
        &self,
        key: &StoreKey,
        expected: u32,
        record: &StoredRecord,
        now: u64,
    ) -> Result<bool, Failure> {
        match self.live(key, now).await? {
            Some(there) if there.generation == expected => {
                self.save(key, record).await?;
                Ok(true)
            }
            there => Ok(there.as_ref() == Some(record)),
        }
    }
}

/// What is saved for a key.
enum Place {
    Free,
    Foreign,
    Ours(StoredRecord),
}

fn promptly<'a, T: 'a>(
    call: impl Future<Output = Result<T, Failure>> + Send + 'a,
) -> StoreFuture<'a, T> {
    Box::pin(async move {
        let answer = timeout(PROMPT, call).await;
        Ok(answer.unwrap_or(Err(Failure::Slow))?)
    })
}

impl<S> fmt::Debug for TowerSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the store's own output, which may contain a URL with a password.
        f.debug_struct("TowerSessions").finish_non_exhaustive()
    }
}

impl<S: Store> SessionStore for TowerSessions<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        promptly(async move {
            let there = self.shared.live(key, now).await?;
            Ok(there.map(|record| record.loaded()))
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.in_turn(key, move |shared, key| async move {
            shared.add(&key, &record, now).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.in_turn(key, move |shared, key| async move {
            shared.change(&key, expected, &record, now).await
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        self.in_turn(key, |shared, key| async move {
            Ok(shared.store.delete(&row::id(&key)).await?)
        })
    }

    fn lease<'a>(&'a self, _: &'a StoreKey, _: Duration, _: u64) -> StoreFuture<'a, Lease> {
        done(Lease::Unsupported)
    }

    fn extend_lease<'a>(
        &'a self,
        _: &'a StoreKey,
        _: u64,
        _: Duration,
        _: u64,
    ) -> StoreFuture<'a, bool> {
        done(false)
    }

    fn release_lease<'a>(&'a self, _: &'a StoreKey, _: u64) -> StoreFuture<'a, ()> {
        done(())
    }

    fn find<'a>(&'a self, _: &'a StoredName, _: u64) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        done(None)
    }
}

fn done<'a, T: Send + 'a>(value: T) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(Ok::<_, StoreError>(value)))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use async_trait::async_trait;
    use latchgate_store_contract::check;
    use tower_sessions_core::session::{Id, Record};
    use tower_sessions_core::session_store::{Error, Result as StoreResult};
    use tower_sessions_memory_store::MemoryStore;

    use super::*;

    const KEY: StoreKey = [5; 32];

    fn record(generation: u32, expires_at: u64) -> StoredRecord {
        StoredRecord::new(vec![7], generation, expires_at)
    }

    /// `save` changes only what is there, as that of tower-sessions' Redis store. Every call lets
    /// others go first, as a network does.
    #[derive(Debug, Default)]
    struct SavesOverOnly(MemoryStore);

    #[async_trait]
    impl Store for SavesOverOnly {
        async fn create(&self, record: &mut Record) -> StoreResult<()> {
            self.0.create(record).await
        }
        async fn save(&self, record: &Record) -> StoreResult<()> {
            match self.load(&record.id).await? {
                Some(_) => self.0.save(record).await,
                None => Ok(()),
            }
        }
        async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
            tokio::task::yield_now().await;
            self.0.load(id).await
        }
        async fn delete(&self, id: &Id) -> StoreResult<()> {
            self.0.delete(id).await
        }
    }

    #[tokio::test]
    async fn a_store_that_saves_only_over_what_is_there_is_enough_for_the_contract() {
        let store = TowerSessions::new(SavesOverOnly::default());
        let offer = check(&store, [7; 32], 4_000_000_000).await.unwrap();
        assert_eq!((offer.leases, offer.index), (false, false));
    }

    #[tokio::test]
    async fn what_the_store_has_let_expire_makes_way() {
        // By the store's own clock this was over in 2001: it does not load, and is still there.
        let store = TowerSessions::new(MemoryStore::default());
        let dead = record(0, 1_000_000_600);
        assert!(store.insert(&KEY, dead, 1_000_000_000).await.unwrap());
        let new = record(9, 4_000_000_600);
        assert!(
            store
                .insert(&KEY, new.clone(), 4_000_000_000)
                .await
                .unwrap()
        );
        assert_eq!(
            store.load(&KEY, 4_000_000_000).await.unwrap(),
            Some(new.loaded())
        );
    }

    #[tokio::test]
    async fn somebody_elses_record_is_left_alone() {
        let memory = MemoryStore::default();
        let mut other = KEY;
        other[31] = 6;
        let (theirs, ours) = (
            TowerSessions::new(memory.clone()),
            TowerSessions::new(memory),
        );
        let record = record(0, 4_000_000_600);
        let now = 4_000_000_000;
        assert!(theirs.insert(&other, record.clone(), now).await.unwrap());
        assert!(!ours.insert(&KEY, record.clone(), now).await.unwrap());
        assert!(!ours.replace(&KEY, 0, record.clone(), now).await.unwrap());
        assert_eq!(ours.load(&KEY, now).await.unwrap(), None);
        assert_eq!(
            theirs.load(&other, now).await.unwrap(),
            Some(record.loaded())
        );
    }

    /// `save` takes until it is told to go on, for the record of [`KEY`].
    #[derive(Debug, Default)]
    struct SavesSlowly {
        memory: MemoryStore,
        goes_on: Arc<tokio::sync::Notify>,
    }

    #[async_trait]
    impl Store for SavesSlowly {
        async fn create(&self, record: &mut Record) -> StoreResult<()> {
            self.memory.create(record).await
        }
        async fn save(&self, record: &Record) -> StoreResult<()> {
            if record.id == row::id(&KEY) {
                self.goes_on.notified().await;
            }
            self.memory.save(record).await
        }
        async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
            self.memory.load(id).await
        }
        async fn delete(&self, id: &Id) -> StoreResult<()> {
            self.memory.delete(id).await
        }
    }

    const NOW: u64 = 4_000_000_000;

    /// A store with a record of generation 0 under [`KEY`], and the bell for its saves.
    async fn slow() -> (TowerSessions<SavesSlowly>, Arc<tokio::sync::Notify>) {
        let store = SavesSlowly::default();
        let goes_on = Arc::clone(&store.goes_on);
        let store = TowerSessions::new(store);
        assert!(store.insert(&KEY, record(0, NOW + 600), NOW).await.unwrap());
        (store, goes_on)
    }

    /// The call fails because the store is slow.
    async fn is_slow<T: fmt::Debug>(call: StoreFuture<'_, T>) {
        let error = call.await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.downcast_ref(), Some(&Failure::Slow));
    }

    async fn generation(store: &dyn SessionStore) -> Option<u32> {
        let there = store.load(&KEY, NOW).await.unwrap();
        there.map(|record| record.generation)
    }

    /// Lets so much time pass.
    async fn pass(time: Duration) {
        let never = std::future::pending::<()>();
        assert!(timeout(time, never).await.is_err());
    }

    /// A statement that is at the server already is carried out, whether or not somebody waits.
    #[tokio::test(start_paused = true)]
    async fn a_change_that_is_given_up_overtakes_no_removal() {
        let (store, goes_on) = slow().await;
        let given_up = store.replace(&KEY, 0, record(1, NOW + 600), NOW);
        let briefly = Duration::from_millis(20);
        assert!(timeout(briefly, given_up).await.is_err());

        let mut removal = store.remove(&KEY);
        assert!(timeout(briefly, &mut removal).await.is_err());
        goes_on.notify_one();
        removal.await.unwrap();
        assert_eq!(generation(&store).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_does_one_that_lands_after_its_five_seconds() {
        let (store, goes_on) = slow().await;
        is_slow(store.replace(&KEY, 0, record(1, NOW + 600), NOW)).await;
        let mut removal = store.remove(&KEY);
        let briefly = Duration::from_secs(1);
        assert!(timeout(briefly, &mut removal).await.is_err());
        goes_on.notify_one();
        removal.await.unwrap();
        assert_eq!(generation(&store).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_holds_up_no_other_session() {
        let (store, _) = slow().await;
        is_slow(store.replace(&KEY, 0, record(1, NOW + 600), NOW)).await;
        // It still has its turn. These keys end alike.
        for first in 100..200 {
            let mut other = KEY;
            other[0] = first;
            let inserted = store.insert(&other, record(0, NOW + 600), NOW).await;
            assert!(inserted.unwrap(), "{first}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_gives_up_its_turn_and_leaves_nothing_torn() {
        let (store, goes_on) = slow().await;
        is_slow(store.replace(&KEY, 0, record(1, NOW + 600), NOW)).await;
        // Its turn does not come in time: it is not made at all.
        is_slow(store.remove(&KEY)).await;
        pass(Duration::from_secs(60)).await;
        assert_eq!(generation(&store).await, Some(0));
        goes_on.notify_one();
        let replaced = store.replace(&KEY, 0, record(2, NOW + 600), NOW).await;
        assert!(replaced.unwrap());
        assert_eq!(generation(&store).await, Some(2));
    }

    /// Fails with this error; without one, never answers.
    #[derive(Debug)]
    struct Broken(StdMutex<Option<Error>>);

    #[async_trait]
    impl Store for Broken {
        async fn save(&self, _: &Record) -> StoreResult<()> {
            Ok(())
        }
        async fn load(&self, _: &Id) -> StoreResult<Option<Record>> {
            let error = self.0.lock().unwrap().take();
            match error {
                Some(error) => Err(error),
                None => std::future::pending().await,
            }
        }
        async fn delete(&self, _: &Id) -> StoreResult<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_tell_their_kind_and_quote_nothing() {
        let text = "postgres://app:hunter2@db/sessions".to_owned();
        for (error, failure) in [
            (Some(Error::Backend(text.clone())), Failure::Backend),
            (Some(Error::Encode(text.clone())), Failure::Encode),
            (Some(Error::Decode(text)), Failure::Decode),
            (None, Failure::Slow),
        ] {
            let store = TowerSessions::new(Broken(StdMutex::new(error)));
            let shown = format!("{store:?}");
            let error = store.load(&KEY, 1).await.unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref(), Some(&failure));
            let told = format!("{shown} {error} {error:?} {source}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
