//! One token refresh per session, however many requests ask for it
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14): a refresh token that
//! rotates may be spent once).
//!
//! The first request that needs fresh tokens starts a task; all others wait for its outcome. The
//! task belongs to nobody's connection: a browser that hangs up cannot cut a refresh in half. The
//! outcome stays here for ten minutes at least, for requests that were already on their way with the
//! cookie from before. A session that has ended leaves a tombstone, so that nothing brings it back.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::lifetime::Ended;
use super::session::Session;

/// How a refresh ended.
#[derive(Clone, Debug)]
pub(crate) enum Renewed {
    /// The session with its new tokens.
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

#[derive(Debug)]
enum Standing {
    /// A refresh of the given generation, under way or done.
    Refresh {
        of_generation: u32,
        outcome: watch::Receiver<Option<Renewed>>,
        since: u64,
    },
    /// The session has ended; kept until its cookie is worthless anyway.
    Tombstone { why: Ended, until: u64 },
}

impl Renewals {
    /// How long an outcome is kept at least, in seconds.
    const REPLAY: u64 = 600;

    /// Outdated entries are swept when there are more than this, and twice as many as the last
    /// sweep left.
    const SWEEP_ABOVE: usize = 1_024;

    /// Refreshes `session` once: runs `refresh` in a task of its own, or waits for the one that
    /// runs already, or repeats the outcome of the one that just has.
    pub(crate) async fn once<F>(
        self: &Arc<Self>,
        session: &Session,
        now: u64,
        refresh: impl FnOnce() -> F,
    ) -> Renewed
    where
        F: Future<Output = Renewed> + Send + 'static,
    {
        let mut outcome = match self.join(session, now) {
            Joined::Over(why) => return Renewed::Over(why),
            Joined::Waiting(outcome) => outcome,
            Joined::First(announce, outcome) => {
                let refresh = refresh();
                let renewals = Arc::clone(self);
                let (id, until) = (session.id, session.times.absolute_deadline);
                tokio::spawn(async move {
                    let renewed = refresh.await;
                    renewals.settle(id, &renewed, until);
                    announce.send_replace(Some(renewed));
                });
                outcome
            }
        };
        let settled = outcome
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|renewed| renewed.clone());
        // The task cannot vanish without an answer unless the runtime is shutting down.
        settled.unwrap_or(Renewed::Undecided)
    }

    fn join(&self, session: &Session, now: u64) -> Joined {
        let mut remembered = self.remembered();
        match remembered.by_session.get(&session.id) {
            Some(Standing::Tombstone { why, .. }) => return Joined::Over(*why),
            Some(Standing::Refresh {
                of_generation,
                outcome,
                ..
            }) if *of_generation >= session.generation && is_alive(outcome) => {
                return Joined::Waiting(outcome.clone());
            }
            _ => {}
        }
        remembered.sweep(now);
        let (announce, outcome) = watch::channel(None);
        let standing = Standing::Refresh {
            of_generation: session.generation,
            outcome: outcome.clone(),
            since: now,
        };
        remembered.by_session.insert(session.id, standing);
        Joined::First(announce, outcome)
    }

    fn settle(&self, id: [u8; 16], renewed: &Renewed, until: u64) {
        let entries = &mut self.remembered().by_session;
        match renewed {
            Renewed::Fresh(_) => {}
            Renewed::Over(why) => {
                entries.insert(id, Standing::Tombstone { why: *why, until });
            }
            // Whoever waits gets this outcome; whoever comes next tries again.
            Renewed::Undecided => {
                if let Some(Standing::Refresh { .. }) = entries.get(&id) {
                    entries.remove(&id);
                }
            }
        }
    }

    /// Remembers that a session has ended, until its cookie is worthless.
    pub(crate) fn end(&self, session: &Session, why: Ended, now: u64) {
        let mut remembered = self.remembered();
        remembered.sweep(now);
        let until = session.times.absolute_deadline;
        remembered
            .by_session
            .insert(session.id, Standing::Tombstone { why, until });
    }

    /// What has become of a session since its cookie was made: nothing, a newer generation, or its
    /// end.
    pub(crate) fn since(&self, session: &Session, now: u64) -> Option<Renewed> {
        match self.remembered().by_session.get(&session.id)? {
            Standing::Tombstone { why, until } if *until > now => Some(Renewed::Over(*why)),
            Standing::Refresh { outcome, .. } => {
                let newest = outcome.borrow().clone()?;
                matches!(&newest, Renewed::Fresh(fresh) if fresh.generation > session.generation)
                    .then_some(newest)
            }
            _ => None,
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a refresh has an outcome or will have one: its task may have died with its runtime.
fn is_alive(outcome: &watch::Receiver<Option<Renewed>>) -> bool {
    outcome.borrow().is_some() || outcome.has_changed().is_ok()
}

enum Joined {
    First(
        watch::Sender<Option<Renewed>>,
        watch::Receiver<Option<Renewed>>,
    ),
    Waiting(watch::Receiver<Option<Renewed>>),
    Over(Ended),
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
            Standing::Refresh { since, outcome, .. } => {
                is_alive(outcome)
                    && (outcome.borrow().is_none()
                        || now.saturating_sub(*since) <= Renewals::REPLAY)
            }
        });
        self.swept_to = self.by_session.len();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    fn fresher(session: &Session) -> Renewed {
        Renewed::Fresh(Arc::new(session.refreshed(session.tokens.clone(), None)))
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
        session: &Session,
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
        let outcome = renewals.once(session, 1_000, ask);
        tokio::time::timeout(Duration::from_secs(10), outcome)
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn fifty_requests_refresh_once() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Session::example();
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
        let session = Session::example();
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
        let session = Session::example();
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
        let (mine, mut theirs) = (Session::example(), Session::example());
        theirs.id = [2; 16];
        let waiting = refresh(&renewals, &mine, &slow, fresher(&mine));
        assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
        quick.answers.notify_one();
        let done = refresh(&renewals, &theirs, &quick, fresher(&theirs)).await;
        assert_eq!((generation(&done), quick.asked()), (Some(1), 1));
        assert!(renewals.since(&mine, 1_000).is_none());
    }

    #[tokio::test]
    async fn what_is_undecided_is_tried_again() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Session::example();
        for attempts in 1..=3 {
            provider.answers.notify_one();
            let undecided = refresh(&renewals, &session, &provider, Renewed::Undecided).await;
            assert!(matches!(undecided, Renewed::Undecided));
            assert_eq!(provider.asked(), attempts);
            assert!(renewals.since(&session, 1_000).is_none());
        }
        provider.answers.notify_one();
        let fresh = refresh(&renewals, &session, &provider, fresher(&session)).await;
        assert_eq!((generation(&fresh), provider.asked()), (Some(1), 4));
    }

    #[tokio::test]
    async fn a_session_that_is_over_stays_over() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Session::example();
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
        let session = Session::example();
        let waiting = refresh(&renewals, &session, &provider, fresher(&session));
        let mut waiting = Box::pin(waiting);
        assert!(
            tokio::time::timeout(Duration::ZERO, &mut waiting)
                .await
                .is_err()
        );
        renewals.end(&session, Ended::SignedOut, 1_000);
        provider.answers.notify_one();
        waiting.await;
        let over = renewals.since(&session, 1_001);
        assert!(matches!(over, Some(Renewed::Over(Ended::SignedOut))));
    }

    #[tokio::test]
    async fn a_task_that_dies_leaves_nothing_that_blocks_the_next() {
        let renewals = Arc::new(Renewals::default());
        let provider = Arc::new(Provider::default());
        let session = Session::example();
        let died = renewals.once(&session, 1_000, || async { panic!("the client is broken") });
        assert!(matches!(died.await, Renewed::Undecided));
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
            renewals.once(&session, now, || async { fresh }).await;
        }
        assert!(renewals.remembered().by_session.len() <= Renewals::SWEEP_ABOVE);
        assert!(renewals.since(&session, 1_000).is_some());
        session.id[..8].copy_from_slice(&0_u64.to_be_bytes());
        assert!(renewals.since(&session, 1_000).is_none());
    }
}
