//! Several nodes, browsers, a provider and a store in one process, under a virtual clock, driven by a seed. See
//! `README.md` beside this file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is a test, which ends where something is not as it must be"
)]

mod answers;
mod application;
mod browser;
mod crowd;
mod deeds;
mod dice;
mod invariants;
mod ledger;
mod line;
mod moments;
mod node;
mod plan;
mod provider;
mod provider_client;
mod store;
mod story;
mod time;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::runtime::Builder;

use world::World;

/// How many seeds an ordinary `cargo test` tries.
const SEEDS: u64 = 300;

/// How many seeds are tried twice, to see whether they tell the same story.
const SAME: u64 = 20;

/// Seeds that have found something, and what. They run before all others.
const REMEMBERED: &[(u64, &str)] = &[
    (
        7,
        "a logout by name misses a session that moves to the name of a newer key",
    ),
    (266, "a late refusal removes the cookie of a newer session"),
    (
        911,
        "a node spends tokens that it has replaced while the store was away",
    ),
    (
        2141,
        "a second use is refused, and the store has what the first one brought",
    ),
    (
        4674,
        "a late response overwrites the cookie of a newer session, and the store no longer has the older one",
    ),
];

/// What came of one seed.
struct Outcome {
    broken: Option<String>,
    story: Vec<String>,
}

/// Whether the story has what the gates log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    Told,
    Untold,
}

fn live(seed: u64, log: Log) -> Outcome {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        let _told = (log == Log::Told).then(|| world.story.listen());
        plan::run(&world).await;
        world.end();
        Outcome {
            broken: world.what_broke(),
            story: world.story.lines(),
        }
    })
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not `{text}`"))
    })
}

#[test]
fn whatever_happens_the_invariants_hold() {
    let first = setting("LATCHGATE_TEST_FIRST_SEED", 0);
    let seeds = setting("LATCHGATE_TEST_SEEDS", SEEDS);
    let next = AtomicU64::new(first);
    let broken = Mutex::new(BTreeMap::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let end = first + seeds;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end {
                        break;
                    }
                    let outcome = live(seed, Log::Untold);
                    if let Some(what) = outcome.broken {
                        broken.lock().unwrap().insert(seed, what);
                        if setting("LATCHGATE_TEST_ALL_SEEDS", 0) == 0 {
                            next.store(end, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    for (seed, what) in &broken {
        println!("seed {seed}: {what}");
    }
    if let Some(seed) = broken.into_keys().next() {
        fails(seed, "a new one");
    }
}

/// Tells the story of a seed that breaks something, with what the gates log meanwhile.
fn fails(seed: u64, which: &str) {
    let outcome = live(seed, Log::Told);
    let what = outcome.broken.unwrap_or_default();
    let story = outcome.story.join("\n");
    panic!("the story of seed {seed}, {which}:\n\n{story}\n\nseed {seed}: {what}");
}

#[test]
fn seeds_that_have_found_something_find_nothing_more() {
    for (seed, reason) in REMEMBERED {
        if live(*seed, Log::Untold).broken.is_some() {
            fails(*seed, reason);
        }
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..SAME {
        let story = || live(seed, Log::Untold).story;
        let (first, second) = (story(), story());
        let differ = first
            .iter()
            .zip(&second)
            .find(|(first, second)| first != second);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}
