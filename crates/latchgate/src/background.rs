//! Work that outlives the request that caused it: logins, token refreshes, the ends of sessions, revocations, `on_logout`
//! hooks, fetches of metadata and keys.
//!
//! It is tied to no connection, so a browser that hangs up interrupts nothing: what a request waits for is done by the
//! request's own task, and handed over when that is given up; what others wait for as well has a task of its own. Nor is it
//! tied to a worker: on a multi-threaded runtime it runs there, and otherwise (each worker of actix-web has a runtime that
//! ends with it) on a runtime of its own, started when first needed. The connections to the provider live there too, since
//! a connection ends with the runtime it was made on.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;

use crate::io::Random;

/// Runs work in the background, and knows when it is done.
pub(crate) struct Background {
    tracker: TaskTracker,
    /// Where the application wants the work to run.
    chosen: Option<Handle>,
    own: OnceLock<Option<OwnRuntime>>,
    logins: Arc<Semaphore>,
    ends: Arc<Semaphore>,
    revocations: Arc<Semaphore>,
    logout_hooks: Arc<Semaphore>,
}

/// Work that somebody waits for, by kind: each kind has a limit of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// Logins, from the code exchange to the stored session.
    Logins,
    /// Whatever ends sessions.
    Ends,
}

/// Work that nobody waits for, by kind: each kind has a limit of its own. Otherwise a provider that is slow to revoke tokens
/// would keep the application from hearing of logouts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SpareTask {
    /// A token is revoked.
    Revocation,
    /// The application is told that a session has ended.
    LogoutHook,
}

/// `None` only while it is dropped.
struct OwnRuntime(Option<Runtime>);

impl Background {
    /// How many tasks of each kind may run at once. Refreshes are not counted: each session has at most one.
    const ROOM: usize = 1_024;

    /// How many threads the own runtime has.
    const THREADS: usize = 2;

    pub(crate) fn new(chosen: Option<Handle>) -> Self {
        Self {
            tracker: TaskTracker::new(),
            chosen,
            own: OnceLock::new(),
            logins: Arc::new(Semaphore::new(Self::ROOM)),
            ends: Arc::new(Semaphore::new(Self::ROOM)),
            revocations: Arc::new(Semaphore::new(Self::ROOM)),
            logout_hooks: Arc::new(Semaphore::new(Self::ROOM)),
        }
    }

    /// Runs `work` to completion.
    pub(crate) fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.start(work));
    }

    /// Runs `work` on a best-effort basis. With 1,024 such tasks under way it is dropped, which is logged.
    pub(crate) fn spawn_if_room<F>(&self, task: SpareTask, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (room, what) = match task {
            SpareTask::Revocation => (&self.revocations, "a token revocation"),
            SpareTask::LogoutHook => (&self.logout_hooks, "the on_logout hook"),
        };
        match Arc::clone(room).try_acquire_owned() {
            Ok(place) => self.spawn(async move {
                work.await;
                drop(place);
            }),
            Err(_) => tracing::error!(
                event = "background_full",
                what,
                "skipped: 1,024 such tasks are already running"
            ),
        }
    }

    /// Runs `work` to completion once it has begun, even if nobody waits for it any more. `None` when the runtime ended
    /// before it did, or it panicked.
    pub(crate) async fn run<F>(&self, room: Room, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let room = match room {
            Room::Logins => &self.logins,
            Room::Ends => &self.ends,
        };
        let place = Arc::clone(room).acquire_owned().await;
        let work = async move {
            let output = work.await;
            drop(place);
            output
        };
        let runtime = self.runtime()?;
        if !is_current(&runtime) {
            return self.start_on(&runtime, work).await.ok();
        }
        let work = AssertUnwindSafe(work).catch_unwind().in_current_span();
        let work = Box::pin(self.tracker.track_future(work));
        let awaited = Awaited {
            work: Some(work),
            runtime,
        };
        awaited.await.ok()
    }

    /// Runs `work` to completion in a task of its own, for which others may wait as well: it goes on while its caller is busy
    /// with something else, or hangs up. `None` as for [`Background::run`].
    pub(crate) fn run_apart<F>(
        &self,
        work: F,
    ) -> impl Future<Output = Option<F::Output>> + Send + use<F>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = self.start(work);
        async move { task?.await.ok() }
    }

    /// Runs `work` on the runtime of the provider's connections. It is cancelled when the caller is. `None` when the
    /// runtime ended before it did, or it panicked.
    pub(crate) async fn borrow<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let runtime = self.runtime()?;
        if is_current(&runtime) {
            return Some(work.await);
        }
        let task = runtime.spawn(work.in_current_span());
        AbortOnDropHandle::new(task).await.ok()
    }

    /// Waits until all work spawned so far is done.
    pub(crate) async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }

    fn start<F>(&self, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Some(self.start_on(&self.runtime()?, work))
    }

    fn start_on<F>(&self, runtime: &Handle, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tracker.spawn_on(work.in_current_span(), runtime)
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
            OwnRuntime::start()
                .inspect_err(|error| {
                    tracing::error!(
                        event = "background_thread_failed",
                        cause = %error,
                        "no thread could be started for background work; it runs on the caller's runtime, and ends with it"
                    );
                })
                .ok()
        });
        let own = own.as_ref().and_then(|own| own.0.as_ref());
        own.map(|own| own.handle().clone()).or(here)
    }
}

fn is_current(runtime: &Handle) -> bool {
    Handle::try_current().is_ok_and(|here| here.id() == runtime.id())
}

/// Work that is done by the task that waits for it, which saves a handover between threads. If that task no longer waits,
/// the work goes on in the background.
struct Awaited<T: Send + 'static> {
    /// `None` once it is done.
    work: Option<BoxFuture<'static, T>>,
    runtime: Handle,
}

impl<T: Send + 'static> Future for Awaited<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let output = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for Awaited<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.runtime.spawn(work);
        }
    }
}

impl OwnRuntime {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(Background::THREADS)
            .thread_name("latchgate")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for OwnRuntime {
    /// A gate may be dropped anywhere, but a runtime that waits for its threads may not.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("under_way", &self.tracker.len())
            .finish_non_exhaustive()
    }
}

/// Pauses between attempts: each twice as long as the one before, up to a limit, and each shortened by up to a quarter
/// at random, so that callers that failed together do not retry together.
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

    /// Waits for the next pause, or until `event` has happened. One that fails has not.
    pub(crate) async fn pause_or<E>(
        &mut self,
        random: &dyn Random,
        event: impl Future<Output = Result<(), E>>,
    ) {
        let pause = std::pin::pin!(wait(self.step(random)));
        let happened = async {
            if event.await.is_err() {
                std::future::pending().await
            }
        };
        futures_util::future::select(pause, std::pin::pin!(happened)).await;
    }

    fn step(&mut self, random: &dyn Random) -> Duration {
        // If the generator fails, only the jitter is lost.
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
pub(crate) async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;
    use crate::io::scripted::BrokenRandom;

    #[derive(Debug)]
    struct Chance(u8);

    impl Random for Chance {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::io::RandomError> {
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

    /// A connection to the provider has a task of its own, on the runtime it was made on.
    #[test]
    fn a_connection_outlives_the_worker_that_made_it() {
        let background = Arc::new(Background::new(None));
        let worker = Builder::new_current_thread().enable_all().build().unwrap();
        let (asks, mut asked) = tokio::sync::mpsc::channel::<u32>(1);
        let (answers, mut answered) = tokio::sync::mpsc::channel(1);
        let connect = async move {
            tokio::spawn(async move {
                while let Some(question) = asked.recv().await {
                    let _ = answers.send(question + 1).await;
                }
            });
        };
        assert!(worker.block_on(background.borrow(connect)).is_some());
        drop(worker);
        let main = Builder::new_current_thread().enable_all().build().unwrap();
        let answer = main.block_on(async {
            asks.send(6).await.unwrap();
            let answer = tokio::time::timeout(Duration::from_secs(10), answered.recv());
            answer.await.unwrap()
        });
        assert_eq!(answer, Some(7));
    }

    #[tokio::test]
    async fn work_that_is_waited_for_ends_also_when_nobody_waits_any_more() {
        let background = Background::new(Some(Handle::current()));
        let done = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&done);
        let mut waiting = Box::pin(background.run(Room::Ends, async move {
            tokio::task::yield_now().await;
            counting.fetch_add(1, Ordering::SeqCst);
        }));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(background.run(Room::Logins, async { 7 }).await, Some(7));
        let panics = async { panic!("as an application's hook may") };
        assert_eq!(background.run(Room::Ends, panics).await, None::<()>);
    }

    #[tokio::test]
    async fn work_that_is_waited_for_costs_no_handover() {
        let background = Background::new(Some(Handle::current()));
        let waiting = tokio::spawn(async move {
            let working = background.run(Room::Logins, async { tokio::task::id() });
            (tokio::task::id(), working.await)
        });
        let (waits, works) = waiting.await.unwrap();
        assert_eq!(works, Some(waits));
    }

    /// As on a worker of actix-web: the connections that the work needs live on the other runtime.
    #[test]
    fn work_that_is_waited_for_elsewhere_is_handed_over() {
        let other = OwnRuntime::start().unwrap();
        let chosen = other.0.as_ref().unwrap().handle().clone();
        let background = Background::new(Some(chosen.clone()));
        let worker = Builder::new_current_thread().build().unwrap();
        let ran_on = background.run(Room::Logins, async { Handle::current().id() });
        assert_eq!(worker.block_on(ran_on), Some(chosen.id()));
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
            background.spawn_if_room(SpareTask::Revocation, count());
        }
        // Whatever else there is to do has room of its own.
        background.spawn_if_room(SpareTask::LogoutHook, count());
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), Background::ROOM + 1);
        background.spawn_if_room(SpareTask::Revocation, count());
        background.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), Background::ROOM + 2);
    }
}
