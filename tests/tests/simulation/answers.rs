//! What answers mean for the browser that gets them: its cookies, and what it has been told.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use crate::application::Page;
use crate::browser::{Ask, Asked, Jar};
use crate::invariants::{self, Invariant};
use crate::ledger::{Acknowledged, Cause, Where};
use crate::line::Life;
use crate::world::{Keeping, SESSION_COOKIE, World};

/// The browser keeps the cookies of an answer, in the order in which answers come.
pub(crate) fn take_cookies(world: &World, asked: &Asked, headers: &HeaderMap, left: Duration) {
    let mut browser = world.browser(asked.browser);
    let mut of_session = false;
    for line in headers.get_all(header::SET_COOKIE) {
        let mut parts = line.to_str().unwrap().split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap();
        let gone = parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
        of_session |= name.starts_with(SESSION_COOKIE) && !name.contains("-log");
        if gone {
            browser.jar.remove(name);
        } else {
            browser.jar.insert(name.to_owned(), value.to_owned());
        }
    }
    if !of_session {
        return;
    }
    let earlier = std::mem::replace(&mut browser.cookie_left, left);
    if asked.what != Ask::Callback && browser.holds != asked.holds {
        // A session of before; the cookie may have been a newer one's.
        let strict = browser
            .signed_in_by
            .as_ref()
            .is_some_and(|(since, life)| life.is(&asked.life) && left > *since);
        if let Some(sid) = &browser.holds {
            if asked.what == Ask::Logout {
                // Somebody signs out and in at once: whichever answer is the last counts.
                world.ledger().may_end(sid, Cause::SignedOut);
            } else if !strict {
                world.ledger().may_end(sid, Cause::CookieOverwritten);
            }
        }
        return;
    }
    if let Some(sid) = &asked.holds
        && asked.what != Ask::Callback
    {
        if left < earlier && asked.life.is_over() && world.keeping != Keeping::Stored {
            forget_since(world, sid, left);
        }
        let copy = session_cookies(&browser.jar);
        if !copy.is_empty() {
            world.steal(sid, copy);
        }
    }
}

/// The cookies of a session alone.
pub(crate) fn session_cookies(jar: &Jar) -> Jar {
    let of_session = |name: &str| name.starts_with(SESSION_COOKIE) && !name.contains("-log");
    let cookies = jar.iter().filter(|(name, _)| of_session(name));
    cookies
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A sealed session is known to its process and to its cookie. When the process dies, what the cookie does not have is
/// gone: also what was written in the very moment in which the cookie left.
fn forget_since(world: &World, sid: &str, left: Duration) {
    if let Some(facts) = world.ledger().of_mut(sid) {
        facts.written.retain(|write| write.left < left);
    }
}

/// The process at home of these browsers has died.
pub(crate) fn home_has_died(world: &World, node: usize) {
    for index in 0..world.browsers() {
        let browser = world.browser(index);
        if browser.home == node
            && let Some(sid) = &browser.holds
        {
            forget_since(world, sid, browser.cookie_left);
        }
    }
}

/// A login has come to its end.
pub(crate) fn signed_in(world: &World, browser: usize, sid: &str, left: Duration, life: &Life) {
    let mut browser = world.browser(browser);
    browser.session = Some(sid.to_owned());
    browser.holds = Some(sid.to_owned());
    browser.signed_in_by = Some((left, life.clone()));
    browser.cookie_left = left;
    world.steal(sid, session_cookies(&browser.jar));
}

/// Holds an answer against what must hold.
pub(crate) fn judge(
    world: &World,
    asked: &Asked,
    status: StatusCode,
    page: Option<&Page>,
    left: Duration,
) {
    match (status, page) {
        (StatusCode::OK, Some(page)) => {
            invariants::let_in(world, asked, page);
            note(world, asked, page, left);
        }
        (StatusCode::UNAUTHORIZED, _) if !asked.stolen => {
            invariants::turned_away(world, asked);
            let mut browser = world.browser(asked.browser);
            if browser.session == asked.session {
                browser.session = None;
            }
        }
        (status, _) if status.is_server_error() && !asked.stolen => {
            invariants::put_off(world, asked)
        }
        _ => {}
    }
}

/// Takes note of what an answer acknowledges.
fn note(world: &World, asked: &Asked, page: &Page, left: Duration) {
    let now = world.time.now();
    let sid = &page.sid;
    if let Some(token) = &page.token
        && !world.provider.handed_out(world, sid, token)
    {
        let text = format!("{sid} got {token}");
        return world.broken(Invariant::OwnSession, text);
    }
    let mut ledger = world.ledger();
    if let Some(facts) = ledger.of_mut(sid) {
        facts.last_used = facts.last_used.max(asked.sent);
        // What a process has written into a cookie is known to nobody else until the cookie comes.
        let is_kept = world.keeping == Keeping::Stored || !asked.life.is_over();
        if let Ask::Write(number) = asked.what
            && is_kept
        {
            facts.written.push(Acknowledged {
                number,
                left,
                came: now,
            });
        }
    }
    if let Ask::Everywhere | Ask::Elsewhere = asked.what {
        let person = ledger
            .of(sid)
            .map(|facts| facts.person.clone())
            .unwrap_or_default();
        let place = world.reach_of_ends(&asked.life);
        for (theirs, had_begun) in ledger.sessions_of(&person, asked.sent) {
            let spared = asked.what == Ask::Elsewhere && theirs == *sid;
            if had_begun && !spared {
                ledger.ended(&theirs, now, place.clone());
            }
        }
    }
}

/// Where an end counts that a process has told everybody.
pub(crate) fn everywhere_or(keeping: Keeping, life: &Life) -> Where {
    match keeping {
        Keeping::SealedAlone => Where::In(life.clone()),
        Keeping::Stored | Keeping::SealedShared => Where::Everywhere,
    }
}
