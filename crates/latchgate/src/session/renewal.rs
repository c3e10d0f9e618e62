//! One token refresh per session, however many requests ask for it
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14): a refresh token that
//! rotates may be spent once).
//!
//! The first request that needs fresh tokens starts a task; all others wait for its outcome. The
//! task belongs to nobody's connection: a browser that hangs up cannot cut a refresh in half. The
//! newest generation stays here for ten minutes at least, for requests that were already on their
//! way with the cookie from before. A session that has ended leaves a tombstone, so that nothing
//! brings it back. A provider that failed is left alone for a few seconds.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::lifetime::Ended;
use super::session::Session;
use crate::outside::Clock;

/// How a refresh ended.
#[derive(Clone, Debug)]
pub(crate) enum Renewed {
    /// The session as it is now: with new tokens, or with what somebody else changed meanwhile.
    Fresh(Arc<Session>),
    /// The session is over.
    Over(Ended),
    /// Nothing is decided: the provider could not be asked. The old tokens are still what they were.
    Undecided,
}

/// The refreshes of this process, by session.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    by_session: HashMap<[u8; 16], Standing>,
    /// How many there were after the last sweep.
    swept_to: usize,
}

type Outcome = watch::Receiver<Option<Renewed>>;

#[derive(Debug)]
enum Standing {
    /// A refresh of this, the newest generation so far, is under way.
    UnderWay { of: Arc<Session>, outcome: Outcome },
    /// The newest generation that this process knows.
    Newest { session: Arc<Session>, since: u64 },
    /// A refresh of this generation has failed: nobody tries again before `until`.
    Failed {
        of: Arc<Session>,
        until: u64,
        since: u64,
    },
    /// The session has ended; kept until its cookie is worthless anyway.
    Tombstone { why: Ended, until: u64 },
}

enum Joined {
    First(watch::Sender<Option<Renewed>>, Outcome),
    Waiting(Outcome),
    Settled(Renewed),
}

impl Renewals {
    /// How long the newest generation is kept at least, in seconds.
    const REPLAY: u64 = 600;

    /// How long a provider that failed is not asked again for the same session, in seconds.
    const PAUSE: u64 = 5;

    /// Outdated entries are swept when there are more than this, and twice as many as the last
    /// sweep left.
    const SWEEP_ABOVE: usize = 1_024;

    /// Refreshes `session` once: runs `refresh` in a task of its own, or waits for the one that
    /// runs already, or repeats the outcome of the one that just has.
    pub(crate) async fn once<F>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        now: u64,
        clock: &Arc<dyn Clock>,
        refresh: impl FnOnce() -> F,
    ) -> Renewed
    where
        F: Future<Output = Renewed> + Send + 'static,
    {
        let outcome = match self.join(session, now) {
            Joined::Settled(renewed) => return renewed,
            Joined::Waiting(outcome) => outcome,
            Joined::First(announce, outcome) => {
                let refresh = refresh();
                let renewals = Arc::clone(self);
                let (session, clock) = (Arc::clone(session), Arc::clone(clock));
                tokio::spawn(async move {
                    let renewed = refresh.await;
                    let renewed = renewals.settle(&session, renewed, clock.now());
                    announce.send_replace(Some(renewed));
                });
                outcome
            }
        };
        settled(outcome).await
    }

    fn join(&self, session: &Arc<Session>, now: u64) -> Joined {
        let mut remembered = self.remembered();
        match remembered.by_session.get(&session.id) {
            Some(Standing::Tombstone { why, .. }) => return Joined::Settled(Renewed::Over(*why)),
            Some(Standing::Newest {
                session: newest, ..
            }) if newest.generation > session.generation => {
                return Joined::Settled(Renewed::Fresh(Arc::clone(newest)));
            }
            // Somebody may have changed the session meanwhile: the refresh token is the same.
            Some(Standing::UnderWay { of, outcome })
                if (of.generation >= session.generation || of.tokens == session.tokens)
                    && is_alive(outcome) =>
            {
                return Joined::Waiting(outcome.clone());
            }
            Some(Standing::Failed { of, until, .. })
                if of.generation >= session.generation && *until > now =>
            {
                return Joined::Settled(Renewed::Undecided);
            }
            _ => {}
        }
        remembered.sweep(now);
        let (announce, outcome) = watch::channel(None);
        let standing = Standing::UnderWay {
            of: Arc::clone(session),
            outcome: outcome.clone(),
        };
        remembered.by_session.insert(session.id, standing);
        Joined::First(announce, outcome)
    }

    /// Takes note of how the refresh of `session` ended. What happened to the session meanwhile
    /// counts more.
    fn settle(&self, session: &Arc<Session>, renewed: Renewed, now: u64) -> Renewed {
        let entries = &mut self.remembered().by_session;
        let standing = match &renewed {
            Renewed::Fresh(fresh) => Standing::Newest {
                session: Arc::clone(fresh),
                since: now,
            },
            Renewed::Over(why) => Standing::Tombstone {
                why: *why,
                until: session.times.absolute_deadline,
            },
            Renewed::Undecided => Standing::Failed {
                of: Arc::clone(session),
                until: now.saturating_add(Self::PAUSE),
                since: now,
            },
        };
        let known = match &renewed {
            Renewed::Fresh(fresh) => fresh.generation,
            Renewed::Over(_) => u32::MAX,
            Renewed::Undecided => session.generation,
        };
        match entries.get(&session.id) {
            Some(Standing::Tombstone { why, .. }) => return Renewed::Over(*why),
            Some(Standing::UnderWay { of, .. }) if of.generation > session.generation => {}
            Some(Standing::Newest {
                session: newest, ..
            }) if newest.generation > known => {}
            _ => drop(entries.insert(session.id, standing)),
        }
        renewed
    }

    /// The newest generation of a session, after a refresh that is under way; an error when it has
    /// ended.
    pub(crate) async fn newest(
        &self,
        session: &Arc<Session>,
        now: u64,
    ) -> Result<Arc<Session>, Ended> {
        let under_way = match self.remembered().by_session.get(&session.id) {
            Some(Standing::UnderWay { outcome, .. }) => Some(outcome.clone()),
            _ => None,
        };
        if let Some(outcome) = under_way {
            settled(outcome).await;
        }
        match self.since(session, now) {
            Some(Renewed::Over(why)) => Err(why),
            Some(Renewed::Fresh(newest)) => Ok(newest),
            _ => Ok(Arc::clone(session)),
        }
    }

    /// Makes `changed` the newest generation, if the one before is still the newest: `false` when it
    /// is not, a refresh is under way, or the session has ended.
    pub(crate) fn advance(&self, changed: &Arc<Session>, now: u64) -> bool {
        let mut remembered = self.remembered();
        remembered.sweep(now);
        let before = changed.generation.saturating_sub(1);
        let fits = match remembered.by_session.get(&changed.id) {
            Some(Standing::Tombstone { .. }) => false,
            Some(Standing::UnderWay { outcome, .. }) => !is_alive(outcome),
            Some(Standing::Newest { session, .. } | Standing::Failed { of: session, .. }) => {
                session.generation <= before
            }
            None => true,
        };
        if fits {
            let standing = Standing::Newest {
                session: Arc::clone(changed),
                since: now,
            };
            remembered.by_session.insert(changed.id, standing);
        }
        fits
    }

    /// Remembers that a session has ended, until its cookie is worthless. `false` when it had ended
    /// before, for whatever reason.
    pub(crate) fn end(&self, session: &Session, why: Ended, now: u64) -> bool {
        let mut remembered = self.remembered();
        remembered.sweep(now);
        let until = session.times.absolute_deadline;
        let standing = remembered.by_session.get(&session.id);
        let first = !matches!(standing, Some(Standing::Tombstone { .. }));
        if first {
            let tombstone = Standing::Tombstone { why, until };
            remembered.by_session.insert(session.id, tombstone);
        }
        first
    }

    /// What has become of a session since its cookie was made: nothing, a newer generation, or its
    /// end.
    pub(crate) fn since(&self, session: &Session, now: u64) -> Option<Renewed> {
        match self.remembered().by_session.get(&session.id)? {
            Standing::Tombstone { why, until } => (*until > now).then_some(Renewed::Over(*why)),
            Standing::UnderWay { of: newest, .. }
            | Standing::Failed { of: newest, .. }
            | Standing::Newest {
                session: newest, ..
            } => {
                (newest.generation > session.generation).then(|| Renewed::Fresh(Arc::clone(newest)))
            }
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn settled(mut outcome: Outcome) -> Renewed {
    let settled = outcome
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|renewed| renewed.clone());
    // The task cannot vanish without an answer unless the runtime is shutting down.
    settled.unwrap_or(Renewed::Undecided)
}

/// Whether a refresh has an outcome or will have one: its task may have died with its runtime.
fn is_alive(outcome: &Outcome) -> bool {
    outcome.borrow().is_some() || outcome.has_changed().is_ok()
}

impl Remembered {
    /// Drops what is outdated, now and then, so that an entry is looked at a bounded number of times.
    fn sweep(&mut self, now: u64) {
        let many = Renewals::SWEEP_ABOVE.max(2 * self.swept_to);
        if self.by_session.len() < many {
            return;
        }
        self.by_session.retain(|_, standing| match standing {
            Standing::Tombstone { until, .. } => *until > now,
            Standing::Newest { since, .. } | Standing::Failed { since, .. } => {
                now.saturating_sub(*since) <= Renewals::REPLAY
            }
            Standing::UnderWay { outcome, .. } => is_alive(outcome),
        });
        self.swept_to = self.by_session.len();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::outside::scripted::StoppedClock;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    fn fresher(session: &Session) -> Renewed {
        Renewed::Fresh(Arc::new(session.refreshed(session.tokens.clone(), None)))
    }

    fn clock(now: u64) -> Arc<dyn Clock> {
        Arc::new(StoppedClock(now))
    }

    fn generation(renewed: &Renewed) -> Option<u32> {
        match renewed {
            Renewed::Fresh(session) => Some(session.generation),
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
        renewals: &Arc<Renewals>,
        session: &Arc<Session>,
        provider: &Arc<Provider>,
        outcome: Renewed,
    ) -> Renewed {
        let asked = Arc::clone(provider);
        let ask = || async move {
            asked.asked.fetch_add(1, Ordering::SeqCst);
            asked.answers.notified().await;
            outcome
        };
        // A refresh that waits for ever is a failure, not a reason to wait for ever.
        let clock = clock(1_000);
        let outcome = renewals.once(session, 1_000, &clock, ask);
        tokio::time::timeout(Duration::from_secs(10), outcome)
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn fifty_requests_refresh_once() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let mut requests = JoinSet::new();
        for _ in 0..50 {
            let (renewals, provider, session) = (
                Arc::clone(&renewals),
                Arc::clone(&provider),
                session.clone(),
            );
            requests.spawn(async move {
                let fresh = fresher(&session);
                refresh(&renewals, &session, &provider, fresh).await
            });
        }
        provider.answers.notify_one();
        let generations: Vec<_> = requests.join_all().await.iter().map(generation).collect();
        assert_eq!(generations, [Some(1); 50]);
        assert_eq!(provider.asked(), 1);
    }

    #[tokio::test]
    async fn a_request_that_hangs_up_does_not_cut_the_refresh_in_half() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let hangs_up = refresh(&renewals, &session, &provider, fresher(&session));
        assert!(
            tokio::time::timeout(Duration::ZERO, hangs_up)
                .await
                .is_err()
        );
        provider.answers.notify_one();
        let next = refresh(
            &renewals,
            &session,
            &provider,
            Renewed::Over(Ended::Revoked),
        )
        .await;
        assert_eq!(generation(&next), Some(1));
        assert_eq!(provider.asked(), 1);
    }

    #[tokio::test]
    async fn who_comes_late_with_the_cookie_from_before_gets_the_same_outcome() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        provider.answers.notify_one();
        let first = refresh(&renewals, &session, &provider, fresher(&session)).await;
        let Renewed::Fresh(newer) = first else {
            panic!("{first:?}")
        };
        assert_eq!(
            generation(&renewals.since(&session, 1_000).unwrap()),
            Some(1)
        );
        assert!(renewals.since(&newer, 1_000).is_none());
        let late = refresh(&renewals, &session, &provider, fresher(&newer)).await;
        assert_eq!((generation(&late), provider.asked()), (Some(1), 1));

        provider.answers.notify_one();
        let next = refresh(&renewals, &newer, &provider, fresher(&newer)).await;
        assert_eq!((generation(&next), provider.asked()), (Some(2), 2));
        let very_late = refresh(&renewals, &session, &provider, fresher(&session)).await;
        assert_eq!((generation(&very_late), provider.asked()), (Some(2), 2));
    }

    #[tokio::test]
    async fn sessions_do_not_wait_for_each_other() {
        let renewals = Arc::new(Renewals::default());
        let (slow, quick) = (Arc::new(Provider::default()), Arc::new(Provider::default()));
        let (mine, mut theirs) = (Arc::new(Session::example()), Session::example());
        theirs.id = [2; 16];
        let theirs = Arc::new(theirs);
        let waiting = refresh(&renewals, &mine, &slow, fresher(&mine));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        quick.answers.notify_one();
        let done = refresh(&renewals, &theirs, &quick, fresher(&theirs)).await;
        assert_eq!((generation(&done), quick.asked()), (Some(1), 1));
        assert!(renewals.since(&mine, 1_000).is_none());
    }

    #[tokio::test]
    async fn what_is_undecided_is_tried_again_after_a_pause() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let try_at = async |now, outcome| {
            let asked = Arc::clone(&provider);
            let ask = || async move {
                asked.asked.fetch_add(1, Ordering::SeqCst);
                outcome
            };
            renewals.once(&session, now, &clock(now), ask).await
        };
        for (now, asked) in [(1_000, 1), (1_004, 1), (1_005, 2), (1_009, 2)] {
            let undecided = try_at(now, Renewed::Undecided).await;
            assert!(matches!(undecided, Renewed::Undecided));
            assert_eq!(provider.asked(), asked, "{now}");
            assert!(renewals.since(&session, now).is_none());
        }
        let fresh = try_at(1_010, fresher(&session)).await;
        assert_eq!((generation(&fresh), provider.asked()), (Some(1), 3));
    }

    #[tokio::test]
    async fn a_session_that_is_over_stays_over() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        provider.answers.notify_one();
        let over = Renewed::Over(Ended::Revoked);
        refresh(&renewals, &session, &provider, over).await;
        let again = refresh(&renewals, &session, &provider, fresher(&session)).await;
        assert!(matches!(again, Renewed::Over(Ended::Revoked)));
        assert_eq!(provider.asked(), 1);
        let until = session.times.absolute_deadline;
        let since = |now| renewals.since(&session, now);
        assert!(matches!(
            since(until - 1),
            Some(Renewed::Over(Ended::Revoked))
        ));
        assert!(since(until).is_none());
    }

    #[tokio::test]
    async fn signing_out_during_a_refresh_is_final() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&renewals, &session, &provider, fresher(&session));
        let mut waiting = Box::pin(waiting);
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut waiting)
                .await
                .is_err()
        );
        renewals.end(&session, Ended::SignedOut, 1_000);
        provider.answers.notify_one();
        let told = waiting.await;
        assert!(matches!(told, Renewed::Over(Ended::SignedOut)), "{told:?}");
        let over = renewals.since(&session, 1_001);
        assert!(matches!(over, Some(Renewed::Over(Ended::SignedOut))));
    }

    #[test]
    fn a_session_ends_once_for_the_first_reason() {
        let renewals = Renewals::default();
        let session = Session::example();
        assert!(renewals.end(&session, Ended::SignedOut, 1_000));
        assert!(!renewals.end(&session, Ended::Revoked, 1_001));
        let over = renewals.since(&session, 1_001);
        assert!(matches!(over, Some(Renewed::Over(Ended::SignedOut))));
    }

    #[tokio::test]
    async fn a_task_that_dies_leaves_nothing_that_blocks_the_next() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let clock = clock(1_000);
        let died = renewals.once(&session, 1_000, &clock, || async {
            panic!("the client is broken")
        });
        assert!(matches!(died.await, Renewed::Undecided));
        assert!(renewals.newest(&session, 1_000).await.is_ok());
        provider.answers.notify_one();
        let next = refresh(&renewals, &session, &provider, fresher(&session)).await;
        assert_eq!(generation(&next), Some(1));
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let renewals = Arc::new(Renewals::default());
        let mut session = Session::example();
        for number in 0..10 * Renewals::SWEEP_ABOVE {
            session.id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            let fresh = fresher(&session);
            // One refresh a second: each is forgotten a minute later.
            let now = 1_000 + number as u64;
            let session = Arc::new(session.clone());
            let refresh = || async { fresh };
            renewals.once(&session, now, &clock(now), refresh).await;
        }
        assert!(renewals.remembered().by_session.len() <= Renewals::SWEEP_ABOVE);
        assert!(renewals.since(&session, 1_000).is_some());
        session.id[..8].copy_from_slice(&0_u64.to_be_bytes());
        assert!(renewals.since(&session, 1_000).is_none());
    }

    #[tokio::test]
    async fn a_change_builds_on_the_newest_generation_or_not_at_all() {
        let renewals = Arc::new(Renewals::default());
        let session = Arc::new(Session::example());
        let next = |session: &Session| Arc::new(session.refreshed(session.tokens.clone(), None));
        let first = next(&session);
        assert!(renewals.advance(&first, 1_000));
        assert!(!renewals.advance(&next(&session), 1_000), "a lost update");
        let newest = renewals.newest(&session, 1_000).await.unwrap();
        assert_eq!(newest.generation, 1);
        assert!(renewals.advance(&next(&newest), 1_000));
        let newest = renewals.newest(&session, 1_000).await.unwrap();
        assert_eq!(newest.generation, 2);
        renewals.end(&session, Ended::SignedOut, 1_000);
        assert!(!renewals.advance(&next(&newest), 1_000));
        let ended = renewals.newest(&session, 1_000).await;
        assert_eq!(ended.unwrap_err(), Ended::SignedOut);
    }

    #[tokio::test]
    async fn a_change_waits_for_the_refresh_that_is_under_way() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&renewals, &session, &provider, fresher(&session));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        let changed = Arc::new(session.refreshed(session.tokens.clone(), None));
        assert!(!renewals.advance(&changed, 1_000));
        provider.answers.notify_one();
        let newest = renewals.newest(&session, 1_000).await.unwrap();
        assert_eq!((newest.generation, provider.asked()), (1, 1));
    }

    /// Without leases nothing else keeps the refresh token from being spent twice.
    #[tokio::test]
    async fn a_session_that_was_changed_meanwhile_waits_for_the_same_refresh() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Arc::new(Session::example());
        let waiting = refresh(&renewals, &session, &provider, fresher(&session));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        let changed = Arc::new(session.refreshed(session.tokens.clone(), None));
        provider.answers.notify_one();
        let outcome = refresh(&renewals, &changed, &provider, fresher(&changed)).await;
        assert_eq!((generation(&outcome), provider.asked()), (Some(1), 1));
    }

    /// A pause counts from the end of an attempt, however long the provider was silent.
    #[tokio::test]
    async fn the_pause_begins_when_the_attempt_has_ended() {
        let renewals = Arc::new(Renewals::default());
        let session = Arc::new(Session::example());
        let undecided = || async { Renewed::Undecided };
        renewals
            .once(&session, 1_000, &clock(1_012), undecided)
            .await;
        let fresh = fresher(&session);
        let again = |now| {
            let (renewals, session, fresh) =
                (Arc::clone(&renewals), Arc::clone(&session), fresh.clone());
            async move {
                renewals
                    .once(&session, now, &clock(now), || async { fresh })
                    .await
            }
        };
        assert!(matches!(again(1_016).await, Renewed::Undecided));
        assert_eq!(generation(&again(1_017).await), Some(1));
    }

    /// A node that was stopped for a while, or a provider that took its time.
    #[tokio::test]
    async fn a_refresh_that_ends_late_hides_no_newer_generation() {
        let old = Arc::new(Session::example());
        let mut newer = (*old).clone();
        newer.generation = 5;
        newer.tokens.scope = "what another node has brought".to_owned();
        let newer = Arc::new(newer);
        for late in [fresher(&old), Renewed::Undecided] {
            for first in ["the old one", "the newer one"] {
                let renewals = Arc::new(Renewals::default());
                let (slow, quick) = (Arc::new(Provider::default()), Arc::new(Provider::default()));
                let mut ends_late = Box::pin(refresh(&renewals, &old, &slow, late.clone()));
                let waits = tokio::time::timeout(Duration::ZERO, &mut ends_late).await;
                assert!(waits.is_err());
                let mut ends = Box::pin(refresh(&renewals, &newer, &quick, fresher(&newer)));
                let waits = tokio::time::timeout(Duration::ZERO, &mut ends).await;
                assert!(waits.is_err(), "its tokens are others: it asks for itself");
                if first == "the old one" {
                    slow.answers.notify_one();
                    ends_late.await;
                    let known = renewals.since(&old, 1_000).as_ref().and_then(generation);
                    assert_eq!(known, Some(5), "{late:?}");
                    quick.answers.notify_one();
                    ends.await;
                } else {
                    quick.answers.notify_one();
                    ends.await;
                    slow.answers.notify_one();
                    ends_late.await;
                }
                let known = renewals.since(&old, 1_000).as_ref().and_then(generation);
                assert_eq!(known, Some(6), "{first} ended first, {late:?}");
            }
        }
    }
}
