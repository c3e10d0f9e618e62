//! The bridge: the store door of latchgate, with a tower-sessions store behind it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use latchgate::{Lease, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord};
use tokio::sync::Mutex;
use tower_sessions_core::SessionStore as Store;

use crate::failure::Failure;
use crate::row;

/// How many turns there are to wait for. Sessions whose keys end alike share one.
const TURNS: usize = 64;

/// No call takes longer.
const PROMPT: Duration = Duration::from_secs(5);

/// A tower-sessions store as a [`SessionStore`].
///
/// Comparing and saving are one step for the calls of this process: they take turns, session by
/// session. Clones of the store in other values or on other nodes do not wait; there are no leases
/// ([`Lease::Unsupported`]), and no index ([`SessionStore::find`] is `None`). The
/// [crate's page](crate) says what that means for several nodes. A call that waits longer than five
/// seconds for its turn and its answer fails.
///
/// A change that nobody waits for any more is carried on in a task of its own, which keeps its turn:
/// nothing that comes later can be overtaken by it. So calls need a tokio runtime.
pub struct TowerSessions<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: S,
    turns: [Mutex<()>; TURNS],
}

impl<S: Store> TowerSessions<S> {
    /// Keeps sessions in `store`. Share the one value, in an `Arc`, between the gates of a process.
    #[must_use]
    pub fn new(store: S) -> Self {
        let turns = std::array::from_fn(|_| Mutex::default());
        Self {
            shared: Arc::new(Shared { store, turns }),
        }
    }

    /// Does something when its turn has come: no other call of ours for this key is under way.
    fn in_turn<'a, T, F>(
        &self,
        key: &StoreKey,
        call: impl FnOnce(Arc<Shared<S>>, StoreKey) -> F,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let (shared, key) = (Arc::clone(&self.shared), *key);
        let call = call(Arc::clone(&shared), key);
        let task = async move {
            // The store is asked while others wait: that is what the turn is for.
            let _turn = shared.turns[usize::from(key[31]) % TURNS].lock().await;
            call.await
        };
        promptly(async move { tokio::spawn(task).await.unwrap_or(Err(Failure::Panicked)) })
    }
}

impl<S: Store> Shared<S> {
    /// What is under a key: nobody's record, somebody else's, or ours.
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

    /// Makes a record where nothing can be loaded. `save` would not do: some stores let it change
    /// only what is there. A store that finds the id taken makes the record under another one,
    /// where nobody would look for it.
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
        // Another node was faster, or what is there has expired and cannot be loaded.
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

/// What lies under a key.
enum Place {
    Free,
    Foreign,
    Ours(StoredRecord),
}

fn promptly<'a, T: 'a>(
    call: impl Future<Output = Result<T, Failure>> + Send + 'a,
) -> StoreFuture<'a, T> {
    Box::pin(async move {
        let answer = tokio::time::timeout(PROMPT, call).await;
        Ok(answer.unwrap_or(Err(Failure::Slow))?)
    })
}

impl<S> fmt::Debug for TowerSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store's own output is left out: it may show where it is, and a password.
        f.debug_struct("TowerSessions").finish_non_exhaustive()
    }
}

impl<S: Store> SessionStore for TowerSessions<S> {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
        promptly(self.shared.live(key, now))
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
        StoredRecord {
            sealed: vec![7],
            generation,
            expires_at,
            names: None,
        }
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
        assert_eq!(store.load(&KEY, 4_000_000_000).await.unwrap(), Some(new));
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
        assert_eq!(theirs.load(&other, now).await.unwrap(), Some(record));
    }

    /// `save` takes until it is told to go on.
    #[derive(Debug)]
    struct SavesSlowly(MemoryStore, Arc<tokio::sync::Notify>);

    #[async_trait]
    impl Store for SavesSlowly {
        async fn create(&self, record: &mut Record) -> StoreResult<()> {
            self.0.create(record).await
        }
        async fn save(&self, record: &Record) -> StoreResult<()> {
            self.1.notified().await;
            self.0.save(record).await
        }
        async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
            self.0.load(id).await
        }
        async fn delete(&self, id: &Id) -> StoreResult<()> {
            self.0.delete(id).await
        }
    }

    /// A statement that is at the server already is carried out, whether or not somebody waits.
    #[tokio::test]
    async fn a_change_that_is_given_up_overtakes_no_removal() {
        let goes_on = Arc::new(tokio::sync::Notify::new());
        let store = TowerSessions::new(SavesSlowly(MemoryStore::default(), Arc::clone(&goes_on)));
        let now = 4_000_000_000;
        let (first, second) = (record(0, now + 600), record(1, now + 600));
        assert!(store.insert(&KEY, first, now).await.unwrap());
        let given_up = store.replace(&KEY, 0, second, now);
        let briefly = Duration::from_millis(20);
        assert!(tokio::time::timeout(briefly, given_up).await.is_err());

        let mut removal = store.remove(&KEY);
        assert!(tokio::time::timeout(briefly, &mut removal).await.is_err());
        goes_on.notify_one();
        removal.await.unwrap();
        assert_eq!(store.load(&KEY, now).await.unwrap(), None);
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
