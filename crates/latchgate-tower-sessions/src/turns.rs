//! Locks, so that calls for one session are made one after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use latchgate::store::StoreKey;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// The queues of a store, one for each session with a call under way.
#[derive(Default)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<StoreKey, Arc<Queue<()>>>>,
}

/// The lock of one session, until it is dropped.
pub(crate) struct Turn {
    // Dropped before the place, which checks whether the queue is empty.
    _right: OwnedMutexGuard<()>,
    _place: Place,
}

/// A place in a queue. The last one to leave removes the queue.
struct Place {
    turns: Arc<Turns>,
    key: StoreKey,
    queue: Arc<Queue<()>>,
}

impl Turns {
    /// Waits for every earlier call for this session.
    pub(crate) async fn of(self: Arc<Self>, key: StoreKey) -> Turn {
        let queue = Arc::clone(self.queues().entry(key).or_default());
        let place = Place {
            turns: self,
            key,
            queue,
        };
        Turn {
            _right: Arc::clone(&place.queue).lock_owned().await,
            _place: place,
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<StoreKey, Arc<Queue<()>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        // The map and this place hold the queue: no one else can get it meanwhile.
        if Arc::strong_count(&self.queue) == 2 {
            queues.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const BRIEFLY: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn turns_of_one_session_come_one_after_the_other_and_leave_nothing() {
        let turns = Arc::new(Turns::default());
        let first = Arc::clone(&turns).of([1; 32]).await;
        let other = timeout(BRIEFLY, Arc::clone(&turns).of([2; 32])).await;
        assert!(other.is_ok(), "another session does not wait");
        let mut second = Box::pin(Arc::clone(&turns).of([1; 32]));
        let mut third = Box::pin(Arc::clone(&turns).of([1; 32]));
        assert!(timeout(BRIEFLY, &mut second).await.is_err());
        assert!(timeout(BRIEFLY, &mut third).await.is_err());
        drop(second);
        drop(first);
        let third = timeout(BRIEFLY, third).await.unwrap();
        assert!(
            timeout(BRIEFLY, Arc::clone(&turns).of([1; 32]))
                .await
                .is_err()
        );
        assert_eq!(turns.queues().len(), 2);
        drop((third, other));
        assert_eq!(turns.queues().len(), 0);
    }
}
