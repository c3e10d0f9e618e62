//! Ends of sessions that a store has yet to hear of, because it failed when they were due. One worker
//! tells it, one end after the other, with pauses that grow while it fails.
//!
//! There is room for so much and no more, and nothing is here twice. Strangers put nothing here: it takes a
//! cookie that we have sealed.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Gate;
use crate::background::Backoff;
use crate::error::Error;
use crate::session::{EndedSession, StoreKey, Ticket};

/// What is outstanding.
#[derive(Debug, Default)]
pub(crate) struct Outstanding(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<Ending>,
    /// Those in `order`, and the one that is being told.
    places: HashSet<Place>,
    /// Alive while the worker is.
    worker: Weak<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Store(StoreKey),
    Cookie([u8; 16]),
}

/// The end of one session.
#[derive(Clone, Debug)]
struct Ending {
    ticket: Option<Ticket>,
    /// The session itself; `None` when the store could not be asked for it.
    session: Option<EndedSession>,
    give_up_at: u64,
}

impl Ending {
    fn place(&self) -> Option<Place> {
        match (&self.ticket, &self.session) {
            (Some(ticket), _) => Some(Place::Store(ticket.key())),
            (None, Some(session)) => Some(Place::Cookie(session.id)),
            (None, None) => None,
        }
    }
}

impl Outstanding {
    /// How many ends are remembered; the oldest go first.
    const ROOM: usize = 10_000;

    /// Adds an end. The worker's token, if there is none at work.
    fn add(&self, ending: Ending) -> Option<Arc<()>> {
        let mut queue = self.queue();
        queue.push(ending);
        if queue.worker.strong_count() > 0 {
            return None;
        }
        let token = Arc::new(());
        queue.worker = Arc::downgrade(&token);
        Some(token)
    }

    /// The next one to tell. When there is none, the worker is no longer at work.
    fn next(&self) -> Option<Telling<'_>> {
        let mut queue = self.queue();
        let next = queue.order.pop_front();
        if next.is_none() {
            queue.worker = Weak::new();
        }
        Some(Telling {
            outstanding: self,
            ending: Some(next?),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An end that is being told. When this is dropped its place is free, also when a store panics.
struct Telling<'a> {
    outstanding: &'a Outstanding,
    /// `None` once it was put back.
    ending: Option<Ending>,
}

impl Telling<'_> {
    /// Puts back what could not be told, and gives up what has been tried for too long. Answers with
    /// how many that were.
    fn put_back(mut self, now: u64) -> usize {
        let Some(ending) = self.ending.take() else {
            return 0;
        };
        let mut queue = self.outstanding.queue();
        queue.order.push_back(ending);
        queue.give_up(now)
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let Some(ending) = &self.ending else {
            return;
        };
        if let Some(place) = ending.place() {
            self.outstanding.queue().places.remove(&place);
        }
    }
}

impl Queue {
    fn push(&mut self, ending: Ending) {
        let Some(place) = ending.place() else {
            return;
        };
        if !self.places.insert(place) {
            return;
        }
        self.order.push_back(ending);
        if self.order.len() > Outstanding::ROOM
            && let Some(oldest) = self.order.pop_front().and_then(|oldest| oldest.place())
        {
            self.places.remove(&oldest);
        }
    }

    fn give_up(&mut self, now: u64) -> usize {
        let before = self.order.len();
        let places = &mut self.places;
        self.order.retain(|ending| {
            let keep = ending.give_up_at > now;
            if !keep && let Some(place) = ending.place() {
                places.remove(&place);
            }
            keep
        });
        before - self.order.len()
    }
}

/// For how long a store is told of an end, in seconds.
const KEEP_TELLING: u64 = 60;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

impl Gate {
    /// Tells the stores of a session's end as soon as they are back, within a minute.
    pub(super) fn end_once_possible(&self, ticket: Option<Ticket>, session: Option<EndedSession>) {
        let ending = Ending {
            ticket,
            session,
            give_up_at: self.0.clock.now().saturating_add(KEEP_TELLING),
        };
        if let Some(token) = self.0.outstanding.add(ending) {
            let gate = self.clone();
            self.0.background.spawn(async move {
                gate.tell_what_is_outstanding().await;
                drop(token);
            });
        }
    }

    async fn tell_what_is_outstanding(&self) {
        let premises = &self.0;
        let backoff = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        // The store has failed a moment ago.
        let mut pauses = backoff();
        pauses.pause(premises.random.as_ref()).await;
        while let Some(telling) = premises.outstanding.next() {
            if self.tell(telling.ending.as_ref()).await.is_ok() {
                pauses = backoff();
                continue;
            }
            let given_up = telling.put_back(premises.clock.now());
            if given_up > 0 {
                tracing::error!(
                    event = "session_not_removed",
                    sessions = given_up,
                    "the session store has failed for a minute, and was not told that these sessions have ended: copies of their cookies work until the sessions' deadlines"
                );
            }
            pauses.pause(premises.random.as_ref()).await;
        }
    }

    /// Tells the stores of one end. A session that they could not be asked for ends as it would have then.
    async fn tell(&self, ending: Option<&Ending>) -> Result<(), Error> {
        let now = self.0.clock.now();
        match ending {
            Some(Ending {
                ticket: Some(ticket),
                session: None,
                ..
            }) => {
                let found = self.0.load(ticket.clone(), now).await?;
                self.sign_out(found, now).await;
                Ok(())
            }
            Some(ending) => {
                let (ticket, session) = (ending.ticket.as_ref(), ending.session.as_ref());
                self.0.tell_stores(ticket, session, now).await
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(number: u32) -> Ending {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Ending {
            ticket: Some(Ticket::from_bytes(bytes)),
            session: None,
            give_up_at: 1_060,
        }
    }

    fn sealed(id: u8) -> Ending {
        Ending {
            ticket: None,
            session: Some(EndedSession {
                id: [id; 16],
                issuer: "https://op.example".to_owned(),
                until: 9_000,
            }),
            give_up_at: 1_060,
        }
    }

    fn waiting(outstanding: &Outstanding) -> (usize, usize) {
        let queue = outstanding.queue();
        (queue.order.len(), queue.places.len())
    }

    #[test]
    fn there_is_room_for_so_much_and_nothing_is_there_twice() {
        let outstanding = Outstanding::default();
        let token = outstanding.add(sealed(1));
        assert!(token.is_some());
        outstanding.add(sealed(1));
        assert_eq!(waiting(&outstanding), (1, 1));
        let first = outstanding.next().unwrap();
        outstanding.add(sealed(1));
        assert_eq!(waiting(&outstanding), (0, 1), "it is being told");
        drop(first);
        outstanding.add(sealed(1));
        assert_eq!(waiting(&outstanding), (1, 1));
        let room = Outstanding::ROOM;
        for number in 0..2 * room as u32 {
            assert!(outstanding.add(end(number)).is_none(), "one worker");
        }
        assert_eq!(waiting(&outstanding), (room, room));
        let oldest = outstanding.next().unwrap();
        let place = oldest.ending.as_ref().and_then(Ending::place);
        assert_eq!(place, end(room as u32).place());
    }

    #[test]
    fn a_worker_that_died_is_replaced() {
        let outstanding = Outstanding::default();
        drop(outstanding.add(sealed(1)).unwrap());
        let token = outstanding.add(sealed(2)).unwrap();
        assert!(outstanding.add(sealed(3)).is_none());
        while let Some(told) = outstanding.next() {
            drop(told);
        }
        assert!(outstanding.add(sealed(4)).is_some());
        drop(token);
    }

    #[test]
    fn what_cannot_be_told_for_a_minute_is_given_up() {
        let outstanding = Outstanding::default();
        let _token = outstanding.add(sealed(1));
        outstanding.add(end(1));
        assert_eq!(outstanding.next().unwrap().put_back(1_059), 0);
        assert_eq!(waiting(&outstanding), (2, 2));
        assert_eq!(outstanding.next().unwrap().put_back(1_060), 2);
        assert!(outstanding.next().is_none());
        assert_eq!(waiting(&outstanding), (0, 0));
    }
}
