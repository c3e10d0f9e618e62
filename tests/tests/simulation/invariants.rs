//! What must hold after every step of every run.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::application::Page;
use crate::browser::{Ask, Asked};
use crate::ledger::{Cause, Excuse};
use crate::provider::{Reuse, Spender, Spending};
use crate::story::tell;
use crate::world::{Keeping, World};

/// Which of them was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    /// A refresh token is spent once, unless a node died holding the answer, or the answer was lost.
    SpentOnce,
    /// No session comes back after its end.
    EndsForGood,
    /// An acknowledged write is never lost.
    NothingLost,
    /// Who is signed in stays so, unless there is a [`Cause`].
    StaysSignedIn,
    /// No request waits beyond its deadline.
    InTime,
    /// Nobody is taken for somebody else, and everybody gets tokens of their own.
    OwnSession,
    /// A logout token that was processed is not processed again.
    ProcessedOnce,
    /// Nothing panics.
    NoPanic,
}

/// How far the clocks of nodes differ, and then some, as long as none has jumped.
pub(crate) const SKEW: Duration = Duration::from_secs(32);

/// For how long after a node's death others may have to wait for its lease, and a little more.
const AFTER_A_DEATH: Duration = Duration::from_secs(20);

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SpentOnce => "a refresh token is spent once",
            Self::EndsForGood => "no session comes back after its end",
            Self::NothingLost => "an acknowledged write is never lost",
            Self::StaysSignedIn => "who is signed in stays so",
            Self::InTime => "no request waits beyond its deadline",
            Self::OwnSession => "everybody has a session of their own",
            Self::ProcessedOnce => "a logout token is processed once",
            Self::NoPanic => "nothing panics",
        })
    }
}

/// Somebody was let in.
pub(crate) fn let_in(world: &World, asked: &Asked, page: &Page) {
    let ledger = world.ledger();
    let sid = &page.sid;
    let Some(facts) = ledger.of(sid) else {
        return world.broken(Invariant::OwnSession, format!("{sid} is no session"));
    };
    if facts.browser != asked.browser {
        let text = format!(
            "browser {} is in session {sid} of browser {}",
            asked.browser, facts.browser
        );
        return world.broken(Invariant::OwnSession, text);
    }
    if let Some(ended) = facts
        .ended_in(&asked.life)
        .filter(|ended| *ended < asked.sent && !world.has_jumped())
    {
        let text = format!(
            "{sid} has ended at {ended:?}, and was let in by a request sent at {:?}",
            asked.sent
        );
        return world.broken(Invariant::EndsForGood, text);
    }
    let oldest = world.lifetimes.absolute + SKEW;
    let begun = facts.acknowledged.unwrap_or(facts.begun);
    if !world.has_jumped() && asked.sent > begun + oldest {
        let text = format!("{sid} began at {begun:?} and is over by its absolute lifetime");
        return world.broken(Invariant::EndsForGood, text);
    }
    let Some(written) = &page.written else {
        return;
    };
    if asked.stolen {
        return;
    }
    let known = facts.written.iter().filter(|write| write.came < asked.sent);
    for write in known {
        if !written.contains(&write.number) {
            let text = format!(
                "{sid} has lost {}, acknowledged at {:?}: {written:?}",
                write.number, write.came
            );
            return world.broken(Invariant::NothingLost, text);
        }
    }
    if let Ask::Write(number) = asked.what
        && !written.contains(&number)
    {
        let text = format!("{sid} was told that {number} is written: {written:?}");
        world.broken(Invariant::NothingLost, text);
    }
}

/// Somebody who believes to be signed in was not let in.
pub(crate) fn turned_away(world: &World, asked: &Asked) {
    let Some(sid) = &asked.session else {
        return;
    };
    let ledger = world.ledger();
    let Some(facts) = ledger.of(sid) else {
        return;
    };
    if let Some(cause) = facts
        .causes
        .first()
        .copied()
        .or_else(|| by_itself(world, facts))
    {
        tell!(world.story, "ledger", "{sid} is over: {cause:?}");
        return;
    }
    let text = format!("browser {} has lost {sid} for no reason", asked.browser);
    world.broken(Invariant::StaysSignedIn, text);
}

/// Why a session is over that nobody has ended.
fn by_itself(world: &World, facts: &crate::ledger::Facts) -> Option<Cause> {
    let now = world.time.now();
    let lifetimes = world.lifetimes;
    if now + SKEW >= facts.begun + lifetimes.absolute {
        Some(Cause::Absolute)
    } else if now + SKEW + lifetimes.idle / 8 >= facts.last_used + lifetimes.idle {
        Some(Cause::Idle)
    } else if world.has_jumped() {
        Some(Cause::ClockJumped)
    } else {
        None
    }
}

/// Somebody was told to come again later.
pub(crate) fn put_off(world: &World, asked: &Asked) {
    if asked.session.is_none() || world.is_excused_since(asked.sent, AFTER_A_DEATH) {
        return;
    }
    let text = format!(
        "browser {} was put off at {:?} while nothing was in the way",
        asked.browser, asked.sent
    );
    world.broken(Invariant::StaysSignedIn, text);
}

/// A login came to nothing.
pub(crate) fn login_failed(world: &World, sid: &str, began: Duration, status: StatusCode) {
    let blamed = world
        .ledger()
        .of(sid)
        .is_some_and(|facts| !facts.causes.is_empty());
    if blamed || world.is_excused_since(began, AFTER_A_DEATH) {
        return;
    }
    let text = format!("the login {sid} was answered by {status} while nothing was in the way");
    world.broken(Invariant::StaysSignedIn, text);
}

/// A request was answered by its node.
pub(crate) fn answered(world: &World, asked: &Asked, took: Duration) {
    let trouble = world.is_excused_since(asked.sent, AFTER_A_DEATH);
    let deadline = asked.what.deadline(trouble);
    if took > deadline {
        let text = format!("{:?} took {took:?}, more than {deadline:?}", asked.what);
        world.broken(Invariant::InTime, text);
    }
}

/// A refresh token came to the provider that had been spent before.
pub(crate) fn spent_again(
    world: &World,
    sid: &str,
    refresh_token: &str,
    before: &[Spending],
    by: &Spender,
) {
    let last = before.last();
    let excuse = match by.life.is_over() {
        // What a dead node had sent arrives late.
        true => Some(Excuse::NodeDied),
        false => last.and_then(|last| excuse(world, last, by)),
    };
    tell!(
        world.story,
        "provider",
        "{refresh_token} comes again, from node {}: {excuse:?}",
        by.node
    );
    match excuse {
        Some(excuse) => {
            let stored = world.keeping == Keeping::Stored;
            let is_kept = stored && last.is_some_and(|last| last.kept.is_some());
            let ends = match world.provider.reuse {
                Reuse::Theft => true,
                Reuse::Refused => !is_kept,
                Reuse::Forgiven => false,
            };
            if ends {
                world.ledger().may_end(sid, Cause::Theft(excuse));
            }
        }
        None => world.broken(
            Invariant::SpentOnce,
            format!("{refresh_token} was spent before: {before:?}"),
        ),
    }
}

/// Why it was spent again, by this node, if there is a reason.
fn excuse(world: &World, last: &Spending, by: &Spender) -> Option<Excuse> {
    let now = world.time.now();
    let stored = world.keeping == Keeping::Stored;
    let trouble = stored && world.store_line.trouble_until() + LEASE >= last.at;
    // With the store in trouble, whoever spends it now may have looked there a little before.
    let known = |since: Duration| !trouble || since + ON_THE_WAY < now;
    let kept = last.kept.is_some_and(known);
    // After a minute without its store a node goes on with what it has in its memory.
    let in_time = |handed_out: &Duration| *handed_out < last.at + WITHOUT_STORE;
    let handed_out = last.handed_out.filter(in_time).is_some_and(known);
    if stored && (kept || handed_out) {
        None
    } else if last.by.life.is_over() {
        Some(Excuse::NodeDied)
    } else if last.given_up.is_some() {
        Some(Excuse::AnswerLost)
    } else if trouble && !by.life.is(&last.by.life) {
        Some(Excuse::StoreAway)
    } else {
        None
    }
}

/// How long before a refresh token is spent a node may have got its lease, and the store in trouble.
const LEASE: Duration = Duration::from_secs(8);

/// How long a request to the provider may be on its way.
const ON_THE_WAY: Duration = Duration::from_secs(15);

/// How long a node keeps its tokens back while the store does not take them, at least.
const WITHOUT_STORE: Duration = Duration::from_secs(55);
