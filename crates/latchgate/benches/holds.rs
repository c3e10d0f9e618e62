//! How long a lock is held, and how much memory stays: `cargo bench -p latchgate --bench holds [ENTRIES…]`.
//!
//! No lock outlives the call that takes it, so the longest call bounds the longest hold; it includes what is done
//! without the lock, such as dropping values. A call that the machine interrupts tells nothing. So each case runs three
//! times alike: what a call takes is its fastest run, and the longest call of a case is the maximum of these.
//!
//! The allocator is measured too. With glibc's a few calls take one to three milliseconds, after very many blocks were freed;
//! with `LD_PRELOAD=libjemalloc.so.2` none does.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use allocation_counter::measure;
use futures_util::FutureExt;
use latchgate::MemoryStore;
use latchgate::store::{SessionStore, StoreFuture, StoreKey, StoredNames, StoredRecord};

#[path = "../src/expiring_map.rs"]
#[expect(dead_code, reason = "the core uses what is not measured here")]
mod expiring_map;

use expiring_map::ExpiringMap;

const RUNS: usize = 3;

/// Small, so that a million fit: what is measured is their number.
const SEALED: usize = 256;

const NOW: u64 = 1_000_000;
const EXPIRES: u64 = NOW + 600;

fn main() {
    let arguments = std::env::args().filter_map(|argument| argument.parse().ok());
    let mut numbers: Vec<u32> = arguments.collect();
    if numbers.is_empty() {
        numbers = vec![100_000, 1_000_000];
    }
    println!("longest call · 99.99th percentile · mean, in µs, fastest of {RUNS} runs each\n");
    for entries in numbers {
        println!("{entries} sessions in a MemoryStore");
        memory_store(entries);
        println!("{entries} entries of an ExpiringMap, as for refreshes");
        expiring_map(entries);
        println!();
    }
}

/// What every call of a case took, the fastest time.
struct Case {
    name: &'static str,
    nanos: Vec<u32>,
    /// The place of the next call.
    next: usize,
}

impl Case {
    fn new(name: &'static str, entries: u32) -> Self {
        Self {
            name,
            nanos: Vec::with_capacity(entries as usize),
            next: 0,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    fn call<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let answer = black_box(call());
        let taken = u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX);
        match self.nanos.get_mut(self.next) {
            Some(nanos) => *nanos = (*nanos).min(taken),
            None => self.nanos.push(taken),
        }
        self.next += 1;
        answer
    }

    fn print(mut self) {
        self.nanos.sort_unstable();
        let calls = self.nanos.len();
        let from_end = |place: usize| {
            let nanos = self.nanos.iter().rev().nth(place).copied();
            f64::from(nanos.unwrap_or_default()) / 1_000.0
        };
        let sum: u64 = self.nanos.iter().map(|nanos| u64::from(*nanos)).sum();
        println!(
            "  {:20} {:11.1} · {:9.1} · {:7.2}   ({calls} calls)",
            self.name,
            from_end(0),
            from_end(calls / 10_000),
            sum as f64 / 1_000.0 / calls.max(1) as f64,
        );
    }
}

/// A key that looks random.
fn key(kind: u64, number: u32) -> StoreKey {
    let mut state = (kind << 32) | u64::from(number);
    let mut key = [0; 32];
    for part in key.chunks_exact_mut(8) {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    key
}

/// The session of the person with this number.
fn record(number: u32, generation: u32, expires_at: u64) -> StoredRecord {
    let names = StoredNames::new(key(1, number), key(2, number));
    StoredRecord::new(vec![7; SEALED], generation, expires_at).with_names(names)
}

fn answer<T>(call: StoreFuture<'_, T>) -> Option<T> {
    call.now_or_never()?.ok()
}

fn memory_store(entries: u32) {
    let [mut insert, mut load, mut replace, mut full, mut expired] = [
        "insert",
        "load",
        "replace",
        "insert, full",
        "insert, all expired",
    ]
    .map(|name| Case::new(name, entries));
    let (mut most, mut left) = (0, 0);
    for _ in 0..RUNS {
        for case in [
            &mut insert,
            &mut load,
            &mut replace,
            &mut full,
            &mut expired,
        ] {
            case.next = 0;
        }
        let store = MemoryStore::new(entries as usize);
        let filled = measure(|| {
            for number in 0..entries {
                let (key, record) = (key(0, number), record(number, 0, EXPIRES));
                let inserted = insert.call(|| answer(store.insert(&key, record, NOW)));
                assert_eq!(inserted, Some(true));
            }
        });
        most = filled.bytes_current;
        for number in 0..entries {
            let key = key(0, number);
            let there = load.call(|| answer(store.load(&key, NOW)));
            assert!(there.flatten().is_some());
        }
        for number in 0..entries {
            let (key, record) = (key(0, number), record(number, 1, EXPIRES + 1));
            let replaced = replace.call(|| answer(store.replace(&key, 0, record, NOW)));
            assert_eq!(replaced, Some(true));
        }
        for number in 0..1_000 {
            let (key, record) = (key(3, number), record(entries + number, 0, EXPIRES));
            let refused = full.call(|| answer(store.insert(&key, record, NOW)));
            assert_eq!(refused, None);
        }
        let fell = measure(|| {
            for number in 0..entries / 10 {
                let (key, record) = (key(4, number), record(number, 0, EXPIRES + 900));
                let inserted = expired.call(|| answer(store.insert(&key, record, EXPIRES + 1)));
                assert_eq!(inserted, Some(true));
            }
        });
        left = most + fell.bytes_current;
    }
    for case in [insert, load, replace, full, expired] {
        case.print();
    }
    print_memory(most, left, entries);
}

/// What is remembered of a session after its refresh.
type Refreshed = (Arc<[u8; SEALED]>, Option<[u8; 32]>, u64);

fn refreshed() -> Refreshed {
    (Arc::new([7; SEALED]), Some([1; 32]), NOW)
}

fn id(kind: u64, number: u32) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&key(kind, number)[..16]);
    id
}

fn expiring_map(entries: u32) {
    let [mut set, mut get, mut change, mut expired] =
        ["set", "get", "read and set", "set, all expired"].map(|name| Case::new(name, entries));
    let (mut most, mut left) = (0, 0);
    for _ in 0..RUNS {
        for case in [&mut set, &mut get, &mut change, &mut expired] {
            case.next = 0;
        }
        let map = ExpiringMap::new();
        let filled = measure(|| {
            for number in 0..entries {
                let (id, value) = (id(0, number), refreshed());
                set.call(|| map.entry(id, NOW).set(value, EXPIRES));
            }
        });
        most = filled.bytes_current;
        for number in 0..entries {
            let id = id(0, number);
            assert!(get.call(|| map.get(&id, NOW)).is_some());
        }
        for number in 0..entries {
            let (id, value) = (id(0, number), refreshed());
            change.call(|| {
                let mut entry = map.entry(id, NOW);
                assert!(entry.get().is_some());
                entry.set(value, EXPIRES + 1);
            });
        }
        let fell = measure(|| {
            for number in 0..entries / 10 {
                let (id, value) = (id(4, number), refreshed());
                expired.call(|| map.entry(id, EXPIRES + 1).set(value, EXPIRES + 900));
            }
        });
        left = most + fell.bytes_current;
    }
    for case in [set, get, change, expired] {
        case.print();
    }
    print_memory(most, left, entries);
}

fn print_memory(most: i64, left: i64, entries: u32) {
    println!(
        "  {} MB, {} bytes each; {} MB after they have expired and a tenth as many have come",
        most / 1_000_000,
        most / i64::from(entries),
        left / 1_000_000,
    );
}
