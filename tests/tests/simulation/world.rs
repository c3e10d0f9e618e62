//! One run's world: what it consists of, and what everybody in it can ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::answers;
use crate::browser::{Browser, Jar};
use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::invariants::Invariant;
use crate::ledger::{Ledger, Where};
use crate::line::{Life, Line, To};
use crate::node::{Node, Process};
use crate::provider::{Provider, Reuse};
use crate::store::Shelf;
use crate::story::{Story, tell};
use crate::time::{NodeClock, Time};

pub(crate) const SITE: &str = "https://app.example";
pub(crate) const SESSION_COOKIE: &str = "__Host-latchgate";

/// How the nodes keep sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// In the store, for all nodes.
    Stored,
    /// In cookies, on one node.
    SealedAlone,
    /// In cookies, on nodes that share revocations. The requests of one browser reach one node.
    SealedShared,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) keeping: Keeping,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) time: Time,
    pub(crate) dice: Dice,
    pub(crate) story: Story,
    /// What is under way.
    pub(crate) crowd: Crowd,
    pub(crate) provider: Provider,
    pub(crate) provider_line: Arc<Line>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) store_line: Arc<Line>,
    nodes: Mutex<Vec<Node>>,
    browsers: Vec<Mutex<Browser>>,
    ledger: Mutex<Ledger>,
    /// Copies of the cookies of every session.
    stolen: Mutex<BTreeMap<String, Vec<Jar>>>,
    epoch: AtomicU64,
    jumped: AtomicBool,
    rough_outside: AtomicBool,
    died_at: Mutex<Option<Duration>>,
    broken: Mutex<Option<String>>,
}

impl World {
    /// The world of a seed. It begins when it is made.
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let time = Time::begin();
        let dice = Dice::new(seed);
        let story = Story::new(time);
        let keeping = dice.weighted(&[
            (6, Keeping::Stored),
            (2, Keeping::SealedAlone),
            (2, Keeping::SealedShared),
        ]);
        let nodes = match keeping {
            Keeping::Stored => dice.number(1..4),
            Keeping::SealedAlone => 1,
            Keeping::SealedShared => dice.number(2..4),
        };
        let reuse = dice.weighted(&[(6, Reuse::Theft), (2, Reuse::Refused), (2, Reuse::Forgiven)]);
        let lifetime = dice.pick(&[60, 120, 300]);
        let idle = dice.pick(&[900, 1_800, 3_600]);
        let absolute = idle * dice.number(1..5);
        let clocks_differ = dice.percent(50);
        let people = ["alice", "bob"];
        let browsers = (0..dice.number(2..5))
            .map(|_| Mutex::new(Browser::of(dice.pick(&people), dice.index(nodes as usize))));
        let browsers: Vec<_> = browsers.collect();
        tell!(
            story,
            "world",
            "{keeping:?}, {nodes} nodes, {} browsers, reuse {reuse:?}, tokens {lifetime} s, idle {idle} s, absolute {absolute} s",
            browsers.len()
        );
        let world = Arc::new(Self {
            seed,
            keeping,
            lifetimes: Lifetimes {
                idle: Duration::from_secs(idle),
                absolute: Duration::from_secs(absolute),
            },
            time,
            provider: Provider::new(reuse, lifetime),
            provider_line: Line::new(To::Provider, time, &dice, &story),
            shelf: Shelf::new(time),
            store_line: Line::new(To::Store, time, &dice, &story),
            nodes: Mutex::default(),
            browsers,
            ledger: Mutex::default(),
            stolen: Mutex::default(),
            epoch: AtomicU64::new(0),
            jumped: AtomicBool::new(false),
            rough_outside: AtomicBool::new(false),
            died_at: Mutex::default(),
            broken: Mutex::default(),
            crowd: Crowd::default(),
            dice,
            story,
        });
        for node in 0..nodes as usize {
            let ahead = if clocks_differ { world.small_skew() } else { 0 };
            tell!(
                world.story,
                format!("node {node}"),
                "its clock is {ahead} s ahead"
            );
            let clock = NodeClock::new(time, ahead);
            let process = Process::start(&world, node, &clock, 0);
            let process = Some(process);
            world.nodes().push(Node {
                clock,
                process,
                closed: false,
            });
        }
        world
    }

    /// A clock's error that is nobody's excuse.
    pub(crate) fn small_skew(&self) -> i64 {
        self.dice.number(0..29) as i64 - 14
    }

    pub(crate) fn nodes(&self) -> MutexGuard<'_, Vec<Node>> {
        self.nodes.lock().unwrap()
    }

    pub(crate) fn node_count(&self) -> usize {
        self.nodes().len()
    }

    /// The process of a node that is alive.
    pub(crate) fn process(&self, node: usize) -> Option<Process> {
        self.nodes()[node].process.clone()
    }

    /// The process of a node that takes requests.
    pub(crate) fn reached(&self, node: usize) -> Option<Process> {
        let nodes = self.nodes();
        nodes[node].process.clone().filter(|_| !nodes[node].closed)
    }

    /// A node's process dies, in the middle of whatever it does.
    pub(crate) fn kill(&self, node: usize) {
        let process = self.nodes()[node].process.take();
        let Some(process) = process else {
            return;
        };
        tell!(self.story, format!("node {node}"), "dies");
        process.life.end();
        *self.died_at.lock().unwrap() = Some(self.time.now());
        if self.keeping != Keeping::Stored {
            answers::home_has_died(self, node);
        }
    }

    /// A node takes no more requests.
    pub(crate) fn closes(&self, node: usize) {
        self.nodes()[node].closed = true;
    }

    /// A node that has closed is done, and its process ends: unless it has died meanwhile, that is no excuse for anything.
    pub(crate) fn stopped(&self, node: usize, process: &Process) {
        let mut nodes = self.nodes();
        let is_it = nodes[node]
            .process
            .as_ref()
            .is_some_and(|there| there.life.is(&process.life));
        if is_it {
            tell!(self.story, format!("node {node}"), "has stopped");
            nodes[node].process = None;
            drop(nodes);
            process.life.end();
            if self.keeping != Keeping::Stored {
                answers::home_has_died(self, node);
            }
        }
    }

    /// A node that is dead starts anew, with the newest keys.
    pub(crate) fn revive(self: &Arc<Self>, node: usize) {
        let clock = self.nodes()[node].clock.clone();
        if self.process(node).is_some() {
            return;
        }
        let epoch = self.epoch.load(Ordering::SeqCst);
        tell!(
            self.story,
            format!("node {node}"),
            "starts, with the keys of epoch {epoch}"
        );
        let process = Process::start(self, node, &clock, epoch);
        let mut nodes = self.nodes();
        nodes[node].process = Some(process);
        nodes[node].closed = false;
    }

    /// Begins another epoch of session keys, if every node has those of this one: then it can open what the next seals.
    pub(crate) fn turns_keys(&self) -> bool {
        let epoch = self.epoch.load(Ordering::SeqCst);
        let ready = self.nodes().iter().all(|node| {
            node.process
                .as_ref()
                .is_some_and(|process| process.epoch == epoch)
        });
        let turns = ready && epoch < 3;
        if turns {
            self.epoch.store(epoch + 1, Ordering::SeqCst);
        }
        turns
    }

    pub(crate) fn browser(&self, index: usize) -> MutexGuard<'_, Browser> {
        self.browsers[index].lock().unwrap()
    }

    pub(crate) fn browsers(&self) -> usize {
        self.browsers.len()
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// Somebody copies the cookies of a session: the first ones are kept, and the newest.
    pub(crate) fn steal(&self, sid: &str, jar: Jar) {
        let mut stolen = self.stolen.lock().unwrap();
        let copies = stolen.entry(sid.to_owned()).or_default();
        copies.push(jar);
        if copies.len() > 4 {
            copies.remove(1);
        }
    }

    pub(crate) fn stolen(&self, sid: &str) -> Vec<Jar> {
        self.stolen
            .lock()
            .unwrap()
            .get(sid)
            .cloned()
            .unwrap_or_default()
    }

    /// Where an end counts that a process has told everybody.
    pub(crate) fn reach_of_ends(&self, life: &Life) -> Where {
        answers::everywhere_or(self.keeping, life)
    }

    pub(crate) fn jumps(&self) {
        self.jumped.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_jumped(&self) -> bool {
        self.jumped.load(Ordering::SeqCst)
    }

    /// Browsers hang up now and then, from now on or no longer.
    pub(crate) fn roughens_outside(&self, rough: bool) {
        self.rough_outside.store(rough, Ordering::SeqCst);
    }

    pub(crate) fn is_rough_outside(&self) -> bool {
        self.rough_outside.load(Ordering::SeqCst)
    }

    /// Whether something was in the way of a request sent then: a line in trouble, or a node that died so long ago at
    /// the most.
    pub(crate) fn is_excused_since(&self, sent: Duration, after_a_death: Duration) -> bool {
        let died = *self.died_at.lock().unwrap();
        died.is_some_and(|died| died + after_a_death >= sent)
            || self.store_line.troubled_since(sent)
            || self.provider_line.troubled_since(sent)
            || self.has_jumped()
    }

    /// Takes note that something does not hold that must. The first one counts.
    pub(crate) fn broken(&self, invariant: Invariant, text: String) {
        tell!(self.story, "BROKEN", "{invariant}: {text}");
        self.broken
            .lock()
            .unwrap()
            .get_or_insert_with(|| format!("{invariant}: {text}"));
    }

    pub(crate) fn what_broke(&self) -> Option<String> {
        self.broken.lock().unwrap().clone()
    }

    /// Takes everything down: gates know the world that knows them.
    pub(crate) fn end(&self) {
        self.nodes().clear();
    }
}
