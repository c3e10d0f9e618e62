//! What the outside knows of every session: who has it, what was acknowledged, why it may end, and since when it has.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::line::Life;

/// Why somebody who is signed in may be asked to sign in again. There is no other reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// They have signed out, or tried to.
    SignedOut,
    /// The provider has ended the session, by its back channel or in a frame.
    EndedByProvider,
    /// The application has ended all sessions of the person, or all others.
    EndedByApplication,
    /// A newer login in the same browser took its place.
    Replaced,
    /// The provider took a second use of a refresh token for theft, and for the second use there is an excuse.
    Theft(Excuse),
    /// A node's clock was minutes off.
    ClockJumped,
    /// A response of an older session, late on its way to the browser or from another node, has overwritten the cookie.
    CookieOverwritten,
    /// It was not used for as long as the idle lifetime.
    Idle,
    /// It has lasted for as long as the absolute lifetime.
    Absolute,
}

/// Why a refresh token was spent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// The node that spent it died before what it got was durably kept.
    NodeDied,
    /// The provider's answer never reached the node.
    AnswerLost,
    /// The store could not be reached for longer than a lease lasts, so the node could neither extend its lease nor
    /// write down what it got before another node's turn came.
    StoreAway,
}

/// Where a session has ended.
#[derive(Clone, Debug)]
pub(crate) enum Where {
    Everywhere,
    /// In the memory of one process.
    In(Life),
}

/// What is known of one session.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) browser: usize,
    pub(crate) person: String,
    /// When the login's last request was sent.
    pub(crate) begun: Duration,
    /// When its answer came.
    pub(crate) acknowledged: Option<Duration>,
    pub(crate) last_used: Duration,
    pub(crate) causes: Vec<Cause>,
    /// Since when nobody may come in with it, and where.
    pub(crate) ends: Vec<(Duration, Where)>,
    pub(crate) written: Vec<Acknowledged>,
}

/// A number that the application has acknowledged to have written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) number: u64,
    /// When the answer left the node, and when it came.
    pub(crate) left: Duration,
    pub(crate) came: Duration,
}

/// An end that the store may still have to hear of from the node that knows.
#[derive(Debug)]
struct Outstanding {
    sid: String,
    since: Duration,
    known_to: Life,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sessions: BTreeMap<String, Facts>,
    outstanding: Vec<Outstanding>,
    /// Whose sessions may end until when, also those that begin meanwhile.
    under_way: Vec<(String, Cause, Duration)>,
}

/// How long a node goes on telling a store of an end, less what the last attempt may take.
const TOLD_FOR: Duration = Duration::from_secs(45);
/// How soon after a store is back it has heard.
const TOLD_WITHIN: Duration = Duration::from_secs(12);

impl Ledger {
    pub(crate) fn opens(&mut self, sid: &str, browser: usize, person: &str, now: Duration) {
        let facts = Facts {
            browser,
            person: person.to_owned(),
            begun: now,
            acknowledged: None,
            last_used: now,
            causes: self
                .under_way
                .iter()
                .filter(|(whose, _, until)| whose == person && *until >= now)
                .map(|(_, cause, _)| *cause)
                .collect(),
            ends: Vec::new(),
            written: Vec::new(),
        };
        self.sessions.insert(sid.to_owned(), facts);
    }

    pub(crate) fn of(&self, sid: &str) -> Option<&Facts> {
        self.sessions.get(sid)
    }

    pub(crate) fn of_mut(&mut self, sid: &str) -> Option<&mut Facts> {
        self.sessions.get_mut(sid)
    }

    pub(crate) fn sids(&self) -> impl Iterator<Item = &str> {
        self.sessions.keys().map(String::as_str)
    }

    /// The sessions of a person, and whether each had begun by then.
    pub(crate) fn sessions_of(&self, person: &str, by: Duration) -> Vec<(String, bool)> {
        let theirs = self
            .sessions
            .iter()
            .filter(|(_, facts)| facts.person == person);
        theirs
            .map(|(sid, facts)| {
                let had_begun = facts
                    .acknowledged
                    .is_some_and(|acknowledged| acknowledged < by);
                (sid.clone(), had_begun)
            })
            .collect()
    }

    pub(crate) fn may_end(&mut self, sid: &str, cause: Cause) {
        if let Some(facts) = self.of_mut(sid)
            && !facts.causes.contains(&cause)
        {
            facts.causes.push(cause);
        }
    }

    /// All sessions of a person may end, also those that begin until then.
    pub(crate) fn all_may_end(&mut self, person: &str, cause: Cause, until: Duration) {
        self.under_way.push((person.to_owned(), cause, until));
        let theirs = self
            .sessions
            .values_mut()
            .filter(|facts| facts.person == person);
        for facts in theirs {
            if !facts.causes.contains(&cause) {
                facts.causes.push(cause);
            }
        }
    }

    pub(crate) fn ended(&mut self, sid: &str, since: Duration, place: Where) {
        if let Some(facts) = self.of_mut(sid) {
            facts.ends.push((since, place));
        }
    }

    /// A session has ended in a process that has yet to tell the store.
    pub(crate) fn ended_soon(&mut self, sid: &str, since: Duration, known_to: &Life) {
        self.ended(sid, since, Where::In(known_to.clone()));
        self.outstanding.push(Outstanding {
            sid: sid.to_owned(),
            since,
            known_to: known_to.clone(),
        });
    }

    /// What was outstanding has come to the store, now that this is where its trouble ends.
    pub(crate) fn settle(&mut self, now: Duration, trouble_until: Duration) {
        let (open, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.outstanding)
            .into_iter()
            .filter(|end| !end.known_to.is_over() && trouble_until < end.since + TOLD_FOR)
            .partition(|end| now < end.since.max(trouble_until) + TOLD_WITHIN);
        self.outstanding = open;
        for end in settled {
            self.ended(&end.sid, now, Where::Everywhere);
        }
    }
}

impl Facts {
    /// Since when it has ended, for a request to this process.
    pub(crate) fn ended_in(&self, life: &Life) -> Option<Duration> {
        let here = self.ends.iter().filter(|(_, place)| match place {
            Where::Everywhere => true,
            Where::In(process) => process.is(life),
        });
        here.map(|(since, _)| *since).min()
    }
}
