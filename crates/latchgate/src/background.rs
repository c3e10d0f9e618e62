//! Work that outlives the request that caused it: token refreshes, the ends of sessions, revocations,
//! hooks that hear of a logout.
//!
//! It belongs to no connection, so a browser that hangs up cuts nothing in half. Nor does it belong to
//! a worker: on a multi-threaded runtime it runs there, and everywhere else (the workers of actix-web
//! have a runtime each, which ends with them) on a thread of its own, started at first need.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::outside::Random;

/// Runs work in the background, and knows when it is done.
pub(crate) struct Background {
    tracker: TaskTracker,
    /// Where the application wants the work to run.
    chosen: Option<Handle>,
    own: OnceLock<Option<OwnThread>>,
    /// Room for work that people wait for.
    awaited: Arc<Semaphore>,
    /// Room for work that nobody waits for.
    unawaited: Arc<Semaphore>,
}

struct OwnThread {
    runtime: Handle,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl Background {
    /// How many pieces of work may be under way that somebody waits for, and how many that nobody
    /// does. Refreshes are not counted: each session has one at most.
    const ROOM: usize = 1_024;

    pub(crate) fn new(chosen: Option<Handle>) -> Self {
        Self {
            tracker: TaskTracker::new(),
            chosen,
            own: OnceLock::new(),
            awaited: Arc::new(Semaphore::new(Self::ROOM)),
            unawaited: Arc::new(Semaphore::new(Self::ROOM)),
        }
    }

    /// Runs `work` to its end.
    pub(crate) fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.start(work));
    }

    /// Runs `work` that is done as well as it goes. With 1,024 pieces of such work under way it is left
    /// undone, and logged as `what`.
    pub(crate) fn spawn_if_room<F>(&self, what: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match Arc::clone(&self.unawaited).try_acquire_owned() {
            Ok(place) => self.spawn(async move {
                work.await;
                drop(place);
            }),
            Err(_) => tracing::error!(
                event = "background_full",
                what,
                "left undone: 1,024 pieces of such work are under way already"
            ),
        }
    }

    /// Runs `work` to its end, also when nobody waits for it any more once it has begun. `None` when
    /// the runtime ended before it did, or it panicked.
    pub(crate) async fn run<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let place = Arc::clone(&self.awaited).acquire_owned().await;
        let work = async move {
            let output = work.await;
            drop(place);
            output
        };
        self.start(work)?.await.ok()
    }

    /// Waits until all work that has been given so far is done.
    pub(crate) async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    fn start<F>(&self, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let runtime = self.runtime()?;
        Some(self.tracker.spawn_on(work.in_current_span(), &runtime))
    }

    fn runtime(&self) -> Option<Handle> {
        if let Some(chosen) = &self.chosen {
            return Some(chosen.clone());
        }
        let here = Handle::try_current().ok();
        let outlives_workers = |here: &Handle| here.runtime_flavor() == RuntimeFlavor::MultiThread;
        if let Some(here) = here.clone().filter(outlives_workers) {
            return Some(here);
        }
        let own = self.own.get_or_init(|| {
            OwnThread::start()
                .inspect_err(|error| {
                    tracing::error!(
                        event = "background_thread_failed",
                        %error,
                        "no thread could be started for background work: it runs where it is asked for, and ends with that runtime"
                    );
                })
                .ok()
        });
        own.as_ref().map(|own| own.runtime.clone()).or(here)
    }
}

impl OwnThread {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("latchgate".to_owned())
            .spawn(move || drop(runtime.block_on(stopped)))?;
        Ok(Self {
            runtime: handle,
            _stop: stop,
        })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("under_way", &self.tracker.len())
            .finish_non_exhaustive()
    }
}

/// Pauses between attempts: each twice as long as the one before, up to a limit, and each shortened by
/// up to a quarter at random, so that those who failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            longest,
        }
    }

    /// Waits for the next pause.
    pub(crate) async fn pause(&mut self, random: &dyn Random) {
        wait(self.step(random)).await;
    }

    fn step(&mut self, random: &dyn Random) -> Duration {
        // A generator that fails costs nothing but the spread.
        let [chance] = random.array().unwrap_or([0]);
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
        whole - whole * u32::from(chance) / 1_024
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is nothing to wait for but the time between two attempts"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;
    use crate::outside::scripted::BrokenRandom;

    #[derive(Debug)]
    struct Chance(u8);

    impl Random for Chance {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::outside::RandomError> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_are_spread() {
        let steps = |random: &dyn Random| {
            let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
            std::array::from_fn::<_, 4, _>(|_| backoff.step(random).as_millis())
        };
        assert_eq!(steps(&Chance(0)), [100, 200, 350, 350]);
        assert_eq!(steps(&BrokenRandom), [100, 200, 350, 350]);
        assert_eq!(steps(&Chance(255)), [75, 150, 262, 262]);
    }

    /// As an actix-web worker that stops: its runtime ends, and with it whatever ran there.
    #[test]
    fn work_outlives_the_worker_that_asked_for_it() {
        let background = Arc::new(Background::new(None));
        let go_on = Arc::new(Notify::new());
        let done = Arc::new(AtomicUsize::new(0));
        let worker = Builder::new_current_thread().build().unwrap();
        worker.block_on(async {
            let (go_on, done) = (Arc::clone(&go_on), Arc::clone(&done));
            background.spawn(async move {
                go_on.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
            });
        });
        drop(worker);
        go_on.notify_one();
        let main = Builder::new_current_thread().enable_all().build().unwrap();
        main.block_on(async {
            let drained = tokio::time::timeout(Duration::from_secs(10), background.drain());
            drained.await.unwrap();
        });
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_that_is_waited_for_ends_also_when_nobody_waits_any_more() {
        let background = Background::new(Some(Handle::current()));
        let done = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&done);
        let mut waiting = Box::pin(background.run(async move {
            tokio::task::yield_now().await;
            counting.fetch_add(1, Ordering::SeqCst);
        }));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(background.run(async { 7 }).await, Some(7));
        let panics = async { panic!("as an application's hook may") };
        assert_eq!(background.run(panics).await, None::<()>);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_has_so_much_room_and_no_more() {
        let background = Background::new(Some(Handle::current()));
        let done = Arc::new(AtomicUsize::new(0));
        let count = || {
            let done = Arc::clone(&done);
            async move {
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        for _ in 0..=Background::ROOM {
            background.spawn_if_room("a test", count());
        }
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), Background::ROOM);
        background.spawn_if_room("a test", count());
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), Background::ROOM + 1);
    }
}
