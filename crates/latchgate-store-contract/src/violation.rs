//! What a store did wrong.

use std::fmt;

use latchgate::store::{Lease, LoadedRecord, StoreError, StoreKey};

/// A store broke a rule of the contract.
#[non_exhaustive]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The call whose answer shows it.
    pub call: Call,
    /// What was seen instead.
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
    /// `find`
    Find,
}

/// What was wanted, and what was seen.
#[derive(Debug)]
#[non_exhaustive]
pub enum Seen {
    /// Another record than the wanted one, or none.
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
    /// Another answer to the wish for a lease.
    Lease {
        /// What the answer is.
        seen: Lease,
    },
    /// A fence that is not greater than one before.
    Fence {
        /// The one before.
        before: u64,
        /// The one that is not greater.
        seen: u64,
    },
    /// Other records under a name.
    Keys {
        /// The keys that should be found.
        wanted: Vec<StoreKey>,
        /// The keys that were; `None` is a store that has no index, and said before that it has.
        seen: Option<Vec<StoreKey>>,
    },
    /// More winners of a race than one, or none.
    Winners {
        /// How many.
        seen: usize,
    },
    /// The call failed.
    Failure(StoreError),
    /// No answer, and no failure, within five seconds. Where a lease is waited for: within fifteen.
    Silence,
}

/// The rules, as they are checked. Their texts are those of [`latchgate::store::SessionStore`], in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A record comes back as it was given: any bytes, none of them or 1 MiB.
    Keeps,
    /// What was never inserted is not there, for any call.
    Absent,
    /// A record is there until `expires_at`, and from then on for no call.
    Expires,
    /// A key that is taken cannot be inserted again, and nothing changes.
    InsertsOnce,
    /// A record that has expired makes way for a new one.
    InsertsOverExpired,
    /// A record is replaced from the expected generation only; otherwise nothing changes.
    ComparesGenerations,
    /// A replacement brings its own bytes, generation and expiry.
    ReplacesAll,
    /// Replacing a record by the very one that is there is `true`.
    RepeatsReplace,
    /// Removing what is not there is no error.
    RepeatsRemove,
    /// What was removed is gone, and cannot be replaced.
    Removes,
    /// Of several replacements of one generation at one moment, exactly one succeeds.
    ReplacesAtomically,
    /// Of several insertions under one key at one moment, exactly one succeeds.
    InsertsAtomically,
    /// Of several wishes for one lease at one moment, exactly one is granted.
    LeasesAtomically,
    /// A record that is there has one lease at a time: free, then held.
    LeasesOnce,
    /// A record that is not there has no lease.
    LeasesWhatIsThere,
    /// A lease comes with the record as it is now.
    LeasesCurrent,
    /// Each lease of a record has a greater fence than those before.
    FencesGrow,
    /// Loading and replacing need no lease, and leave it as it is.
    LeasesBlockNothing,
    /// The lease lasts longer for the fence that holds it, and for no other.
    ExtendsByFence,
    /// The lease ends for the fence that holds it, and for no other.
    ReleasesByFence,
    /// A lease that ran out can be had by another, and the old fence moves nothing.
    LeasesExpire,
    /// A lease goes with its record.
    RemovesLease,
    /// A store that has leases has them for every record; one that has none, for no record.
    LeasesConsistently,
    /// A name finds exactly the records that are there and bear it.
    Finds,
    /// A name finds a record that was replaced by what it is called now.
    FindsReplaced,
    /// A name does not find what was removed or has expired.
    ForgetsNames,
    /// What the check has inserted can be removed again.
    Clears,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keeps => "a record comes back as it was given",
            Self::Absent => "what was never inserted is not there, for any call",
            Self::Expires => "a record is there until `expires_at`, and from then on for no call",
            Self::InsertsOnce => {
                "a key that is taken cannot be inserted again, and nothing changes"
            }
            Self::InsertsOverExpired => "a record that has expired makes way for a new one",
            Self::ComparesGenerations => {
                "a record is replaced from the expected generation only; otherwise nothing changes"
            }
            Self::ReplacesAll => "a replacement brings its own bytes, generation and expiry",
            Self::RepeatsReplace => "replacing a record by the very one that is there is `true`",
            Self::RepeatsRemove => "removing what is not there is no error",
            Self::Removes => "what was removed is gone, and cannot be replaced",
            Self::ReplacesAtomically => {
                "of several replacements of one generation at one moment, exactly one succeeds"
            }
            Self::InsertsAtomically => {
                "of several insertions under one key at one moment, exactly one succeeds"
            }
            Self::LeasesAtomically => {
                "of several wishes for one lease at one moment, exactly one is granted"
            }
            Self::LeasesOnce => "a record that is there has one lease at a time: free, then held",
            Self::LeasesWhatIsThere => "a record that is not there has no lease",
            Self::LeasesCurrent => "a lease comes with the record as it is now",
            Self::FencesGrow => "each lease of a record has a greater fence than those before",
            Self::LeasesBlockNothing => {
                "loading and replacing need no lease, and leave it as it is"
            }
            Self::ExtendsByFence => {
                "the lease lasts longer for the fence that holds it, and for no other"
            }
            Self::ReleasesByFence => "the lease ends for the fence that holds it, and for no other",
            Self::LeasesExpire => {
                "a lease that ran out can be had by another, and the old fence moves nothing"
            }
            Self::RemovesLease => "a lease goes with its record",
            Self::LeasesConsistently => {
                "a store that has leases has them for every record; one that has none, for no record"
            }
            Self::Finds => "a name finds exactly the records that are there and bear it",
            Self::FindsReplaced => {
                "a name finds a record that was replaced by what it is called now"
            }
            Self::ForgetsNames => "a name does not find what was removed or has expired",
            Self::Clears => "what the check has inserted can be removed again",
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
                write!(f, "gave {seen:?}, not {wanted:?}")?;
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
                write!(f, "has no index, where it should find {}", Keys(wanted))
            }
            Self::Keys {
                wanted,
                seen: Some(seen),
            } => write!(f, "found {}, not {}", Keys(seen), Keys(wanted)),
            Self::Winners { seen } => write!(f, "let {seen} of them succeed"),
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
