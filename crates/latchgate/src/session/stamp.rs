//! The numbers of marks, and those that a session has seen.

use serde::{Deserialize, Serialize};

use crate::io::{Random, RandomError};

/// The number of a mark: when it was made, in whole seconds, and 24 random bits, so that two nodes hardly give the
/// same. Each mark of a name has a greater one than those before. Zero is no mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp(pub(super) u64);

/// The newest marks on the names of a session that were there when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// On its person.
    pub(crate) sub: Stamp,
    /// On its `sid`, or on the person's sessions without one.
    pub(crate) alone: Stamp,
}

impl Stamp {
    const SALT_BITS: u32 = 24;

    pub(crate) fn draw(now: u64, random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self::new(now, random.array()?))
    }

    pub(crate) fn new(now: u64, [a, b, c]: [u8; 3]) -> Self {
        let salt = u64::from_be_bytes([0, 0, 0, 0, 0, a, b, c]);
        Self(now << Self::SALT_BITS | salt)
    }

    /// The stamp of a mark that is the only one of its second.
    pub(crate) fn at(now: u64) -> Self {
        Self::new(now, [0; 3])
    }

    pub(super) fn seconds(self) -> u64 {
        self.0 >> Self::SALT_BITS
    }

    /// This stamp, or the next one after `before` if it would not come after that.
    pub(super) fn after(self, before: Self) -> Self {
        self.max(Self(before.0.saturating_add(1)))
    }
}

impl Seen {
    /// What has been seen in either of two places.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            sub: self.sub.max(other.sub),
            alone: self.alone.max(other.alone),
        }
    }
}
