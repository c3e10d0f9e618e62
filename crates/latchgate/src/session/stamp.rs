//! The numbers of marks, and those that a session has recorded.

use serde::{Deserialize, Serialize};

use crate::io::{Random, RandomError};

/// The number of a mark: the time when it was made, in whole seconds, and 24 random bits, so that two nodes are unlikely
/// to choose the same. Each mark of a name has a greater number than earlier ones. Zero means no mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp(pub(super) u64);

/// The newest marks on a session's names that existed when it began.
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

    /// This stamp, or the one that follows `before` if this one is not greater.
    pub(super) fn after(self, before: Self) -> Self {
        self.max(Self(before.0.saturating_add(1)))
    }
}

impl Seen {
    /// The newest of the marks recorded in two places.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            sub: self.sub.max(other.sub),
            alone: self.alone.max(other.alone),
        }
    }
}
