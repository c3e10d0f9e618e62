#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ask;
mod draw;
mod index;
mod lease_ends;
mod leases;
mod races;
mod records;
mod violation;

use latchgate::store::SessionStore;

use ask::Run;
pub use violation::{Call, Rule, Seen, Violation};

/// What a store offers beyond keeping records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// It has leases: of the nodes that share it, one refreshes a session.
    pub leases: bool,
    /// It finds records by name: a logout by the provider ends sessions on every node.
    pub index: bool,
    /// It announces the ends of leases: a node that waits for one need not poll.
    pub lease_ends: bool,
}

/// Tests a store against every rule of the contract.
///
/// All keys and names come from `seed`: each run on the same store needs another one. `now` is the
/// time, in seconds since the epoch. For stores with a clock of their own it must be right to within
/// minutes. This needs a tokio runtime with its timer.
///
/// # Errors
///
/// The first rule that the store broke. The records of the run are removed in any case, if the store
/// allows it.
pub async fn check(store: &dyn SessionStore, seed: [u8; 32], now: u64) -> Result<Offer, Violation> {
    let run = Run::new(store, seed, now);
    let checked = every_rule(&run).await;
    let cleared = run.clear().await;
    let offer = checked?;
    cleared?;
    Ok(offer)
}

async fn every_rule(run: &Run<'_>) -> Result<Offer, Violation> {
    records::check(run).await?;
    races::check(run).await?;
    let leases = leases::check(run).await?;
    let lease_ends = leases && lease_ends::check(run).await?;
    let index = index::check(run).await?;
    Ok(Offer {
        leases,
        index,
        lease_ends,
    })
}
