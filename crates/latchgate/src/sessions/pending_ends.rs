//! Ends of sessions that are retried because a store failed. One worker retries them in order, with growing pauses
//! while the store fails.
//!
//! The queue is bounded and holds each end once. Only a cookie that we sealed can add to it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Sessions;
use super::stored::Ticket;
use super::timing::TIMING;
use crate::background::Backoff;
use crate::error::Error;
use crate::session::{EndedSession, Session, SessionEnd};
use crate::store::StoreKey;

/// The ends that are pending.
#[derive(Debug, Default)]
pub(super) struct PendingEnds(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<PendingEnd>,
    /// Those in `order`, and the one that is being retried.
    places: HashSet<EndKey>,
    /// Alive while the worker is.
    worker: Weak<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum EndKey {
    Store(StoreKey),
    Cookie([u8; 16]),
}

/// A session that its person has signed out of.
#[derive(Debug)]
pub(crate) struct SignedOut {
    pub(crate) session: Arc<Session>,
    /// Whether the application still has to be told: it does not know yet that the session has ended.
    pub(crate) notify_application: bool,
}

/// Called once a session has ended, possibly after retries.
pub(crate) type AfterEnd = Arc<dyn Fn(&SignedOut) + Send + Sync>;

/// An end that the store has not recorded yet.
#[derive(Clone)]
pub(super) enum End {
    /// The end of this session.
    Session {
        ticket: Option<Ticket>,
        session: EndedSession,
    },
    /// The end of this ticket's session, which could not be read yet.
    Unread { ticket: Ticket, after: AfterEnd },
}

#[derive(Clone)]
struct PendingEnd {
    end: End,
    give_up_at: u64,
}

impl End {
    pub(super) fn ticket(&self) -> Option<&Ticket> {
        match self {
            Self::Session { ticket, .. } => ticket.as_ref(),
            Self::Unread { ticket, .. } => Some(ticket),
        }
    }

    fn key(&self) -> EndKey {
        match self {
            Self::Session {
                ticket: None,
                session,
            } => EndKey::Cookie(session.id),
            Self::Session {
                ticket: Some(ticket),
                ..
            }
            | Self::Unread { ticket, .. } => EndKey::Store(ticket.key()),
        }
    }
}

impl PendingEnds {
    /// How many ends are remembered. Beyond that, the oldest are dropped.
    const ROOM: usize = 10_000;

    /// Adds an end. Returns a token for a new worker, if none is running.
    fn add(&self, ending: PendingEnd) -> Option<Arc<()>> {
        let mut queue = self.queue();
        queue.push(ending);
        if queue.worker.strong_count() > 0 {
            return None;
        }
        let token = Arc::new(());
        queue.worker = Arc::downgrade(&token);
        Some(token)
    }

    /// Whether the end of this ticket's session has yet to reach the store.
    pub(super) fn has(&self, ticket: &Ticket) -> bool {
        let queue = self.queue();
        !queue.places.is_empty() && queue.places.contains(&EndKey::Store(ticket.key()))
    }

    /// The next end to retry. Without one, the worker is done.
    fn next(&self) -> Option<ClaimedEnd<'_>> {
        let mut queue = self.queue();
        let next = queue.order.pop_front();
        if next.is_none() {
            queue.worker = Weak::new();
        }
        Some(ClaimedEnd {
            pending: self,
            ending: Some(next?),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An end that is being retried. Dropping this frees its place, even if a store panics.
struct ClaimedEnd<'a> {
    pending: &'a PendingEnds,
    /// `None` once it was put back.
    ending: Option<PendingEnd>,
}

impl ClaimedEnd<'_> {
    /// Puts an end back after a failure. Returns those that have been retried for too long, which are no longer in the
    /// queue.
    fn put_back(mut self, now: u64) -> Vec<PendingEnd> {
        let Some(ending) = self.ending.take() else {
            return Vec::new();
        };
        let mut queue = self.pending.queue();
        queue.order.push_back(ending);
        queue.give_up(now)
    }
}

impl Drop for ClaimedEnd<'_> {
    fn drop(&mut self) {
        let Some(ending) = &self.ending else {
            return;
        };
        self.pending.queue().places.remove(&ending.end.key());
    }
}

impl Queue {
    fn push(&mut self, ending: PendingEnd) {
        if !self.places.insert(ending.end.key()) {
            return;
        }
        self.order.push_back(ending);
        if self.order.len() > PendingEnds::ROOM
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest.end.key());
        }
    }

    fn give_up(&mut self, now: u64) -> Vec<PendingEnd> {
        let order = std::mem::take(&mut self.order).into_iter();
        let (given_up, kept): (Vec<_>, Vec<_>) = order.partition(|ending| ending.give_up_at <= now);
        self.order = kept.into();
        for ending in &given_up {
            self.places.remove(&ending.end.key());
        }
        given_up
    }
}

debug_fields!(PendingEnd { give_up_at });

impl Sessions {
    /// Retries the end of a session for a minute.
    pub(super) fn retry_end(self: &Arc<Self>, end: End) {
        let pending = PendingEnd {
            end,
            give_up_at: self.now().saturating_add(TIMING.end_limit),
        };
        if let Some(token) = self.pending_ends.add(pending) {
            let sessions = Arc::clone(self);
            self.background.spawn(async move {
                sessions.run_pending_ends().await;
                drop(token);
            });
        }
    }

    pub(super) async fn run_pending_ends(&self) {
        let (first, longest) = TIMING.end_pauses;
        let random = self.random.as_ref();
        // The store has just failed.
        let mut pauses = Backoff::new(first, longest);
        pauses.pause(random).await;
        while let Some(mut claimed) = self.pending_ends.next() {
            if self.run_pending_end(claimed.ending.as_mut()).await.is_ok() {
                pauses = Backoff::new(first, longest);
                continue;
            }
            let given_up = claimed.put_back(self.now());
            if !given_up.is_empty() {
                self.remember_unread(&given_up);
                tracing::error!(
                    event = "session_not_removed",
                    sessions = given_up.len(),
                    "sessions could not be removed from their store within a minute: copies of their cookies remain valid until the sessions' deadlines"
                );
            }
            pauses.pause(random).await;
        }
    }

    /// The store has never returned these sessions, so it is unknown whose they are; on this node they have ended.
    fn remember_unread(&self, given_up: &[PendingEnd]) {
        let now = self.now();
        let until = now.saturating_add(self.lifetimes.absolute);
        for pending in given_up {
            if let End::Unread { ticket, .. } = &pending.end {
                self.refreshes
                    .end_by_id(ticket.id(), SessionEnd::SignedOut, until, now);
            }
        }
    }

    /// Retries one end. A session that could not be read before is now read and signed out on this node first, so that
    /// only its removal is left to retry.
    async fn run_pending_end(&self, pending: Option<&mut PendingEnd>) -> Result<(), Error> {
        let Some(pending) = pending else {
            return Ok(());
        };
        if let End::Unread { ticket, after } = &pending.end {
            let found = self.load(ticket.clone()).await?;
            let Some(ended) = self.sign_out_here(found) else {
                // The application need not be told, but another sign-out may have left the removal to this one.
                return self.propagate_end(&pending.end).await;
            };
            after(&ended);
            pending.end = End::Session {
                ticket: Some(ticket.clone()),
                session: EndedSession::of(&ended.session),
            };
        }
        self.propagate_end(&pending.end).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(number: u32) -> PendingEnd {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        PendingEnd {
            end: End::Unread {
                ticket: Ticket::from_bytes(bytes),
                after: Arc::new(|_| {}),
            },
            give_up_at: 1_060,
        }
    }

    fn sealed(id: u8) -> PendingEnd {
        PendingEnd {
            end: End::Session {
                ticket: None,
                session: EndedSession {
                    id: [id; 16],
                    until: 9_000,
                },
            },
            give_up_at: 1_060,
        }
    }

    fn waiting(pending: &PendingEnds) -> (usize, usize) {
        let queue = pending.queue();
        (queue.order.len(), queue.places.len())
    }

    #[test]
    fn there_is_room_for_so_much_and_nothing_is_there_twice() {
        let pending = PendingEnds::default();
        let token = pending.add(sealed(1));
        assert!(token.is_some());
        pending.add(sealed(1));
        assert_eq!(waiting(&pending), (1, 1));
        let first = pending.next().unwrap();
        pending.add(sealed(1));
        assert_eq!(waiting(&pending), (0, 1), "it is being told");
        drop(first);
        pending.add(sealed(1));
        assert_eq!(waiting(&pending), (1, 1));
        let room = PendingEnds::ROOM;
        for number in 0..2 * room as u32 {
            assert!(pending.add(end(number)).is_none(), "one worker");
        }
        assert_eq!(waiting(&pending), (room, room));
        let oldest = pending.next().unwrap();
        let place = oldest.ending.as_ref().map(|ending| ending.end.key());
        assert_eq!(place, Some(end(room as u32).end.key()));
    }

    #[test]
    fn a_worker_that_died_is_replaced() {
        let pending = PendingEnds::default();
        drop(pending.add(sealed(1)).unwrap());
        let token = pending.add(sealed(2)).unwrap();
        assert!(pending.add(sealed(3)).is_none());
        while let Some(told) = pending.next() {
            drop(told);
        }
        assert!(pending.add(sealed(4)).is_some());
        drop(token);
    }

    #[test]
    fn what_cannot_be_told_for_a_minute_is_given_up() {
        let pending = PendingEnds::default();
        let _token = pending.add(sealed(1));
        pending.add(end(1));
        assert_eq!(pending.next().unwrap().put_back(1_059).len(), 0);
        assert_eq!(waiting(&pending), (2, 2));
        assert_eq!(pending.next().unwrap().put_back(1_060).len(), 2);
        assert!(pending.next().is_none());
        assert_eq!(waiting(&pending), (0, 0));
    }
}
