//! Keys and names that look random, from a seed.

use std::hash::{DefaultHasher, Hash, Hasher};

use latchgate::store::{StoreKey, StoredNames};

/// The `number`th key of a seed.
pub(crate) fn key(seed: &[u8; 32], number: u64) -> StoreKey {
    let mut key = [0; 32];
    for (part, bytes) in key.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (seed, number, part).hash(&mut hasher);
        bytes.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    key
}

/// Names of a seed, for a session at the provider and for a person, each by a number.
pub(crate) fn names(seed: &[u8; 32], session: u64, person: u64) -> StoredNames {
    StoredNames::new(key(seed, SESSIONS + session), key(seed, PEOPLE + person))
}

/// No run has as many keys.
const SESSIONS: u64 = 1 << 32;
const PEOPLE: u64 = 2 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_numbers_make_keys_that_differ_from_their_first_bytes_on() {
        let mut starts: Vec<[u8; 16]> = Vec::new();
        for seed in [[0; 32], [1; 32]] {
            for number in 0..100 {
                let drawn = [
                    key(&seed, number),
                    names(&seed, number, 0).sid,
                    names(&seed, 0, number + 1).sub,
                ];
                starts.extend(drawn.map(|key| *key.first_chunk().unwrap()));
            }
        }
        let all = starts.len();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), all);
    }
}
