//! What a session costs in the memory of the process that keeps it.

use allocation_counter::measure;
use latchgate::MemoryStore;
use latchgate::store::{SessionStore, StoreKey, StoredNames, StoredRecord};
use tokio::runtime::Builder;

const SESSIONS: u32 = 10_000;

/// A session with an ID token, an access token and a refresh token of usual size, sealed.
const SEALED: usize = 2_200;

/// All distinct, as hashes are.
fn key(kind: u8, number: u32) -> StoreKey {
    let mut key = [kind; 32];
    key[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    key
}

fn record(number: u32) -> StoredRecord {
    let names = StoredNames::new(key(1, number), key(2, number));
    StoredRecord::new(vec![7; SEALED], 0, 2_000).with_names(names)
}

#[test]
fn ten_thousand_sessions_take_a_fifth_more_than_their_bytes_at_most() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let store = MemoryStore::default();
    let taken = measure(|| {
        for number in 0..SESSIONS {
            let key = key(0, number);
            let insert = store.insert(&key, record(number), 1_000);
            assert!(runtime.block_on(insert).unwrap());
        }
    });
    let sealed = i64::from(SESSIONS) * SEALED as i64;
    let ratio = taken.bytes_current as f64 / sealed as f64;
    println!("{ratio:.3} x the sealed bytes");
    assert!(ratio <= 1.2, "{ratio:.3} x the sealed bytes");
}
