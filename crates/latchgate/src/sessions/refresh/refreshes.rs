//! The refreshes of one process: which session is refreshed right now, what its newest generation is, and which sessions
//! have ended.
//!
//! The first request that needs fresh tokens starts a task; all others wait for its outcome. The task belongs to no
//! connection: a browser that hangs up cannot cut a refresh in half. The newest generation stays here for ten minutes,
//! for requests that were on their way with an older cookie. A session that has ended leaves a tombstone, so that
//! nothing brings it back. After a failure, the provider is not asked again for a few seconds.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::sync::oneshot;

use super::super::timing::TIMING;
use super::RefreshOutcome;
use crate::background::Background;
use crate::expiring_map::ExpiringMap;
use crate::io::Clock;
use crate::session::{Session, SessionEnd};

/// The refreshes of this process, by session.
pub(crate) struct Refreshes(ExpiringMap<[u8; 16], Entry>);

type Outcome = Shared<oneshot::Receiver<RefreshOutcome>>;

#[derive(Debug)]
enum Entry {
    Active(Known),
    /// The session has ended. Kept until its cookie would have expired.
    Ended(SessionEnd),
}

/// What is known of a session that has not ended.
#[derive(Debug)]
struct Known {
    /// The newest generation that this process knows.
    newest: Arc<Session>,
    /// A hash of the tokens that the last refresh replaced. A request that has them has used ones, whatever else in the
    /// session has changed since.
    replaced: Option<[u8; 32]>,
    state: RefreshState,
}

#[derive(Debug)]
enum RefreshState {
    Idle,
    /// A refresh of `newest` is under way.
    Refreshing(Outcome),
    /// A refresh of `newest` has failed: no retry before this time.
    Paused(u64),
}

enum Joined {
    First(oneshot::Sender<RefreshOutcome>, Outcome),
    Waiting(Outcome),
    Settled(RefreshOutcome),
}

impl Default for Refreshes {
    fn default() -> Self {
        Self(ExpiringMap::new())
    }
}

impl fmt::Debug for Refreshes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refreshes").field(&self.0.len()).finish()
    }
}

impl Refreshes {
    /// Refreshes `session` once: runs `refresh` in the background, or waits for the one that runs
    /// already, or repeats the outcome of the one that just has.
    pub(crate) async fn once<F>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        now: u64,
        clock: &Arc<dyn Clock>,
        background: &Background,
        refresh: impl FnOnce() -> F,
    ) -> RefreshOutcome
    where
        F: Future<Output = RefreshOutcome> + Send + 'static,
    {
        let outcome = match self.join(session, now) {
            Joined::Settled(outcome) => return outcome,
            Joined::Waiting(outcome) => outcome,
            Joined::First(announce, outcome) => {
                let refresh = refresh();
                let refreshes = Arc::clone(self);
                let (session, clock) = (Arc::clone(session), Arc::clone(clock));
                background.spawn(async move {
                    let outcome = refresh.await;
                    let outcome = refreshes.settle(&session, outcome, clock.now());
                    // Perhaps nobody waits any more.
                    let _ = announce.send(outcome);
                });
                outcome
            }
        };
        settled(outcome).await
    }

    fn join(&self, session: &Arc<Session>, now: u64) -> Joined {
        let mut entry = self.0.entry(session.id, now);
        let mut replaced = None;
        match entry.get() {
            Some(Entry::Ended(why)) => return Joined::Settled(RefreshOutcome::Ended(*why)),
            Some(Entry::Active(known)) => {
                let newer = known.newer_than(session);
                match (&known.state, newer) {
                    // The session may have been updated meanwhile: its refresh token is the same.
                    (RefreshState::Refreshing(outcome), newer)
                        if (newer.is_some()
                            || known.newest.generation == session.generation
                            || known.newest.tokens == session.tokens)
                            && is_alive(outcome) =>
                    {
                        return Joined::Waiting(outcome.clone());
                    }
                    // Whatever the outcome of the refresh: the older token has been used.
                    (_, Some(newer)) => return Joined::Settled(RefreshOutcome::Refreshed(newer)),
                    (RefreshState::Paused(until), None)
                        if known.newest.generation == session.generation && *until > now =>
                    {
                        return Joined::Settled(RefreshOutcome::Unavailable);
                    }
                    _ => replaced = known.replaced,
                }
            }
            None => {}
        }
        let (announce, outcome) = oneshot::channel();
        let outcome = outcome.shared();
        let known = Known {
            newest: Arc::clone(session),
            replaced,
            state: RefreshState::Refreshing(outcome.clone()),
        };
        // A clock that jumps must not let another refresh begin while this one lasts.
        let until = session.times.absolute_deadline;
        entry.set(Entry::Active(known), until.max(remembered_until(now)));
        Joined::First(announce, outcome)
    }

    /// Records the outcome of the refresh of `session`, unless the session has ended or moved on meanwhile.
    fn settle(&self, session: &Arc<Session>, outcome: RefreshOutcome, now: u64) -> RefreshOutcome {
        let mut entry = self.0.entry(session.id, now);
        let replaced = match entry.get() {
            Some(Entry::Ended(why)) => return RefreshOutcome::Ended(*why),
            Some(Entry::Active(known)) => {
                let reached = match (&known.state, &outcome) {
                    // Perhaps another refresh has begun since, of something newer.
                    (RefreshState::Refreshing(_), _) | (_, RefreshOutcome::Unavailable) => {
                        session.generation
                    }
                    (_, RefreshOutcome::Ended(_)) => u32::MAX,
                    (_, RefreshOutcome::Refreshed(fresh)) => fresh.generation,
                };
                if known.newest.generation > reached {
                    return outcome;
                }
                known.replaced
            }
            None => None,
        };
        let (newest, replaced, state) = match &outcome {
            RefreshOutcome::Refreshed(fresh) if fresh.tokens == session.tokens => {
                (fresh, replaced, RefreshState::Idle)
            }
            RefreshOutcome::Refreshed(fresh) => (
                fresh,
                Some(session.tokens.fingerprint()),
                RefreshState::Idle,
            ),
            RefreshOutcome::Unavailable => {
                let until = now.saturating_add(TIMING.pause);
                (session, replaced, RefreshState::Paused(until))
            }
            RefreshOutcome::Ended(why) => {
                entry.set(
                    Entry::Ended(*why),
                    tombstone_until(session.times.absolute_deadline),
                );
                return outcome;
            }
        };
        let known = Known {
            newest: Arc::clone(newest),
            replaced,
            state,
        };
        entry.set(Entry::Active(known), remembered_until(now));
        outcome
    }

    /// The newest generation of a session, after a refresh that is under way; an error when it has
    /// ended.
    pub(crate) async fn newest(
        &self,
        session: &Arc<Session>,
        clock: &dyn Clock,
    ) -> Result<Arc<Session>, SessionEnd> {
        let under_way = match self.0.entry(session.id, clock.now()).get() {
            Some(Entry::Active(Known {
                state: RefreshState::Refreshing(outcome),
                ..
            })) => Some(outcome.clone()),
            _ => None,
        };
        if let Some(outcome) = under_way {
            settled(outcome).await;
        }
        match self.since(session, clock.now()) {
            Some(RefreshOutcome::Ended(why)) => Err(why),
            Some(RefreshOutcome::Refreshed(newest)) => Ok(newest),
            _ => Ok(Arc::clone(session)),
        }
    }

    /// Makes `changed` the newest generation, if the one before is still the newest: `false` when it
    /// is not, a refresh is under way, or the session has ended.
    pub(crate) fn advance(&self, changed: &Arc<Session>, now: u64) -> bool {
        let mut entry = self.0.entry(changed.id, now);
        let before = changed.generation.saturating_sub(1);
        let replaced = match entry.get() {
            Some(Entry::Ended(_)) => return false,
            Some(Entry::Active(known)) => {
                let busy =
                    matches!(&known.state, RefreshState::Refreshing(outcome) if is_alive(outcome));
                if busy || known.newest.generation > before {
                    return false;
                }
                known.replaced
            }
            None => None,
        };
        let known = Known {
            newest: Arc::clone(changed),
            replaced,
            state: RefreshState::Idle,
        };
        entry.set(Entry::Active(known), remembered_until(now));
        true
    }

    /// Records that a session has ended, until its cookie would have expired. `false` when it had ended before, for
    /// whatever reason: that reason stays, unless somebody now signs out or in once more. Their response changes the
    /// cookies, and no later one may.
    pub(crate) fn end(&self, session: &Session, why: SessionEnd, now: u64) -> bool {
        self.end_by_id(session.id, why, session.times.absolute_deadline, now)
    }

    /// The same for a session of which only the id and the absolute deadline are known.
    pub(crate) fn end_by_id(&self, id: [u8; 16], why: SessionEnd, until: u64, now: u64) -> bool {
        let mut entry = self.0.entry(id, now);
        let first = !matches!(entry.get(), Some(Entry::Ended(_)));
        if first || why == SessionEnd::SignedOut {
            entry.set(Entry::Ended(why), tombstone_until(until.max(now)));
        }
        first
    }

    /// What has happened to a session since its cookie was made: nothing, a newer generation, or its end.
    pub(crate) fn since(&self, session: &Session, now: u64) -> Option<RefreshOutcome> {
        if self.0.len() == 0 {
            return None;
        }
        match self.0.entry(session.id, now).get()? {
            Entry::Ended(why) => Some(RefreshOutcome::Ended(*why)),
            Entry::Active(known) => known.newer_than(session).map(RefreshOutcome::Refreshed),
        }
    }

    /// Why a session has ended, if it has, as far as is remembered here.
    pub(crate) fn ended(&self, session: &Session, now: u64) -> Option<SessionEnd> {
        match self.0.entry(session.id, now).get() {
            Some(Entry::Ended(why)) => Some(*why),
            _ => None,
        }
    }

    /// Whether a session has ended, as far as is remembered here.
    pub(crate) fn has_ended(&self, session: &Session, now: u64) -> bool {
        self.ended(session, now).is_some()
    }
}

fn remembered_until(now: u64) -> u64 {
    now.saturating_add(TIMING.remember)
}

/// A tombstone outlives its session's deadline, for requests that read the clock earlier.
fn tombstone_until(absolute_deadline: u64) -> u64 {
    absolute_deadline.saturating_add(TIMING.remember)
}

impl Known {
    /// The newer session that a request with this one should use instead. Comparing generations is not enough: before
    /// refreshed tokens reach the store, another node may have updated something else.
    fn newer_than(&self, session: &Session) -> Option<Arc<Session>> {
        if self.newest.generation > session.generation {
            return Some(Arc::clone(&self.newest));
        }
        let replaced = self.replaced?;
        let has_replaced_ones =
            session.tokens != self.newest.tokens && session.tokens.fingerprint() == replaced;
        has_replaced_ones.then(|| Arc::new(session.with_tokens_of(&self.newest)))
    }
}

async fn settled(outcome: Outcome) -> RefreshOutcome {
    // The task cannot vanish without an answer unless it panicked or its runtime is shutting down.
    outcome.await.unwrap_or(RefreshOutcome::Unavailable)
}

/// Whether a refresh has an outcome or will have one: its task may have died with its runtime.
fn is_alive(outcome: &Outcome) -> bool {
    !matches!(outcome.clone().now_or_never(), Some(Err(_)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::io::scripted::StoppedClock;
    use crate::session::CompactToken;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    fn fresher(session: &Session) -> RefreshOutcome {
        RefreshOutcome::Refreshed(Arc::new(session.refreshed(session.tokens.clone(), None)))
    }

    fn clock(now: u64) -> Arc<dyn Clock> {
        Arc::new(StoppedClock(now))
    }

    /// On the test's own runtime.
    fn background() -> Background {
        Background::new(Some(tokio::runtime::Handle::current()))
    }

    fn generation(outcome: &RefreshOutcome) -> Option<u32> {
        match outcome {
            RefreshOutcome::Refreshed(session) => Some(session.generation),
            _ => None,
        }
    }

    /// A provider that counts how often it is asked, and answers when it is told to.
    #[derive(Default)]
    struct Provider {
        asked: AtomicUsize,
        answers: Notify,
    }

    impl Provider {
        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    /// A refresh by `provider` with this outcome.
    async fn refresh(
        refreshes: &Arc<Refreshes>,
        session: &Arc<Session>,
        provider: &Arc<Provider>,
        outcome: RefreshOutcome,
    ) -> RefreshOutcome {
        let asked = Arc::clone(provider);
        let ask = || async move {
            asked.asked.fetch_add(1, Ordering::SeqCst);
            asked.answers.notified().await;
            outcome
        };
        // A refresh that waits for ever is a failure, not a reason to wait for ever.
        let clock = clock(1_000);
        let background = background();
        let outcome = refreshes.once(session, 1_000, &clock, &background, ask);
        tokio::time::timeout(Duration::from_secs(10), outcome)
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn fifty_requests_refresh_once() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let mut requests = JoinSet::new();
        for _ in 0..50 {
            let (refreshes, provider, session) = (
                Arc::clone(&refreshes),
                Arc::clone(&provider),
                session.clone(),
            );
            requests.spawn(async move {
                let fresh = fresher(&session);
                refresh(&refreshes, &session, &provider, fresh).await
            });
        }
        provider.answers.notify_one();
        let generations: Vec<_> = requests.join_all().await.iter().map(generation).collect();
        assert_eq!(generations, [Some(1); 50]);
        assert_eq!(provider.asked(), 1);
    }

    #[tokio::test]
    async fn a_request_that_hangs_up_does_not_cut_the_refresh_in_half() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let hangs_up = refresh(&refreshes, &session, &provider, fresher(&session));
        assert!(
            tokio::time::timeout(Duration::ZERO, hangs_up)
                .await
                .is_err()
        );
        provider.answers.notify_one();
        let next = refresh(
            &refreshes,
            &session,
            &provider,
            RefreshOutcome::Ended(SessionEnd::Revoked),
        )
        .await;
        assert_eq!(generation(&next), Some(1));
        assert_eq!(provider.asked(), 1);
    }

    #[tokio::test]
    async fn who_comes_late_with_the_cookie_from_before_gets_the_same_outcome() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        provider.answers.notify_one();
        let first = refresh(&refreshes, &session, &provider, fresher(&session)).await;
        let RefreshOutcome::Refreshed(newer) = first else {
            panic!("{first:?}")
        };
        assert_eq!(
            generation(&refreshes.since(&session, 1_000).unwrap()),
            Some(1)
        );
        assert!(refreshes.since(&newer, 1_000).is_none());
        let late = refresh(&refreshes, &session, &provider, fresher(&newer)).await;
        assert_eq!((generation(&late), provider.asked()), (Some(1), 1));

        provider.answers.notify_one();
        let next = refresh(&refreshes, &newer, &provider, fresher(&newer)).await;
        assert_eq!((generation(&next), provider.asked()), (Some(2), 2));
        let very_late = refresh(&refreshes, &session, &provider, fresher(&session)).await;
        assert_eq!((generation(&very_late), provider.asked()), (Some(2), 2));
    }

    #[tokio::test]
    async fn sessions_do_not_wait_for_each_other() {
        let refreshes = Arc::new(Refreshes::default());
        let (slow, quick) = (Arc::new(Provider::default()), Arc::new(Provider::default()));
        let (mine, mut theirs) = (Arc::new(Session::example()), Session::example());
        theirs.id = [2; 16];
        let theirs = Arc::new(theirs);
        let waiting = refresh(&refreshes, &mine, &slow, fresher(&mine));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        quick.answers.notify_one();
        let done = refresh(&refreshes, &theirs, &quick, fresher(&theirs)).await;
        assert_eq!((generation(&done), quick.asked()), (Some(1), 1));
        assert!(refreshes.since(&mine, 1_000).is_none());
    }

    #[tokio::test]
    async fn what_is_undecided_is_tried_again_after_a_pause() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let try_at = async |now, outcome| {
            let asked = Arc::clone(&provider);
            let ask = || async move {
                asked.asked.fetch_add(1, Ordering::SeqCst);
                outcome
            };
            refreshes
                .once(&session, now, &clock(now), &background(), ask)
                .await
        };
        for (now, asked) in [(1_000, 1), (1_004, 1), (1_005, 2), (1_009, 2)] {
            let undecided = try_at(now, RefreshOutcome::Unavailable).await;
            assert!(matches!(undecided, RefreshOutcome::Unavailable));
            assert_eq!(provider.asked(), asked, "{now}");
            assert!(refreshes.since(&session, 1_000).is_none());
        }
        let fresh = try_at(1_010, fresher(&session)).await;
        assert_eq!((generation(&fresh), provider.asked()), (Some(1), 3));
    }

    #[tokio::test]
    async fn a_session_that_is_over_stays_over() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        provider.answers.notify_one();
        let over = RefreshOutcome::Ended(SessionEnd::Revoked);
        refresh(&refreshes, &session, &provider, over).await;
        let again = refresh(&refreshes, &session, &provider, fresher(&session)).await;
        assert!(matches!(again, RefreshOutcome::Ended(SessionEnd::Revoked)));
        assert_eq!(provider.asked(), 1);
        let since = refreshes.since(&session, 1_000);
        assert!(matches!(
            since,
            Some(RefreshOutcome::Ended(SessionEnd::Revoked))
        ));
        // A cookie that is past its deadline is no way around it.
        let late = session.times.absolute_deadline + 1;
        let changed = Arc::new(session.refreshed(session.tokens.clone(), None));
        assert!(!refreshes.advance(&changed, late));
        assert!(
            refreshes
                .newest(&session, &StoppedClock(1_000))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn signing_out_during_a_refresh_is_final() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&refreshes, &session, &provider, fresher(&session));
        let mut waiting = Box::pin(waiting);
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut waiting)
                .await
                .is_err()
        );
        refreshes.end(&session, SessionEnd::SignedOut, 1_000);
        provider.answers.notify_one();
        let told = waiting.await;
        assert!(
            matches!(told, RefreshOutcome::Ended(SessionEnd::SignedOut)),
            "{told:?}"
        );
        let over = refreshes.since(&session, 1_000);
        assert!(matches!(
            over,
            Some(RefreshOutcome::Ended(SessionEnd::SignedOut))
        ));
    }

    #[test]
    fn a_session_ends_once_for_the_first_reason() {
        let refreshes = Refreshes::default();
        let session = Session::example();
        assert!(refreshes.end(&session, SessionEnd::SignedOut, 1_000));
        assert!(!refreshes.end(&session, SessionEnd::Revoked, 1_001));
        let over = refreshes.since(&session, 1_000);
        assert!(matches!(
            over,
            Some(RefreshOutcome::Ended(SessionEnd::SignedOut))
        ));
    }

    #[tokio::test]
    async fn a_task_that_dies_leaves_nothing_that_blocks_the_next() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let clock = clock(1_000);
        let background = background();
        let died = refreshes.once(&session, 1_000, &clock, &background, || async {
            panic!("the client is broken")
        });
        assert!(matches!(died.await, RefreshOutcome::Unavailable));
        assert!(
            refreshes
                .newest(&session, &StoppedClock(1_000))
                .await
                .is_ok()
        );
        provider.answers.notify_one();
        let next = refresh(&refreshes, &session, &provider, fresher(&session)).await;
        assert_eq!(generation(&next), Some(1));
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let refreshes = Arc::new(Refreshes::default());
        let mut session = Session::example();
        let last = 10 * TIMING.remember;
        for number in 0..=last {
            session.id[..8].copy_from_slice(&number.to_be_bytes());
            session.id[15] = number as u8;
            let fresh = fresher(&session);
            // One refresh a second: each is forgotten ten minutes later.
            let now = 1_000 + number;
            let session = Arc::new(session.clone());
            let refresh = || async { fresh };
            refreshes
                .once(&session, now, &clock(now), &background(), refresh)
                .await;
        }
        assert!(refreshes.0.len() < 2 * TIMING.remember as usize);
        assert!(refreshes.since(&session, 1_000 + last).is_some());
        session.id = [0; 16];
        assert!(refreshes.since(&session, 1_000 + last).is_none());
    }

    /// A login has replaced it long after its deadline: responses to older requests may still be under way.
    #[test]
    fn the_end_of_a_session_that_is_long_over_is_remembered_too() {
        let refreshes = Refreshes::default();
        let session = Session::example();
        let now = session.times.absolute_deadline + 10 * TIMING.remember;
        refreshes.end(&session, SessionEnd::SignedOut, now);
        assert!(refreshes.has_ended(&session, now + TIMING.remember - 1));
        assert!(!refreshes.has_ended(&session, now + TIMING.remember));
    }

    #[tokio::test]
    async fn a_change_builds_on_the_newest_generation_or_not_at_all() {
        let refreshes = Arc::new(Refreshes::default());
        let session = Arc::new(Session::example());
        let next = |session: &Session| Arc::new(session.refreshed(session.tokens.clone(), None));
        let first = next(&session);
        assert!(refreshes.advance(&first, 1_000));
        assert!(!refreshes.advance(&next(&session), 1_000), "a lost update");
        let newest = refreshes
            .newest(&session, &StoppedClock(1_000))
            .await
            .unwrap();
        assert_eq!(newest.generation, 1);
        assert!(refreshes.advance(&next(&newest), 1_000));
        let newest = refreshes
            .newest(&session, &StoppedClock(1_000))
            .await
            .unwrap();
        assert_eq!(newest.generation, 2);
        refreshes.end(&session, SessionEnd::SignedOut, 1_000);
        assert!(!refreshes.advance(&next(&newest), 1_000));
        let ended = refreshes.newest(&session, &StoppedClock(1_000)).await;
        assert_eq!(ended.unwrap_err(), SessionEnd::SignedOut);
    }

    #[tokio::test]
    async fn a_change_waits_for_the_refresh_that_is_under_way() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&refreshes, &session, &provider, fresher(&session));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        let changed = Arc::new(session.refreshed(session.tokens.clone(), None));
        assert!(!refreshes.advance(&changed, 1_000));
        provider.answers.notify_one();
        let newest = refreshes
            .newest(&session, &StoppedClock(1_000))
            .await
            .unwrap();
        assert_eq!((newest.generation, provider.asked()), (1, 1));
    }

    /// Without leases nothing else keeps the refresh token from being spent twice.
    #[tokio::test]
    async fn a_session_that_was_changed_meanwhile_waits_for_the_same_refresh() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&refreshes, &session, &provider, fresher(&session));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        let changed = Arc::new(session.refreshed(session.tokens.clone(), None));
        provider.answers.notify_one();
        let outcome = refresh(&refreshes, &changed, &provider, fresher(&changed)).await;
        assert_eq!((generation(&outcome), provider.asked()), (Some(1), 1));
    }

    /// A pause counts from the end of an attempt, however long the provider was silent.
    #[tokio::test]
    async fn the_pause_begins_when_the_attempt_has_ended() {
        let refreshes = Arc::new(Refreshes::default());
        let session = Arc::new(Session::example());
        let undecided = || async { RefreshOutcome::Unavailable };
        refreshes
            .once(&session, 1_000, &clock(1_012), &background(), undecided)
            .await;
        let fresh = fresher(&session);
        let again = |now| {
            let (refreshes, session, fresh) =
                (Arc::clone(&refreshes), Arc::clone(&session), fresh.clone());
            async move {
                refreshes
                    .once(&session, now, &clock(now), &background(), || async {
                        fresh
                    })
                    .await
            }
        };
        assert!(matches!(again(1_016).await, RefreshOutcome::Unavailable));
        assert_eq!(generation(&again(1_017).await), Some(1));
    }

    /// A node that was stopped for a while, or a provider that took its time.
    #[tokio::test]
    async fn a_refresh_that_ends_late_hides_no_newer_generation() {
        let old = Arc::new(Session::example());
        let mut newer = (*old).clone();
        newer.generation = 5;
        newer.tokens.scope = "what another node has brought".into();
        let newer = Arc::new(newer);
        for late in [fresher(&old), RefreshOutcome::Unavailable] {
            for first in ["the old one", "the newer one"] {
                let refreshes = Arc::new(Refreshes::default());
                let (slow, quick) = (Arc::new(Provider::default()), Arc::new(Provider::default()));
                let mut ends_late = Box::pin(refresh(&refreshes, &old, &slow, late.clone()));
                let waits = tokio::time::timeout(Duration::ZERO, &mut ends_late).await;
                assert!(waits.is_err());
                let mut ends = Box::pin(refresh(&refreshes, &newer, &quick, fresher(&newer)));
                let waits = tokio::time::timeout(Duration::ZERO, &mut ends).await;
                assert!(waits.is_err(), "its tokens are others: it asks for itself");
                if first == "the old one" {
                    slow.answers.notify_one();
                    ends_late.await;
                    let known = refreshes.since(&old, 1_000).as_ref().and_then(generation);
                    assert_eq!(known, Some(5), "{late:?}");
                    quick.answers.notify_one();
                    ends.await;
                } else {
                    quick.answers.notify_one();
                    ends.await;
                    slow.answers.notify_one();
                    ends_late.await;
                }
                let known = refreshes.since(&old, 1_000).as_ref().and_then(generation);
                assert_eq!(known, Some(6), "{first} ended first, {late:?}");
            }
        }
    }

    /// With tokens of its own, as a provider that rotates them issues them.
    fn rotated(session: &Session, name: &str) -> Session {
        let mut tokens = session.tokens.clone();
        tokens.access_token = CompactToken::pack(name);
        session.refreshed(tokens, None)
    }

    /// A long-running request opened the session before it was refreshed.
    #[tokio::test]
    async fn an_old_token_is_not_spent_because_a_newer_one_could_not_be() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let old = Arc::new(Session::example());
        provider.answers.notify_one();
        let newer = RefreshOutcome::Refreshed(Arc::new(rotated(&old, "newer")));
        let RefreshOutcome::Refreshed(newer) = refresh(&refreshes, &old, &provider, newer).await
        else {
            panic!("not refreshed")
        };
        provider.answers.notify_one();
        refresh(&refreshes, &newer, &provider, RefreshOutcome::Unavailable).await;
        let ask = async |now| {
            let asked = || async { panic!("the old token is spent") };
            refreshes
                .once(&old, now, &clock(now), &background(), asked)
                .await
        };
        // While nobody is to ask the provider again, and afterwards.
        for now in [1_001, 1_030] {
            assert_eq!(generation(&ask(now).await), Some(1), "{now}");
        }
        assert_eq!(provider.asked(), 2);
    }

    /// What a refresh brought has yet to reach the store, and another node has changed the session there.
    #[tokio::test]
    async fn spent_tokens_are_told_from_new_ones_whatever_the_generation() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let old = Arc::new(Session::example());
        provider.answers.notify_one();
        let fresh = rotated(&old, "newer");
        let outcome = RefreshOutcome::Refreshed(Arc::new(fresh.clone()));
        refresh(&refreshes, &old, &provider, outcome).await;
        let mut there = old.with_data("7".to_owned());
        for generation in [1, 2, 9] {
            there.generation = generation;
            let Some(RefreshOutcome::Refreshed(together)) = refreshes.since(&there, 1_000) else {
                panic!("spent tokens of generation {generation} are believed")
            };
            assert_eq!(together.generation, generation + 1);
            assert!(together.tokens == fresh.tokens);
            assert_eq!(together.data::<u8>().unwrap(), Some(7));
        }
        // Another ID token makes no others of them.
        there.tokens.id_token = CompactToken::pack("theirs");
        assert!(refreshes.since(&there, 1_000).is_some());
        // Tokens that somebody else got for them are no spent ones.
        let theirs = rotated(&there, "theirs");
        assert!(refreshes.since(&theirs, 1_000).is_none());
        // Nor do they become ones when the next refresh fails.
        let newest = Arc::new(fresh);
        provider.answers.notify_one();
        refresh(&refreshes, &newest, &provider, RefreshOutcome::Unavailable).await;
        assert!(
            refreshes.since(&newest, 1_000).is_none() && refreshes.since(&there, 1_000).is_some()
        );
    }

    /// What expires makes room, and undoes nothing.
    #[tokio::test]
    async fn what_still_counts_stays() {
        let refreshes = Arc::new(Refreshes::default());
        let provider = Arc::new(Provider::default());
        let numbered = |number: usize| {
            let mut session = Session::example();
            session.id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            Arc::new(session)
        };
        let (ended, refreshing, changed) = (numbered(1), numbered(2), numbered(3));
        refreshes.end(&ended, SessionEnd::SignedOut, 1_000);
        let mut first = Box::pin(refresh(
            &refreshes,
            &refreshing,
            &provider,
            fresher(&refreshing),
        ));
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut first)
                .await
                .is_err()
        );
        let next = |session: &Session| Arc::new(session.refreshed(session.tokens.clone(), None));
        assert!(refreshes.advance(&next(&changed), 1_000));
        for number in 4..1_000 {
            refreshes.advance(&numbered(number), 1_000);
        }
        let later = 999 + TIMING.remember;
        for number in 1_000..2_000 {
            refreshes.advance(&numbered(number), later + 1);
        }
        assert!(refreshes.0.len() < 1_010, "what had expired is still there");
        let over = refreshes.since(&ended, later);
        assert!(matches!(
            over,
            Some(RefreshOutcome::Ended(SessionEnd::SignedOut))
        ));
        assert_eq!(
            refreshes
                .since(&changed, later + 1)
                .as_ref()
                .and_then(generation),
            None
        );
        provider.answers.notify_one();
        let second = refresh(
            &refreshes,
            &refreshing,
            &provider,
            RefreshOutcome::Unavailable,
        );
        let (first, second) = tokio::join!(first, second);
        assert_eq!(
            (generation(&first), generation(&second)),
            (Some(1), Some(1))
        );
        assert_eq!(provider.asked(), 1);
    }
}
