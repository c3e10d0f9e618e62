//! Sessions that were ended otherwise than by who holds their cookie ([OpenID Connect Back-Channel
//! Logout 1.0 §2.7](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCActions)), and the
//! logout tokens that were obeyed. Kept in this process until no session and no token is left that
//! they could concern.
//!
//! Who may make a mark is known, but for front-channel logout: anybody can ask for that. Its marks
//! are kept apart, and only so many of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use crate::session::{Mark, Seen, Session, SessionName, Stamp};

/// What was revoked, by the hash of its name.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Name, Kept>,
    /// How many there were after the last sweep.
    swept_to: usize,
    unauthenticated: Unauthenticated,
    /// How many marks were made so far.
    made: u64,
}

/// Marks that anybody can have made.
#[derive(Debug, Default)]
struct Unauthenticated {
    by_name: HashMap<Name, Kept>,
    /// The names, the oldest first.
    order: VecDeque<Name>,
}

type Name = [u8; 32];

/// A mark in this memory.
#[derive(Clone, Copy, Debug)]
struct Kept {
    mark: Mark,
    /// Which one it was, in the order in which they were made here.
    number: u64,
    until: u64,
    /// Whether what it concerns was removed from the store it lies in.
    removed_from_store: bool,
}

/// A moment in the order in which the marks of this process are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl Marks {
    /// Outdated marks are swept when there are more than this, and twice as many as the last sweep
    /// left.
    const SWEEP_ABOVE: usize = 1_024;

    /// How many marks of front-channel logout are kept; the oldest go first.
    const MOST_UNAUTHENTICATED: usize = 10_000;

    /// Whether a logout token was obeyed before.
    pub(crate) fn has_processed(&self, issuer: &str, jti: &str, now: u64) -> bool {
        let name = hash(["jti", issuer, jti]);
        let marks = self.marks();
        marks
            .by_name
            .get(&name)
            .is_some_and(|kept| kept.until > now)
    }

    /// Takes note of a logout token's name; `false` when it was noted before.
    pub(crate) fn note_processed(&self, issuer: &str, jti: &str, now: u64, until: u64) -> bool {
        let mark = Mark::of(Stamp::at(now));
        let mut marks = self.marks();
        let name = hash(["jti", issuer, jti]);
        let before = marks.by_name.get(&name).map(|before| before.until);
        marks.set(name, mark, now, until);
        before.is_none_or(|before| before <= now)
    }

    /// Ends the sessions of this name that have begun.
    pub(crate) fn end(&self, named: SessionName<'_>, stamp: Stamp, now: u64, until: u64) {
        let mark = Mark::of(stamp);
        self.marks().set(named.hash(), mark, now, until);
    }

    /// The same at the word of somebody who has proved nothing.
    pub(crate) fn end_unauthenticated(&self, named: SessionName<'_>, stamp: Stamp, until: u64) {
        self.marks()
            .set_unauthenticated(named.hash(), Mark::of(stamp), until);
    }

    /// Takes note that the sessions of this name were removed from the store they lie in. Whatever is
    /// found there from now on has begun since, on whichever node; only a login that is under way
    /// here may still be older than the mark.
    pub(crate) fn removed_from_store(&self, named: SessionName<'_>) {
        if let Some(kept) = self.marks().by_name.get_mut(&named.hash()) {
            kept.removed_from_store = true;
        }
    }

    /// Ends every session that the person of this one has begun so far, but this one. `false`, and
    /// nothing happens, when it was ended itself.
    pub(crate) fn end_others(&self, session: &Session, stamp: Stamp, now: u64, until: u64) -> bool {
        let mut marks = self.marks();
        if marks.concern(session, now) {
            return false;
        }
        let mark = Mark::of(stamp).sparing(session.id);
        marks.set(SessionName::sub_of(session).hash(), mark, now, until);
        true
    }

    /// Whether a session was ended.
    pub(crate) fn concern(&self, session: &Session, now: u64) -> bool {
        self.marks().concern(session, now)
    }

    /// The present moment: what is marked from now on has not been made yet.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.marks().made)
    }

    /// The marks on a session's names that a session which begins now comes after. `None` when one was
    /// made since `moment`, and so ends it.
    pub(crate) fn seen_by(&self, session: &Session, moment: Moment, now: u64) -> Option<Seen> {
        let marks = self.marks();
        let mut seen = Seen::default();
        for (named, place) in [
            (SessionName::sub_of(session), &mut seen.sub),
            (SessionName::alone_of(session), &mut seen.alone),
        ] {
            for kept in marks.under(&named.hash(), now) {
                if kept.number >= moment.0 && !kept.mark.spares(session) {
                    return None;
                }
                *place = (*place).max(kept.mark.stamp);
            }
        }
        Some(seen)
    }

    fn marks(&self) -> MutexGuard<'_, Table> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn set(&mut self, name: Name, mark: Mark, now: u64, until: u64) {
        self.sweep(now);
        let kept = self.number(mark, self.by_name.get(&name).copied(), until);
        self.by_name.insert(name, kept);
    }

    fn set_unauthenticated(&mut self, name: Name, mark: Mark, until: u64) {
        let kept = self.number(
            mark,
            self.unauthenticated.by_name.get(&name).copied(),
            until,
        );
        self.unauthenticated.add(name, kept);
    }

    /// The next mark, which comes after the one that is there.
    fn number(&mut self, mark: Mark, before: Option<Kept>, until: u64) -> Kept {
        let mark = before.map_or(mark, |before| mark.after(&before.mark));
        let number = self.made;
        self.made += 1;
        Kept {
            mark,
            number,
            until,
            removed_from_store: false,
        }
    }

    fn under(&self, name: &Name, now: u64) -> impl Iterator<Item = &Kept> {
        let proven = self.by_name.get(name);
        let found = proven
            .into_iter()
            .chain(self.unauthenticated.by_name.get(name));
        found.filter(move |kept| kept.until > now)
    }

    fn concern(&self, session: &Session, now: u64) -> bool {
        if self.by_name.is_empty() && self.unauthenticated.by_name.is_empty() {
            return false;
        }
        let seen = session.extras.seen;
        let ended = |named: SessionName<'_>, seen: Stamp| {
            let name = named.hash();
            let mut marks = self.under(&name, now);
            marks.any(|kept| !kept.removed_from_store && kept.mark.ends_by_time(session, seen))
        };
        ended(SessionName::sub_of(session), seen.sub)
            || ended(SessionName::alone_of(session), seen.alone)
    }

    fn sweep(&mut self, now: u64) {
        if self.by_name.len() >= Marks::SWEEP_ABOVE.max(2 * self.swept_to) {
            self.by_name.retain(|_, kept| kept.until > now);
            self.swept_to = self.by_name.len();
        }
    }
}

impl Unauthenticated {
    fn add(&mut self, name: Name, kept: Kept) {
        if self.by_name.insert(name, kept).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > Marks::MOST_UNAUTHENTICATED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }
}

impl SessionName<'_> {
    fn hash(self) -> Name {
        hash(self.parts())
    }
}

/// A name of bounded size, whatever the provider sends.
fn hash(parts: [&str; 3]) -> Name {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut name = [0; 32];
    name.copy_from_slice(context.finish().as_ref());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://op.example";

    /// [`Session::example`] of another session at the provider.
    fn session(sid: &str) -> Session {
        let mut session = Session::example();
        session.sid = Some(sid.to_owned());
        session
    }

    fn sid(sid: &str) -> SessionName<'_> {
        SessionName::Sid {
            issuer: ISSUER,
            sid,
        }
    }

    #[test]
    fn anybody_can_fill_the_unproven_marks_and_reach_no_others() {
        let revocations = Marks::default();
        let at = Stamp::at;
        revocations.end(sid("proved"), at(1_000), 1_000, 9_000);
        revocations.end_unauthenticated(sid("first"), at(1_000), 9_000);
        let concern = |sid: &str| revocations.concern(&session(sid), 1_001);
        assert!(concern("proved") && concern("first") && !concern("other"));
        for number in 1..Marks::MOST_UNAUTHENTICATED {
            revocations.end_unauthenticated(sid(&number.to_string()), at(1_000), 9_000);
        }
        assert!(concern("first"), "the last place is its own");
        revocations.end_unauthenticated(sid("first"), at(1_001), 9_000);
        assert!(concern("1"), "a mark that is there takes no other place");
        revocations.end_unauthenticated(sid("one more"), at(1_000), 9_000);
        assert!(!concern("first") && concern("proved") && concern("1"));
        let marks = revocations.marks();
        assert_eq!(
            marks.unauthenticated.by_name.len(),
            Marks::MOST_UNAUTHENTICATED
        );
        assert_eq!(
            marks.unauthenticated.order.len(),
            Marks::MOST_UNAUTHENTICATED
        );
    }

    #[test]
    fn a_mark_ends_what_was_begun_until_then() {
        let revocations = Marks::default();
        revocations.end_unauthenticated(sid("one"), Stamp::at(999), 9_000);
        assert!(!revocations.concern(&session("one"), 1_000));
        revocations.end_unauthenticated(sid("one"), Stamp::at(1_000), 9_000);
        assert!(revocations.concern(&session("one"), 1_000));
        assert!(
            !revocations.concern(&session("one"), 9_000),
            "it is outdated"
        );
        assert!(!revocations.has_processed(ISSUER, "jti", 1_000));
        assert!(revocations.note_processed(ISSUER, "jti", 1_000, 2_000));
        assert!(!revocations.note_processed(ISSUER, "jti", 1_000, 2_000));
        assert!(revocations.has_processed(ISSUER, "jti", 1_999));
        assert!(!revocations.has_processed(ISSUER, "jti", 2_000));
    }

    /// A session of the person that begins at `moment`, having seen what was marked before.
    fn begun(revocations: &Marks, moment: Moment) -> Option<Session> {
        let mut session = session("one");
        session.extras.seen = revocations.seen_by(&session, moment, 1_000)?;
        Some(session)
    }

    /// All in one second, or while the clock of whoever made the mark is ahead.
    #[test]
    fn a_session_that_has_seen_a_mark_comes_after_it() {
        let revocations = Marks::default();
        let person = session("one");
        let log_out = |salt| {
            let stamp = Stamp::new(1_002, [0, 0, salt]);
            revocations.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        };
        let before = begun(&revocations, revocations.moment()).unwrap();
        let moment = revocations.moment();
        log_out(7);
        assert!(revocations.concern(&before, 1_000));
        assert!(
            begun(&revocations, moment).is_none(),
            "what was marked while it began ends it"
        );
        let after = begun(&revocations, revocations.moment()).unwrap();
        assert!(!revocations.concern(&after, 1_000));
        log_out(9);
        assert!(revocations.concern(&after, 1_000));
        let after = begun(&revocations, revocations.moment()).unwrap();
        let stamp = Stamp::new(1_002, [1, 0, 0]);
        revocations.end(sid("one"), stamp, 1_000, 9_000);
        assert!(
            revocations.concern(&after, 1_000),
            "each name has marks of its own"
        );
    }

    #[test]
    fn who_ends_all_others_goes_on_and_cannot_come_back() {
        let revocations = Marks::default();
        let (mut one, mut other) = (session("one"), session("other"));
        (one.id, other.id) = ([1; 16], [2; 16]);
        let end_others = |session: &Session, salt| {
            let stamp = Stamp::new(1_000, [0, 0, salt]);
            revocations.end_others(session, stamp, 1_000, 9_000)
        };
        assert!(end_others(&one, 1));
        assert!(!revocations.concern(&one, 1_000) && revocations.concern(&other, 1_000));
        assert!(!end_others(&other, 2));
        assert!(!revocations.concern(&one, 1_000) && revocations.concern(&other, 1_000));
        let all = Stamp::new(1_000, [0, 0, 3]);
        revocations.end(SessionName::sub_of(&one), all, 1_000, 9_000);
        assert!(revocations.concern(&one, 1_000) && !end_others(&one, 4));
    }

    /// A session that is found in the store, where none was left, has begun since.
    #[test]
    fn what_was_removed_from_a_store_concerns_logins_under_way_only() {
        let revocations = Marks::default();
        let moment = revocations.moment();
        let (named, stamp) = (
            SessionName::sub_of(&session("one")).hash(),
            Stamp::at(1_002),
        );
        let person = session("one");
        revocations.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        assert!(revocations.concern(&person, 1_000));
        revocations.removed_from_store(SessionName::sub_of(&person));
        assert!(!revocations.concern(&person, 1_000));
        assert!(begun(&revocations, moment).is_none());
        assert!(revocations.marks().by_name.contains_key(&named));
    }

    #[test]
    fn a_sweep_keeps_marks_that_still_count() {
        let revocations = Marks::default();
        revocations.end(sid("kept"), Stamp::at(1_000), 1_000, 9_000);
        for number in 0..Marks::SWEEP_ABOVE {
            let other = number.to_string();
            revocations.end(sid(&other), Stamp::at(1_000), 1_000, 2_000);
        }
        let marks = || revocations.marks().by_name.len();
        let before = marks();
        for number in 0..2 * before {
            let other = format!("later {number}");
            revocations.end(sid(&other), Stamp::at(2_000), 2_000, 9_000);
        }
        assert!(marks() < 3 * before, "nothing was swept");
        assert!(revocations.concern(&session("kept"), 2_000));
    }

    #[test]
    fn a_logout_by_a_clock_that_is_behind_ends_what_has_seen_the_one_before() {
        let revocations = Marks::default();
        let person = session("one");
        let log_out = |made_at, salt| {
            let stamp = Stamp::new(made_at, [0, 0, salt]);
            revocations.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        };
        log_out(1_005, 1);
        let after = begun(&revocations, revocations.moment()).unwrap();
        assert!(!revocations.concern(&after, 1_000));
        log_out(1_003, 2);
        assert!(revocations.concern(&after, 1_000));
    }
}
