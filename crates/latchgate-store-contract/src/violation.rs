//! How a store breaks the contract.

use std::fmt;

use latchgate::store::{Lease, LoadedRecord, StoreError, StoreKey};

/// A store broke a rule of the contract.
#[non_exhaustive]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The call that broke it.
    pub call: Call,
    /// What the store did.
    pub seen: Box<Seen>,
}

/// A method of [`latchgate::store::SessionStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `load`
    Load,
    /// `insert`
    Insert,
    /// `replace`
    Replace,
    /// `remove`
    Remove,
    /// `lease`
    Lease,
    /// `extend_lease`
    ExtendLease,
    /// `release_lease`
    ReleaseLease,
    /// `lease_end`
    LeaseEnd,
    /// `find`
    Find,
}

/// What the rule expects, and what the store did.
#[derive(Debug)]
#[non_exhaustive]
pub enum Seen {
    /// A different record, or none.
    Record {
        /// What should be there.
        wanted: Option<LoadedRecord>,
        /// What is there.
        seen: Option<LoadedRecord>,
    },
    /// `true` where it must be `false`, or the other way round.
    Answer {
        /// What the answer is.
        seen: bool,
    },
    /// A different answer to the request for a lease.
    Lease {
        /// What the answer is.
        seen: Lease,
    },
    /// A fence that is not greater than an earlier one.
    Fence {
        /// The earlier one.
        before: u64,
        /// The later one.
        seen: u64,
    },
    /// Different records for a name.
    Keys {
        /// The keys that should be found.
        wanted: Vec<StoreKey>,
        /// The keys that were found. `None` when the store answers that it has no index, after an answer that it has one.
        seen: Option<Vec<StoreKey>>,
    },
    /// Not exactly one winner of a race.
    Winners {
        /// How many.
        seen: usize,
    },
    /// Ends of a lease that is still held.
    Ends {
        /// How many.
        seen: usize,
    },
    /// `true` where the store announces the end of this record's lease, after `false` for another record, or the other
    /// way round.
    Announces {
        /// What it does for this record.
        seen: bool,
    },
    /// The call failed.
    Failure(StoreError),
    /// No answer within five seconds, or fifteen where the expiry of a lease is waited for.
    Silence,
}

/// The rules of [`latchgate::store::SessionStore`], in the order in which they are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A loaded record is the one that was stored, with any bytes, from none to 1 MiB.
    Keeps,
    /// A record that was never inserted is missing for every call.
    Absent,
    /// A record exists until `expires_at`, and is missing for every call from then on.
    Expires,
    /// Inserting under a key that has a record is `false`, and nothing changes.
    InsertsOnce,
    /// Inserting over an expired record succeeds.
    InsertsOverExpired,
    /// A record is replaced only if it has the expected generation; otherwise nothing changes.
    ComparesGenerations,
    /// A replacement has its own bytes, generation and expiry.
    ReplacesAll,
    /// Replacing a record by the same one is `true`.
    RepeatsReplace,
    /// Removing a missing record is no error.
    RepeatsRemove,
    /// A removed record is missing, and cannot be replaced.
    Removes,
    /// Of several concurrent replacements of one generation, exactly one succeeds.
    ReplacesAtomically,
    /// Of several concurrent insertions under one key, exactly one succeeds.
    InsertsAtomically,
    /// Of several concurrent requests for one lease, exactly one is granted.
    LeasesAtomically,
    /// A record has one lease at a time.
    LeasesOnce,
    /// A missing record has no lease.
    LeasesWhatIsThere,
    /// A lease comes with the record as it is now.
    LeasesCurrent,
    /// Each lease of a record has a greater fence than earlier ones.
    FencesGrow,
    /// Loading and replacing need no lease, and leave it unchanged.
    LeasesBlockNothing,
    /// A lease is extended with its own fence, and with no other.
    ExtendsByFence,
    /// A lease is released with its own fence, and with no other.
    ReleasesByFence,
    /// An expired lease is granted to another caller, and the old fence has no effect.
    LeasesExpire,
    /// A lease ends with its record.
    RemovesLease,
    /// A store that has leases has them for every record; one that has none, for no record.
    LeasesConsistently,
    /// A store that announces the ends of leases does so for every record; one that does not, for no record.
    AnnouncesConsistently,
    /// While a lease is held, its end is not announced again and again.
    AnnouncesEnds,
    /// The end of a lease is announced when it is released, and not missed between the call and the first poll.
    AnnouncesRelease,
    /// The end of a lease is announced when its record is removed.
    AnnouncesRemoval,
    /// A name finds exactly the records that have it.
    Finds,
    /// A replaced record is found by its new names only.
    FindsReplaced,
    /// A name finds no removed or expired record.
    ForgetsNames,
    /// The records of the check can be removed.
    Clears,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keeps => "a loaded record is the one that was stored",
            Self::Absent => "a record that was never inserted is missing for every call",
            Self::Expires => "a record exists until `expires_at`, and is missing for every call from then on",
            Self::InsertsOnce => {
                "inserting under a key that has a record is `false`, and nothing changes"
            }
            Self::InsertsOverExpired => "inserting over an expired record succeeds",
            Self::ComparesGenerations => {
                "a record is replaced only if it has the expected generation; otherwise nothing changes"
            }
            Self::ReplacesAll => "a replacement has its own bytes, generation and expiry",
            Self::RepeatsReplace => "replacing a record by the same one is `true`",
            Self::RepeatsRemove => "removing a missing record is no error",
            Self::Removes => "a removed record is missing, and cannot be replaced",
            Self::ReplacesAtomically => {
                "of several concurrent replacements of one generation, exactly one succeeds"
            }
            Self::InsertsAtomically => {
                "of several concurrent insertions under one key, exactly one succeeds"
            }
            Self::LeasesAtomically => {
                "of several concurrent requests for one lease, exactly one is granted"
            }
            Self::LeasesOnce => "a record has one lease at a time",
            Self::LeasesWhatIsThere => "a missing record has no lease",
            Self::LeasesCurrent => "a lease comes with the record as it is now",
            Self::FencesGrow => "each lease of a record has a greater fence than earlier ones",
            Self::LeasesBlockNothing => {
                "loading and replacing need no lease, and leave it unchanged"
            }
            Self::ExtendsByFence => {
                "a lease is extended with its own fence, and with no other"
            }
            Self::ReleasesByFence => "a lease is released with its own fence, and with no other",
            Self::LeasesExpire => {
                "an expired lease is granted to another caller, and the old fence has no effect"
            }
            Self::RemovesLease => "a lease ends with its record",
            Self::LeasesConsistently => {
                "a store that has leases has them for every record; one that has none, for no record"
            }
            Self::AnnouncesConsistently => {
                "a store that announces the ends of leases does so for every record; one that does not, for no record"
            }
            Self::AnnouncesEnds => {
                "while a lease is held, its end is not announced again and again"
            }
            Self::AnnouncesRelease => {
                "the end of a lease is announced when it is released, and not missed between the call and the first poll"
            }
            Self::AnnouncesRemoval => {
                "the end of a lease is announced when its record is removed"
            }
            Self::Finds => "a name finds exactly the records that have it",
            Self::FindsReplaced => {
                "a replaced record is found by its new names only"
            }
            Self::ForgetsNames => "a name finds no removed or expired record",
            Self::Clears => "the records of the check can be removed",
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Lease => "lease",
            Self::ExtendLease => "extend_lease",
            Self::ReleaseLease => "release_lease",
            Self::LeaseEnd => "lease_end",
            Self::Find => "find",
        })
    }
}

/// Keys by their first bytes.
struct Keys<'a>(&'a [StoreKey]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = self.0.iter().filter_map(|key| key.first_chunk());
        let starts = starts.map(|start| format!("{:08x}", u32::from_be_bytes(*start)));
        f.debug_list().entries(starts).finish()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { wanted, seen } => {
                write!(f, "gave {seen:?} instead of {wanted:?}")?;
                match (wanted, seen) {
                    (Some(wanted), Some(seen)) if wanted.sealed != seen.sealed => {
                        f.write_str("; the bytes differ")
                    }
                    _ => Ok(()),
                }
            }
            Self::Answer { seen } => write!(f, "answered {seen}"),
            Self::Lease { seen } => write!(f, "answered {seen:?}"),
            Self::Fence { before, seen } => write!(f, "gave the fence {seen} after {before}"),
            Self::Keys { wanted, seen: None } => {
                write!(
                    f,
                    "answered that there is no index, and should find {}",
                    Keys(wanted)
                )
            }
            Self::Keys {
                wanted,
                seen: Some(seen),
            } => write!(f, "found {} instead of {}", Keys(seen), Keys(wanted)),
            Self::Winners { seen } => write!(f, "succeeded {seen} times"),
            Self::Ends { seen } => write!(f, "completed {seen} times in a row"),
            Self::Announces { seen: true } => f.write_str("gave a future, and none before"),
            Self::Announces { seen: false } => f.write_str("gave no future, and one before"),
            Self::Failure(_) => f.write_str("failed"),
            Self::Silence => f.write_str("did not answer in time"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, call, seen } = self;
        write!(
            f,
            "the store breaks the contract ({rule:?}: {rule}): `{call}` {seen}"
        )
    }
}

impl std::error::Error for Violation {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.seen {
            Seen::Failure(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}
