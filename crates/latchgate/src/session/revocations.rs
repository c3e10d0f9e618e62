//! Sessions the provider has ended from behind ([OpenID Connect Back-Channel Logout 1.0
//! §2.7](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCActions)), and the logout
//! tokens that were obeyed. Kept in this process until no session and no token is left that they
//! could concern.

use std::collections::HashMap;
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

    /// Takes note of a logout token's name; `false` when it was noted before.
    pub(crate) fn obey(&self, issuer: &str, jti: &str, now: u64, until: u64) -> bool {
        self.mark(name("jti", issuer, jti), now, until)
    }

    /// Ends the session `sid` of the issuer.
    pub(crate) fn end_session(&self, issuer: &str, sid: &str, now: u64, until: u64) {
        self.mark(name("sid", issuer, sid), now, until);
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
        if marks.by_name.is_empty() {
            return false;
        }
        let ended = |name: Name| {
            marks
                .by_name
                .get(&name)
                .is_some_and(|mark| mark.until > now && session.times.begun_at <= mark.made_at)
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
