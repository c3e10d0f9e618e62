//! One token refresh per session, however many requests ask for it
//! ([RFC 9700 §4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14): a refresh token that
//! rotates may be spent once).
//!
//! The first request that needs fresh tokens starts a task; all others wait for its outcome. The
//! task belongs to nobody's connection: a browser that hangs up cannot cut a refresh in half. The
//! outcome stays here for a minute at least, for requests that were already on their way with the
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
    const REPLAY: u64 = 60;

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
