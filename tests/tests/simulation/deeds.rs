//! What people, the provider and operators do: signing in, signing out from every side, restarting nodes.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::answers;
use crate::browser::{Answer, Ask, Wish, ask};
use crate::invariants::{self, Invariant, SKEW};
use crate::ledger::Cause;
use crate::line::Life;
use crate::provider::{ISSUER, LogoutOf};
use crate::story::tell;
use crate::time::wait;
use crate::world::{Keeping, World};

/// The node that a request of a browser's reaches.
pub(crate) fn node_for(world: &World, browser: usize) -> usize {
    match world.keeping {
        Keeping::Stored => any_node(world),
        Keeping::SealedAlone | Keeping::SealedShared => world.browser(browser).home,
    }
}

pub(crate) fn any_node(world: &World) -> usize {
    let nodes = world.node_count();
    world.dice.index(nodes)
}

/// A request of a browser's, without anything special.
pub(crate) async fn visit(world: &Arc<World>, browser: usize, what: Ask, thinks: u64) {
    visit_at(world, browser, node_for(world, browser), what, thinks).await;
}

/// The same, at a certain node.
pub(crate) async fn visit_at(
    world: &Arc<World>,
    browser: usize,
    node: usize,
    what: Ask,
    thinks: u64,
) {
    let number = match what {
        Ask::Write(number) => number,
        _ => 0,
    };
    let wish = Wish {
        query: format!("thinks={thinks}&number={number}"),
        thinks: Duration::from_millis(thinks),
        ..Wish::default()
    };
    ask(world, browser, node, what, wish).await;
}

/// Somebody signs in, be they signed in already or not.
pub(crate) async fn sign_in(world: &Arc<World>, browser: usize) {
    let began = world.time.now();
    let (person, before) = {
        let mut browser = world.browser(browser);
        browser.session = None;
        let holds = browser.holds.clone();
        let before = holds.filter(|_| browser.has_session_cookie());
        (browser.person.clone(), before)
    };
    if let Some(before) = &before {
        world.ledger().may_end(before, Cause::Replaced);
    }
    let wish = Wish {
        query: "return_to=/me".to_owned(),
        ..Wish::default()
    };
    let start = ask(world, browser, node_for(world, browser), Ask::Login, wish).await;
    let Some(start) = start.filter(|start| start.location.starts_with(ISSUER)) else {
        return;
    };
    wait(world.dice.millis(20..3_000)).await;
    let (query, sid) = world.provider.authorize(&start.location, &person);
    tell!(
        world.story,
        format!("browser {browser}"),
        "{person} signs in: {sid}"
    );
    let sent = world.time.now();
    world.ledger().opens(&sid, browser, &person, sent);
    let wish = Wish {
        query,
        ..Wish::default()
    };
    let node = node_for(world, browser);
    let Some(process) = world.reached(node) else {
        return;
    };
    let answer = ask(world, browser, node, Ask::Callback, wish).await;
    let Some(answer) = answer else {
        return;
    };
    if answer.location != "/me" {
        invariants::login_failed(world, &sid, began, answer.status);
        return;
    }
    let now = world.time.now();
    answers::signed_in(world, browser, &sid, answer.left, &process.life);
    if let Some(facts) = world.ledger().of_mut(&sid) {
        facts.acknowledged = Some(now);
    }
    if let Some(before) = before {
        ends(world, &before, sent, &process.life);
    }
}

/// A process has acknowledged that a session has ended.
fn ends(world: &World, sid: &str, sent: Duration, life: &Life) {
    let now = world.time.now();
    let place = world.reach_of_ends(life);
    let has_store = world.keeping != Keeping::SealedAlone;
    let mut ledger = world.ledger();
    if ledger
        .of(sid)
        .is_none_or(|facts| facts.causes.contains(&Cause::CookieOverwritten))
    {
        // Who knows which session the cookie led to.
        return;
    }
    if has_store && (world.store_line.troubled_since(sent) || world.has_jumped()) {
        ledger.ended_soon(sid, now, life);
    } else {
        ledger.ended(sid, now, place);
    }
}

/// Somebody signs out.
pub(crate) async fn sign_out(world: &Arc<World>, browser: usize) {
    let (sid, cookie) = {
        let mut browser = world.browser(browser);
        browser.session = None;
        (browser.holds.clone(), browser.has_session_cookie())
    };
    let Some(sid) = sid else {
        return;
    };
    let sent = world.time.now();
    world.ledger().may_end(&sid, Cause::SignedOut);
    let node = node_for(world, browser);
    let Some(process) = world.reached(node) else {
        return;
    };
    let answer = ask(world, browser, node, Ask::Logout, Wish::default()).await;
    let signed_out = answer.is_some_and(|answer| answer.status == StatusCode::SEE_OTHER);
    let mut browser = world.browser(browser);
    if signed_out && browser.holds.as_deref() == Some(&sid) {
        browser.holds = None;
    }
    drop(browser);
    if signed_out && cookie {
        ends(world, &sid, sent, &process.life);
    }
}

/// The provider ends sessions by its back channel, and comes again until somebody has processed the token. Sometimes the
/// same token comes once more, much later.
pub(crate) async fn back_channel(world: &Arc<World>, of: LogoutOf) {
    let sent = world.time.now();
    let token = world.provider.logout_token(world, &of);
    let blame = |world: &World, lasting| {
        let mut ledger = world.ledger();
        match &of {
            LogoutOf::Session(sid) => ledger.may_end(sid, Cause::EndedByProvider),
            LogoutOf::Person(person) => {
                ledger.all_may_end(person, Cause::EndedByProvider, world.time.now() + lasting);
            }
        }
    };
    tell!(world.story, "provider", "logs out {of:?}");
    let mut lost = false;
    for _ in 0..5 {
        blame(world, ON_ITS_OWN);
        let (node, life) = match alive(world) {
            Some(alive) => alive,
            None => return,
        };
        let status = send_logout_token(world, node, &token).await;
        let processed = match status {
            Some(StatusCode::OK) => true,
            Some(StatusCode::BAD_REQUEST) => lost,
            _ => false,
        };
        lost |= status.is_none();
        if processed {
            blame(world, Duration::ZERO);
            has_ended(world, &of, sent, &life);
            return come_again(world, &token, &life).await;
        }
        wait(world.dice.millis(100..9_000)).await;
    }
}

/// How long a process may go on with what ends sessions when nobody waits for it any more.
const ON_ITS_OWN: Duration = Duration::from_secs(75);

fn has_ended(world: &World, of: &LogoutOf, sent: Duration, life: &Life) {
    let now = world.time.now();
    let place = world.reach_of_ends(life);
    let mut ledger = world.ledger();
    let ended = match of {
        LogoutOf::Session(sid) => {
            let begun = ledger.of(sid).and_then(|facts| facts.acknowledged);
            vec![(sid.clone(), begun.is_some_and(|begun| begun < sent))]
        }
        LogoutOf::Person(person) => ledger.sessions_of(person, sent),
    };
    for (sid, had_begun) in ended {
        if had_begun {
            ledger.ended(&sid, now, place.clone());
        }
    }
}

async fn come_again(world: &Arc<World>, token: &str, processed_by: &Life) {
    if !world.dice.percent(50) {
        return;
    }
    wait(world.dice.millis(0..60_000)).await;
    let Some((node, life)) = alive(world) else {
        return;
    };
    // The memory of one process goes no further than it.
    let known = world.keeping != Keeping::SealedAlone || life.is(processed_by);
    if !known {
        return;
    }
    let status = send_logout_token(world, node, token).await;
    if status == Some(StatusCode::OK) && !world.has_jumped() {
        let text = format!("node {node} has processed a logout token again");
        world.broken(Invariant::ProcessedOnce, text);
    }
}

async fn send_logout_token(world: &Arc<World>, node: usize, token: &str) -> Option<StatusCode> {
    let wish = Wish {
        body: format!("logout_token={token}"),
        ..Wish::default()
    };
    let answer: Option<Answer> = ask(world, 0, node, Ask::BackChannel, wish).await;
    answer.map(|answer| answer.status)
}

/// A frame on a page of the provider's ends a session.
pub(crate) async fn front_channel(world: &Arc<World>, sid: &str) {
    let sent = world.time.now();
    world.ledger().may_end(sid, Cause::EndedByProvider);
    let Some((node, life)) = alive(world) else {
        return;
    };
    let wish = Wish {
        query: format!("iss={ISSUER}&sid={sid}"),
        ..Wish::default()
    };
    let answer = ask(world, 0, node, Ask::FrontChannel, wish).await;
    if answer.is_none_or(|answer| answer.status != StatusCode::OK) {
        return;
    }
    let place = match world.keeping {
        Keeping::Stored => world.reach_of_ends(&life),
        // Without a proof the other nodes are not told.
        Keeping::SealedAlone | Keeping::SealedShared => crate::ledger::Where::In(life),
    };
    let now = world.time.now();
    let mut ledger = world.ledger();
    let begun = ledger.of(sid).and_then(|facts| facts.acknowledged);
    // Where no store says which was first, a node judges by the clocks.
    let skew = match world.keeping {
        Keeping::Stored => Duration::ZERO,
        Keeping::SealedAlone | Keeping::SealedShared => SKEW,
    };
    if begun.is_some_and(|begun| begun + skew < sent) {
        ledger.ended(sid, now, place);
    }
}

/// The application ends all sessions of somebody who asks for it, or all others.
pub(crate) async fn end_sessions(world: &Arc<World>, browser: usize, what: Ask) {
    let (person, own) = {
        let browser = world.browser(browser);
        (browser.person.clone(), browser.holds.clone())
    };
    let blame = |world: &World, lasting| {
        let until = world.time.now() + lasting;
        let mut ledger = world.ledger();
        let innocent = own.as_deref().filter(|_| what == Ask::Elsewhere);
        let blameless = innocent
            .and_then(|sid| ledger.of(sid))
            .map(|facts| facts.causes.clone());
        ledger.all_may_end(&person, Cause::EndedByApplication, until);
        if let (Some(sid), Some(causes)) = (innocent, blameless)
            && let Some(facts) = ledger.of_mut(sid)
        {
            facts.causes = causes;
        }
    };
    blame(world, ON_ITS_OWN);
    let node = node_for(world, browser);
    ask(world, browser, node, what, Wish::default()).await;
    blame(world, ON_ITS_OWN);
}

/// Somebody who has copied cookies tries them.
pub(crate) async fn try_stolen(world: &Arc<World>, sid: &str, what: Ask) {
    let copies = world.stolen(sid);
    let owner = world.ledger().of(sid).map(|facts| facts.browser);
    let (Some(owner), false) = (owner, copies.is_empty()) else {
        return;
    };
    let wish = Wish {
        query: "thinks=0&number=0".to_owned(),
        stolen: Some(copies[world.dice.index(copies.len())].clone()),
        ..Wish::default()
    };
    ask(world, owner, any_node(world), what, wish).await;
}

/// Some node that is alive.
fn alive(world: &World) -> Option<(usize, Life)> {
    let nodes = world.nodes();
    let alive = nodes
        .iter()
        .enumerate()
        .filter(|(_, it)| !it.closed)
        .filter_map(|(node, it)| Some((node, it.process.as_ref()?.life.clone())));
    let alive: Vec<_> = alive.collect();
    let chosen = (!alive.is_empty()).then(|| world.dice.index(alive.len()));
    chosen.map(|chosen| alive[chosen].clone())
}

/// How long a node that stops waits for the requests that it has.
const REQUESTS_END: Duration = Duration::from_secs(60);

/// A node stops as it should, once everything in its background is done, and starts anew.
pub(crate) async fn restart(world: &Arc<World>, node: usize) {
    let Some(process) = world.process(node) else {
        return;
    };
    tell!(
        world.story,
        format!("node {node}"),
        "stops once everything is done"
    );
    // It takes no more requests, and those that it has are answered.
    world.closes(node);
    let stopping = async {
        wait(REQUESTS_END).await;
        process.gate.drain().await;
    };
    tokio::select! {
        biased;
        () = process.life.over() => {}
        () = stopping => {
            world.stopped(node, &process);
            world.revive(node);
        }
    }
}
