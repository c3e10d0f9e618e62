//! Sessions that were ended from behind ([OpenID Connect Back-Channel Logout 1.0
//! §2.7](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCActions)), and the logout
//! tokens that were obeyed. Kept in this process until no session and no token is left that they
//! could concern.
//!
//! Who may make a mark is known, but for front-channel logout: anybody can ask for that. Its marks
//! are kept apart, and only so many of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use super::session::Session;

/// What was revoked, by the hash of its name.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    by_name: HashMap<Name, Mark>,
    /// How many there were after the last sweep.
    swept_to: usize,
    unproven: Unproven,
}

/// Marks that anybody can have made.
#[derive(Debug, Default)]
struct Unproven {
    by_name: HashMap<Name, Mark>,
    /// The names, the oldest first.
    order: VecDeque<Name>,
}

type Name = [u8; 32];

#[derive(Clone, Copy, Debug)]
struct Mark {
    made_at: u64,
    until: u64,
}

impl Revocations {
    /// Outdated marks are swept when there are more than this, and twice as many as the last sweep
    /// left.
    const SWEEP_ABOVE: usize = 1_024;

    /// How many marks of front-channel logout are kept; the oldest go first.
    const MOST_UNPROVEN: usize = 10_000;

    /// Whether a logout token was obeyed before.
    pub(crate) fn obeyed(&self, issuer: &str, jti: &str, now: u64) -> bool {
        let name = name("jti", issuer, jti);
        let marks = self.marks();
        marks
            .by_name
            .get(&name)
            .is_some_and(|mark| mark.until > now)
    }

    /// Takes note of a logout token's name; `false` when it was noted before.
    pub(crate) fn obey(&self, issuer: &str, jti: &str, now: u64, until: u64) -> bool {
        self.mark(name("jti", issuer, jti), now, until)
    }

    /// Ends the session `sid` of the issuer.
    pub(crate) fn end_session(&self, issuer: &str, sid: &str, now: u64, until: u64) {
        self.mark(name("sid", issuer, sid), now, until);
    }

    /// Ends the session `sid` of the issuer, at the word of somebody who has proved nothing.
    pub(crate) fn end_session_unproven(&self, issuer: &str, sid: &str, now: u64, until: u64) {
        let mark = Mark {
            made_at: now,
            until,
        };
        self.marks().unproven.add(name("sid", issuer, sid), mark);
    }

    /// Ends the sessions of a person that came without a `sid`: one of them is meant, and nobody can
    /// tell which.
    pub(crate) fn end_nameless_sessions_of(
        &self,
        issuer: &str,
        subject: &str,
        now: u64,
        until: u64,
    ) {
        self.mark(name("nameless", issuer, subject), now, until);
    }

    /// Ends every session the person has begun so far.
    pub(crate) fn end_sessions_of(&self, issuer: &str, subject: &str, now: u64, until: u64) {
        self.mark(name("sub", issuer, subject), now, until);
    }

    /// Whether a session was ended.
    pub(crate) fn concern(&self, session: &Session, now: u64) -> bool {
        let marks = self.marks();
        if marks.by_name.is_empty() && marks.unproven.by_name.is_empty() {
            return false;
        }
        let begun_at = session.times.begun_at;
        let ended = |name: Name| {
            [&marks.by_name, &marks.unproven.by_name]
                .into_iter()
                .filter_map(|marks| marks.get(&name))
                .any(|mark| mark.until > now && begun_at <= mark.made_at)
        };
        let (issuer, subject) = (&session.issuer, &session.subject);
        let alone = match &session.sid {
            Some(sid) => name("sid", issuer, sid),
            None => name("nameless", issuer, subject),
        };
        ended(name("sub", issuer, subject)) || ended(alone)
    }

    /// Sets a mark; `false` when a live one was there.
    fn mark(&self, name: Name, now: u64, until: u64) -> bool {
        let mut marks = self.marks();
        marks.sweep(now);
        let fresh = Mark {
            made_at: now,
            until,
        };
        let before = marks.by_name.insert(name, fresh);
        before.is_none_or(|before| before.until <= now)
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Marks {
    fn sweep(&mut self, now: u64) {
        if self.by_name.len() >= Revocations::SWEEP_ABOVE.max(2 * self.swept_to) {
            self.by_name.retain(|_, mark| mark.until > now);
            self.swept_to = self.by_name.len();
        }
    }
}

impl Unproven {
    fn add(&mut self, name: Name, mark: Mark) {
        if self.by_name.insert(name, mark).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > Revocations::MOST_UNPROVEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }
}

/// A name of bounded size, whatever the provider sends.
fn name(kind: &str, issuer: &str, value: &str) -> Name {
    let mut context = Context::new(&SHA256);
    for part in [kind, issuer, value] {
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

    #[test]
    fn anybody_can_fill_the_unproven_marks_and_reach_no_others() {
        let revocations = Revocations::default();
        revocations.end_session(ISSUER, "proved", 1_000, 9_000);
        revocations.end_session_unproven(ISSUER, "first", 1_000, 9_000);
        let concern = |sid: &str| revocations.concern(&session(sid), 1_001);
        assert!(concern("proved") && concern("first") && !concern("other"));
        for number in 1..Revocations::MOST_UNPROVEN {
            revocations.end_session_unproven(ISSUER, &number.to_string(), 1_000, 9_000);
        }
        assert!(concern("first"), "the last place is its own");
        revocations.end_session_unproven(ISSUER, "first", 1_001, 9_000);
        assert!(concern("1"), "a mark that is there takes no other place");
        revocations.end_session_unproven(ISSUER, "one more", 1_000, 9_000);
        assert!(!concern("first") && concern("proved") && concern("1"));
        let marks = revocations.marks();
        assert_eq!(marks.unproven.by_name.len(), Revocations::MOST_UNPROVEN);
        assert_eq!(marks.unproven.order.len(), Revocations::MOST_UNPROVEN);
    }

    #[test]
    fn a_mark_ends_what_was_begun_until_then() {
        let revocations = Revocations::default();
        revocations.end_session_unproven(ISSUER, "one", 999, 9_000);
        assert!(!revocations.concern(&session("one"), 1_000));
        revocations.end_session_unproven(ISSUER, "one", 1_000, 9_000);
        assert!(revocations.concern(&session("one"), 1_000));
        assert!(
            !revocations.concern(&session("one"), 9_000),
            "it is outdated"
        );
        assert!(!revocations.obeyed(ISSUER, "jti", 1_000));
        assert!(revocations.obey(ISSUER, "jti", 1_000, 2_000));
        assert!(revocations.obeyed(ISSUER, "jti", 1_999));
        assert!(!revocations.obeyed(ISSUER, "jti", 2_000));
    }
}
