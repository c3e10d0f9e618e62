//! The marks of sessions that were ended by name ([OpenID Connect Back-Channel Logout 1.0
//! §2.7](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCActions)), and the logout tokens that were
//! processed, in the memory of this process, for as long as a session or token exists that they could apply to.
//!
//! Marks are made by authenticated callers, except for front-channel logout, which anyone can request. Its marks are
//! kept apart, and their number is limited.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{Context, SHA256};

use crate::expiring_map::{ExpiringMap, LockedEntry};
use crate::session::{Mark, Seen, Session, SessionName, Stamp};

/// The marks of this process, by the hash of the name they are on.
#[derive(Debug)]
pub(crate) struct Marks {
    by_name: ExpiringMap<Name, NumberedMark>,
    /// Marks that anyone can have made. When full, the oldest is dropped.
    unauthenticated: ExpiringMap<Name, NumberedMark>,
    /// The logout tokens that were processed.
    processed: ExpiringMap<Name, ()>,
    /// How many marks were made so far.
    made: AtomicU64,
}

type Name = [u8; 32];

/// A mark in this memory.
#[derive(Clone, Copy, Debug)]
struct NumberedMark {
    mark: Mark,
    /// Which one it was, in the order in which they were made here.
    number: u64,
    /// Whether the sessions it applies to were removed from their store.
    removed_from_store: bool,
}

/// A moment in the order in which the marks of this process are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl Default for Marks {
    fn default() -> Self {
        Self {
            by_name: ExpiringMap::new(),
            unauthenticated: ExpiringMap::bounded(Self::MOST_UNAUTHENTICATED),
            processed: ExpiringMap::new(),
            made: AtomicU64::new(0),
        }
    }
}

impl Marks {
    /// Roughly how many marks of front-channel logout are kept.
    const MOST_UNAUTHENTICATED: usize = 10_000;

    /// Whether a logout token was processed before.
    pub(crate) fn has_processed(&self, issuer: &str, jti: &str, now: u64) -> bool {
        let name = hash(["jti", issuer, jti]);
        self.processed.get(&name, now).is_some()
    }

    /// Records that a logout token was processed; `false` when it was recorded before.
    pub(crate) fn note_processed(&self, issuer: &str, jti: &str, now: u64, until: u64) -> bool {
        let mut entry = self.processed.entry(hash(["jti", issuer, jti]), now);
        let new = entry.get().is_none();
        entry.set((), until);
        new
    }

    /// Ends the sessions of this name that have begun.
    pub(crate) fn end(&self, named: SessionName<'_>, stamp: Stamp, now: u64, until: u64) {
        let entry = self.by_name.entry(hash(named.parts()), now);
        self.set(entry, Mark::of(stamp), until);
    }

    /// The same for an unauthenticated caller.
    pub(crate) fn end_unauthenticated(
        &self,
        named: SessionName<'_>,
        stamp: Stamp,
        now: u64,
        until: u64,
    ) {
        let entry = self.unauthenticated.entry(hash(named.parts()), now);
        self.set(entry, Mark::of(stamp), until);
    }

    /// Records that the sessions of this name were removed from their store. Any session found there from now on began
    /// later, on whichever node; only a login under way here may still be older than the mark.
    pub(crate) fn removed_from_store(&self, named: SessionName<'_>, now: u64) {
        if let Some(kept) = self.by_name.entry(hash(named.parts()), now).get_mut() {
            kept.removed_from_store = true;
        }
    }

    /// Ends every session that the person of this one has begun so far, except this one. `false`, without effect, when
    /// this one was itself ended.
    pub(crate) fn end_others(&self, session: &Session, stamp: Stamp, now: u64, until: u64) -> bool {
        if self.concern(session, now) {
            return false;
        }
        let entry = self
            .by_name
            .entry(hash(SessionName::sub_of(session).parts()), now);
        let seen = session.extras.seen.sub;
        // They may all have been ended just now.
        if entry.get().is_some_and(|kept| kept.ends(session, seen)) {
            return false;
        }
        self.set(entry, Mark::of(stamp).sparing(session.id), until);
        true
    }

    /// Whether a session was ended.
    pub(crate) fn concern(&self, session: &Session, now: u64) -> bool {
        if self.are_none() {
            return false;
        }
        let seen = session.extras.seen;
        let ended = |named: SessionName<'_>, seen: Stamp| {
            let mut marks = self.under(named, now);
            marks.any(|kept| kept.ends(session, seen))
        };
        ended(SessionName::sub_of(session), seen.sub)
            || ended(SessionName::alone_of(session), seen.alone)
    }

    /// The present moment: later marks have a higher number.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.made.load(Ordering::Acquire))
    }

    /// The marks on a session's names that a session which begins now comes after. `None` when one was
    /// made since `moment`, and so ends it.
    pub(crate) fn seen_by(&self, session: &Session, moment: Moment, now: u64) -> Option<Seen> {
        let mut seen = Seen::default();
        if self.are_none() {
            return Some(seen);
        }
        for (named, place) in [
            (SessionName::sub_of(session), &mut seen.sub),
            (SessionName::alone_of(session), &mut seen.alone),
        ] {
            for kept in self.under(named, now) {
                if kept.number >= moment.0 && !kept.mark.spares(session) {
                    return None;
                }
                *place = (*place).max(kept.mark.stamp);
            }
        }
        Some(seen)
    }

    /// Makes a mark, which comes after the one that is there. Its number is given while nobody else can look at the
    /// name: a session that has not seen the mark began before it was made.
    fn set(&self, mut entry: LockedEntry<'_, Name, NumberedMark>, mark: Mark, until: u64) {
        let mark = match entry.get() {
            Some(before) => mark.after(&before.mark),
            None => mark,
        };
        let kept = NumberedMark {
            mark,
            number: self.made.fetch_add(1, Ordering::AcqRel),
            removed_from_store: false,
        };
        entry.set(kept, until);
    }

    /// Whether there is no mark at all, which spares hashing names.
    fn are_none(&self) -> bool {
        self.by_name.len() == 0 && self.unauthenticated.len() == 0
    }

    fn under(&self, named: SessionName<'_>, now: u64) -> impl Iterator<Item = NumberedMark> {
        let name = hash(named.parts());
        let found = self.by_name.get(&name, now);
        let others = self.unauthenticated.get(&name, now);
        found.into_iter().chain(others)
    }
}

impl NumberedMark {
    fn ends(&self, session: &Session, seen: Stamp) -> bool {
        !self.removed_from_store && self.mark.ends_by_time(session, seen)
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
        session.sid = Some(sid.into());
        session
    }

    fn sid(sid: &str) -> SessionName<'_> {
        SessionName::Sid {
            issuer: ISSUER,
            sid,
        }
    }

    #[test]
    fn anybody_can_fill_the_unauthenticated_marks_and_reach_no_others() {
        let marks = Marks::default();
        let at = Stamp::at;
        marks.end(sid("proved"), at(1_000), 1_000, 9_000);
        marks.end_unauthenticated(sid("first"), at(1_000), 1_000, 8_999);
        let concern = |sid: &str| marks.concern(&session(sid), 1_001);
        assert!(concern("proved") && concern("first") && !concern("other"));
        for number in 0..2 * Marks::MOST_UNAUTHENTICATED {
            marks.end_unauthenticated(sid(&number.to_string()), at(1_000), 1_000, 9_000);
        }
        assert!(!concern("first") && concern("proved"));
        assert!(marks.unauthenticated.len() <= Marks::MOST_UNAUTHENTICATED + 64);
    }

    #[test]
    fn a_mark_ends_what_was_begun_until_then() {
        let marks = Marks::default();
        marks.end_unauthenticated(sid("one"), Stamp::at(999), 999, 9_000);
        assert!(!marks.concern(&session("one"), 1_000));
        marks.end_unauthenticated(sid("one"), Stamp::at(1_000), 1_000, 9_000);
        assert!(marks.concern(&session("one"), 1_000));
        assert!(!marks.concern(&session("one"), 9_000), "it is outdated");
        assert!(!marks.has_processed(ISSUER, "jti", 1_000));
        assert!(marks.note_processed(ISSUER, "jti", 1_000, 2_000));
        assert!(!marks.note_processed(ISSUER, "jti", 1_000, 2_000));
        assert!(marks.has_processed(ISSUER, "jti", 1_999));
        assert!(!marks.has_processed(ISSUER, "jti", 2_000));
    }

    /// A session of the person that begins at `moment`, having seen what was marked before.
    fn begun(marks: &Marks, moment: Moment) -> Option<Session> {
        let mut session = session("one");
        session.extras.seen = marks.seen_by(&session, moment, 1_000)?;
        Some(session)
    }

    /// All in one second, or while the clock of whoever made the mark is ahead.
    #[test]
    fn a_session_that_has_seen_a_mark_comes_after_it() {
        let marks = Marks::default();
        let person = session("one");
        let log_out = |salt| {
            let stamp = Stamp::new(1_002, [0, 0, salt]);
            marks.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        };
        let before = begun(&marks, marks.moment()).unwrap();
        let moment = marks.moment();
        log_out(7);
        assert!(marks.concern(&before, 1_000));
        assert!(
            begun(&marks, moment).is_none(),
            "what was marked while it began ends it"
        );
        let after = begun(&marks, marks.moment()).unwrap();
        assert!(!marks.concern(&after, 1_000));
        log_out(9);
        assert!(marks.concern(&after, 1_000));
        let after = begun(&marks, marks.moment()).unwrap();
        let stamp = Stamp::new(1_002, [1, 0, 0]);
        marks.end(sid("one"), stamp, 1_000, 9_000);
        assert!(
            marks.concern(&after, 1_000),
            "each name has marks of its own"
        );
    }

    #[test]
    fn who_ends_all_others_goes_on_and_cannot_come_back() {
        let marks = Marks::default();
        let (mut one, mut other) = (session("one"), session("other"));
        (one.id, other.id) = ([1; 16], [2; 16]);
        let end_others = |session: &Session, salt| {
            let stamp = Stamp::new(1_000, [0, 0, salt]);
            marks.end_others(session, stamp, 1_000, 9_000)
        };
        assert!(end_others(&one, 1));
        assert!(!marks.concern(&one, 1_000) && marks.concern(&other, 1_000));
        assert!(!end_others(&other, 2));
        assert!(!marks.concern(&one, 1_000) && marks.concern(&other, 1_000));
        let all = Stamp::new(1_000, [0, 0, 3]);
        marks.end(SessionName::sub_of(&one), all, 1_000, 9_000);
        assert!(marks.concern(&one, 1_000) && !end_others(&one, 4));
    }

    /// A session that is found in the store, where none was left, has begun since.
    #[test]
    fn what_was_removed_from_a_store_concerns_logins_under_way_only() {
        let marks = Marks::default();
        let moment = marks.moment();
        let (named, stamp) = (
            hash(SessionName::sub_of(&session("one")).parts()),
            Stamp::at(1_002),
        );
        let person = session("one");
        marks.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        assert!(marks.concern(&person, 1_000));
        marks.removed_from_store(SessionName::sub_of(&person), 1_000);
        assert!(!marks.concern(&person, 1_000));
        assert!(begun(&marks, moment).is_none());
        assert!(marks.by_name.get(&named, 1_000).is_some());
    }

    #[test]
    fn marks_that_still_count_stay_and_the_others_go() {
        let marks = Marks::default();
        marks.end(sid("kept"), Stamp::at(1_000), 1_000, 9_000);
        for number in 0..1_000 {
            let other = number.to_string();
            marks.end(sid(&other), Stamp::at(1_000), 1_000, 2_000);
        }
        let before = marks.by_name.len();
        for number in 0..1_000 {
            let other = format!("later {number}");
            marks.end(sid(&other), Stamp::at(2_000), 2_000, 9_000);
        }
        let after = marks.by_name.len();
        assert!(after < before + 10, "{before} and {after}");
        assert!(marks.concern(&session("kept"), 2_000));
    }

    #[test]
    fn a_logout_by_a_clock_that_is_behind_ends_what_has_seen_the_one_before() {
        let marks = Marks::default();
        let person = session("one");
        let log_out = |made_at, salt| {
            let stamp = Stamp::new(made_at, [0, 0, salt]);
            marks.end(SessionName::sub_of(&person), stamp, 1_000, 9_000);
        };
        log_out(1_005, 1);
        let after = begun(&marks, marks.moment()).unwrap();
        assert!(!marks.concern(&after, 1_000));
        log_out(1_003, 2);
        assert!(marks.concern(&after, 1_000));
    }
}
