//! All the chance of a run, from its seed.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oorandom::Rand64;

/// One generator, shared by everything that leaves something to chance. A run has one thread, so who draws when is
/// decided by the seed, too.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Arc<Mutex<Rand64>>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Rand64::new(seed.into()))))
    }

    /// Another generator, for something whose draws should not shift all others.
    pub(crate) fn fork(&self) -> Self {
        Self::new(self.number(0..u64::MAX))
    }

    pub(crate) fn number(&self, range: Range<u64>) -> u64 {
        self.0.lock().unwrap().rand_range(range)
    }

    /// The bytes that belong to a number: always the same ones.
    pub(crate) fn bytes(number: u64) -> [u8; 32] {
        let mut generator = Rand64::new(number.into());
        std::array::from_fn(|_| generator.rand_u64().to_be_bytes()[0])
    }

    pub(crate) fn index(&self, length: usize) -> usize {
        self.number(0..length as u64) as usize
    }

    /// True in so many cases of a hundred.
    pub(crate) fn percent(&self, chance: u64) -> bool {
        self.number(0..100) < chance
    }

    pub(crate) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// One of these, by its weight.
    pub(crate) fn weighted<T: Copy>(&self, choices: &[(u64, T)]) -> T {
        let all: u64 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.number(0..all);
        for (weight, choice) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        unreachable!("the weights sum up")
    }

    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }
}
