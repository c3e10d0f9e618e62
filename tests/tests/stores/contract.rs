//! Stores of ours keep the contract, and stores with a fault in them are caught at it.

use std::sync::Arc;

use latchgate::MemoryStore;
use latchgate::store::{SessionStore, StoreError};
use latchgate_store_contract::{Call, Offer, Rule, Seen, Violation, check};

use latchgate_tests::Failure;
use latchgate_tower_sessions::TowerSessions;

use crate::faulty::{Fault, Faulty};

/// In 2096: what tower-sessions' memory store keeps expires by the machine's own clock.
const NOW: u64 = 4_000_000_000;

const EVERYTHING: Offer = Offer {
    leases: true,
    index: true,
    lease_ends: true,
};

/// Runs the contract on several seeds at the same time, on several threads.
async fn keeps(store: Arc<dyn SessionStore>) -> Result<Offer, Failure> {
    let runs: Vec<_> = (1..=4)
        .map(|seed| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { check(&*store, [seed; 32], NOW).await })
        })
        .collect();
    let mut offers = Vec::new();
    for run in runs {
        offers.push(run.await??);
    }
    offers.dedup();
    assert_eq!(offers.len(), 1);
    Ok(offers[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_keeps_the_contract() {
    // Nothing must stay behind: a second run finds the room that the first one needed.
    let store = Arc::new(MemoryStore::new(200));
    for _ in 0..2 {
        assert_eq!(keeps(store.clone()).await.unwrap(), EVERYTHING);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_to_tower_sessions_keeps_the_contract() {
    let behind = tower_sessions_memory_store::MemoryStore::default();
    let store = Arc::new(TowerSessions::new(behind));
    let offer = Offer {
        leases: false,
        index: false,
        lease_ends: false,
    };
    for _ in 0..2 {
        assert_eq!(keeps(store.clone()).await.unwrap(), offer);
    }
}

async fn caught(fault: Fault) -> Result<Violation, Failure> {
    let store = Faulty::new(fault);
    let Err(violation) = check(&store, [7; 32], NOW).await else {
        return Err(format!("{fault:?} went unnoticed").into());
    };
    let told = violation.to_string();
    assert!(told.contains(&violation.rule.to_string()), "{told}");
    Ok(violation)
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_caught_by_the_rule_it_breaks() {
    for (fault, rule, call) in [
        (Fault::CutsAtNul, Rule::Keeps, Call::Load),
        (Fault::LosesNames, Rule::Finds, Call::Find),
        (Fault::NeverExpires, Rule::Expires, Call::Load),
        (Fault::ExpiresOneLate, Rule::Expires, Call::Load),
        (Fault::Upserts, Rule::Absent, Call::Replace),
        (Fault::ReplacesExpired, Rule::Expires, Call::Replace),
        (Fault::InsertsOver, Rule::InsertsOnce, Call::Insert),
        (
            Fault::IgnoresGeneration,
            Rule::ComparesGenerations,
            Call::Replace,
        ),
        (
            Fault::ComparesLowByte,
            Rule::ComparesGenerations,
            Call::Replace,
        ),
        (Fault::KeepsOldExpiry, Rule::ReplacesAll, Call::Load),
        (Fault::ForgetsAnswers, Rule::RepeatsReplace, Call::Replace),
        (Fault::RemovesOnce, Rule::RepeatsRemove, Call::Remove),
        (Fault::ReplacesRemoved, Rule::Removes, Call::Replace),
        (
            Fault::ComparesThenSets,
            Rule::ReplacesAtomically,
            Call::Replace,
        ),
        (
            Fault::LooksThenInserts,
            Rule::InsertsAtomically,
            Call::Insert,
        ),
        (Fault::LooksThenLeases, Rule::LeasesAtomically, Call::Lease),
        (Fault::LeasesToAll, Rule::LeasesAtomically, Call::Lease),
        (Fault::LeasesOfNothing, Rule::LeasesWhatIsThere, Call::Lease),
        (Fault::LeasesAsInserted, Rule::LeasesCurrent, Call::Lease),
        (Fault::SameFence, Rule::FencesGrow, Call::Lease),
        (
            Fault::LeaseBlocksReplace,
            Rule::LeasesBlockNothing,
            Call::Replace,
        ),
        (
            Fault::ReplaceEndsLease,
            Rule::LeasesBlockNothing,
            Call::Lease,
        ),
        (
            Fault::ExtendsForAnybody,
            Rule::ExtendsByFence,
            Call::ExtendLease,
        ),
        (Fault::ExtendsInName, Rule::ExtendsByFence, Call::Lease),
        (
            Fault::ReleasesForAnybody,
            Rule::ReleasesByFence,
            Call::Lease,
        ),
        (Fault::LeasesForEver, Rule::LeasesExpire, Call::Lease),
        (
            Fault::LeaseOutlivesRecord,
            Rule::RemovesLease,
            Call::ExtendLease,
        ),
        (
            Fault::AnnouncesForSome,
            Rule::AnnouncesConsistently,
            Call::LeaseEnd,
        ),
        (
            Fault::AnnouncesAllTheTime,
            Rule::AnnouncesEnds,
            Call::LeaseEnd,
        ),
        (
            Fault::AnnouncesNoRelease,
            Rule::AnnouncesRelease,
            Call::LeaseEnd,
        ),
        (
            Fault::AnnouncesToPolled,
            Rule::AnnouncesRelease,
            Call::LeaseEnd,
        ),
        (
            Fault::AnnouncesNoRemoval,
            Rule::AnnouncesRemoval,
            Call::LeaseEnd,
        ),
        (Fault::ConfusesSidAndSub, Rule::Finds, Call::Find),
        (Fault::FindsOne, Rule::Finds, Call::Find),
        (Fault::KeepsOldNames, Rule::FindsReplaced, Call::Find),
        (Fault::ForgetsOnReplace, Rule::FindsReplaced, Call::Find),
        (Fault::FindsRemoved, Rule::ForgetsNames, Call::Find),
        (Fault::FindsExpired, Rule::ForgetsNames, Call::Find),
    ] {
        let violation = caught(fault).await.unwrap();
        assert_eq!(
            (violation.rule, violation.call),
            (rule, call),
            "{fault:?}: {violation}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failures_and_silence_are_told() {
    let violation = caught(Fault::Fails).await.unwrap();
    assert!(matches!(
        *violation.seen,
        Seen::Failure(StoreError::Unavailable(_))
    ));
    assert!(std::error::Error::source(&violation).is_some());
    let violation = caught(Fault::Hangs).await.unwrap();
    assert!(matches!(*violation.seen, Seen::Silence));
}

#[tokio::test]
async fn what_is_not_offered_is_no_violation() {
    let offer = |fault| async move { check(&Faulty::new(fault), [9; 32], NOW).await.unwrap() };
    let without_leases = Offer {
        leases: false,
        lease_ends: false,
        ..EVERYTHING
    };
    assert_eq!(offer(Fault::NoLeases).await, without_leases);
    let without_index = Offer {
        index: false,
        ..EVERYTHING
    };
    assert_eq!(offer(Fault::NoIndex).await, without_index);
    let without_lease_ends = Offer {
        lease_ends: false,
        ..EVERYTHING
    };
    assert_eq!(offer(Fault::NoLeaseEnds).await, without_lease_ends);
}

#[tokio::test]
async fn a_run_that_was_stopped_leaves_nothing_behind() {
    let store = Faulty::new(Fault::FindsOne);
    check(&store, [7; 32], NOW).await.unwrap_err();
    assert_eq!(store.records(), 0);
    let store = Faulty::new(Fault::NoIndex);
    check(&store, [7; 32], NOW).await.unwrap();
    assert_eq!(store.records(), 0);
}
