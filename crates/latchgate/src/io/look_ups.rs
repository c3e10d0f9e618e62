//! Names that are looked up by the system, each by one thread at a time.
//!
//! The system's function blocks its thread for as long as the name servers like, and cannot be interrupted. Whoever chooses a name
//! chooses its servers, and the application needs threads that may block as well.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

/// Looks a name up, and blocks until it is found.
type LookUp = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The addresses of a name, or why there are none.
type FoundAddresses = Result<Arc<[SocketAddr]>, Arc<io::Error>>;

type NamesUnderWay = Arc<Mutex<HashMap<String, Shared<BoxFuture<'static, FoundAddresses>>>>>;

/// Names that are being looked up.
pub(super) struct LookUps {
    look_up: LookUp,
    under_way: NamesUnderWay,
}

/// A name that is being looked up. Dropped, it may be looked up again.
struct NameUnderWay {
    name: String,
    under_way: NamesUnderWay,
}

impl LookUps {
    pub(super) fn new(look_up: LookUp) -> Self {
        Self {
            look_up,
            under_way: NamesUnderWay::default(),
        }
    }

    /// The addresses of a name, for all who ask while it is looked up.
    pub(super) async fn addresses(&self, name: &str) -> FoundAddresses {
        let found = self.found(name);
        found.await
    }

    fn found(&self, name: &str) -> Shared<BoxFuture<'static, FoundAddresses>> {
        let mut under_way = lock(&self.under_way);
        if let Some(found) = under_way.get(name) {
            return found.clone();
        }
        let look_up = self.look_up;
        let this = NameUnderWay {
            name: name.to_owned(),
            under_way: Arc::clone(&self.under_way),
        };
        let task = tokio::task::spawn_blocking(move || look_up(&this.name));
        let found = task.map(|found| match found {
            Ok(Ok(addresses)) => Ok(addresses.into()),
            Ok(Err(error)) => Err(Arc::new(error)),
            Err(stopped) => Err(Arc::new(io::Error::other(stopped))),
        });
        let found = found.boxed().shared();
        under_way.insert(name.to_owned(), found.clone());
        found
    }
}

impl Drop for NameUnderWay {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.name);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::poll;

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static MAY_ANSWER: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    /// A name server that answers when it is told to.
    fn slow(_: &str) -> io::Result<Vec<SocketAddr>> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        let (may_answer, told) = &MAY_ANSWER;
        let waiting = told.wait_while(lock(may_answer), |may| !*may);
        drop(waiting.unwrap());
        Ok(vec!["93.184.215.14:0".parse().unwrap()])
    }

    #[tokio::test]
    async fn a_name_takes_one_thread_however_many_ask_and_hang_up() {
        let look_ups = LookUps::new(slow);
        let mut waiting: Vec<_> = (0..20)
            .map(|_| Box::pin(look_ups.addresses("op.example")))
            .collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        waiting.drain(..10);
        *lock(&MAY_ANSWER.0) = true;
        MAY_ANSWER.1.notify_all();
        for found in join_all(waiting).await {
            assert_eq!(found.unwrap()[0].ip().to_string(), "93.184.215.14");
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        // What was found is used once: addresses change.
        assert!(look_ups.addresses("op.example").await.is_ok());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
        assert!(lock(&look_ups.under_way).is_empty());
    }

    #[tokio::test]
    async fn a_name_that_nobody_finds_may_be_looked_up_again() {
        let look_ups = LookUps::new(|_| Err(io::Error::other("no such name")));
        for _ in 0..2 {
            let error = look_ups.addresses("op.example").await.unwrap_err();
            assert_eq!(error.to_string(), "no such name");
        }
        let look_ups = LookUps::new(|_| panic!("a bug"));
        assert!(look_ups.addresses("op.example").await.is_err());
        assert!(lock(&look_ups.under_way).is_empty());
    }
}
