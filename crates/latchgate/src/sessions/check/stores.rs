//! One store: whether it can be reached, how long it takes, whether it writes, and what it says of itself.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::io::Random;
use crate::report::{Finding, FindingCode};
use crate::store::{
    Lease, SessionStore, StoreError, StoreKey, StoredName, StoredNames, StoredRecord,
};

/// How long the check of a store may take, in all.
const LIMIT: Duration = Duration::from_secs(25);

/// A round trip that takes longer than this is worth a hint.
const SLOW: Duration = Duration::from_millis(20);
/// One that takes longer than this is worth a warning.
const VERY_SLOW: Duration = Duration::from_millis(200);

/// How long the record of the check would last if it were not removed, in seconds.
const LIFETIME: u64 = 30;

pub(super) async fn check(store: &dyn SessionStore, now: u64, random: &dyn Random) -> Vec<Finding> {
    let mut findings = Vec::new();
    let examined = timeout(LIMIT, examine(store, now, random, &mut findings)).await;
    if examined.is_err() {
        let what = format!(
            "The store took more than {} seconds, so the check is not complete",
            LIMIT.as_secs()
        );
        let cure = "Repeat it when the store is faster";
        findings.push(FindingCode::TimeLimit.warning(what, cure));
    }
    let name = name(store);
    findings
        .into_iter()
        .map(|finding| finding.about(&name))
        .collect()
}

/// The store's name in findings: that of its type.
fn name(store: &dyn SessionStore) -> String {
    let told = format!("{store:?}");
    let end = told.find(|c: char| !c.is_alphanumeric());
    told[..end.unwrap_or(told.len())].to_owned()
}

async fn examine(
    store: &dyn SessionStore,
    now: u64,
    random: &dyn Random,
    findings: &mut Vec<Finding>,
) {
    let Ok(key) = random.array() else { return };
    // The first call connects, so the second one is measured.
    match store.load(&key, now).await {
        Ok(_) => {
            findings.push(FindingCode::StoreReachable.ok("The store answers"));
            let before = Instant::now();
            if store.load(&key, now).await.is_ok() {
                findings.push(latency(before.elapsed()));
            }
            findings.extend(writing(store, &key, now, random).await);
        }
        Err(error) => {
            let what = format!("The store cannot be used: {error:?}");
            let cure = "Start it, or correct its URL (LATCHGATE_STORE, LATCHGATE_REVOCATIONS), its user and its password";
            findings.push(FindingCode::StoreReachable.mistake(what, cure));
        }
    }
    // What cannot be read is left out: the store itself says so where it has something to say.
    findings.extend(store.diagnose().await.unwrap_or_default());
}

async fn writing(
    store: &dyn SessionStore,
    key: &StoreKey,
    now: u64,
    random: &dyn Random,
) -> Vec<Finding> {
    match write(store, key, now, random).await {
        Ok(abilities) => {
            let what = "The store accepts a record, and removes it again";
            vec![FindingCode::StoreWrites.ok(what), nodes(abilities)]
        }
        Err(error) => {
            let what = format!("The store accepts no records: {error:?}");
            let cure =
                "Connect to the primary, not to a replica; let the user write; give the store room";
            vec![FindingCode::StoreWrites.mistake(what, cure)]
        }
    }
}

fn latency(took: Duration) -> Finding {
    let milliseconds = took.as_secs_f64() * 1_000.0;
    let what = format!("A round trip to the store takes {milliseconds:.1} ms");
    let code = FindingCode::StoreLatency;
    let cure = "Let the store be in the same data centre as the application; if it is there, see why it is slow";
    if took <= SLOW {
        code.ok(what)
    } else if took <= VERY_SLOW {
        code.hint(what, cure)
    } else {
        code.warning(what, cure)
    }
}

/// What nodes can share in a store.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    has_leases: bool,
    has_index: bool,
}

/// Writes a record that nobody can open, and removes it.
async fn write(
    store: &dyn SessionStore,
    key: &StoreKey,
    now: u64,
    random: &dyn Random,
) -> Result<Abilities, StoreError> {
    let draw = || random.array().map_err(StoreError::unavailable);
    let names = StoredNames::new(draw()?, draw()?);
    let record = StoredRecord::new(b"a check".to_vec(), 0, now.saturating_add(LIFETIME));
    let inserted = store.insert(key, record.with_names(names), now).await;
    let abilities = async {
        inserted?;
        let lease = store.lease(key, Duration::from_secs(1), now).await?;
        if let Lease::Granted { fence, .. } = &lease {
            store.release_lease(key, *fence).await?;
        }
        let found = store.find(&StoredName::Sid(names.sid), now).await?;
        Ok::<_, StoreError>(Abilities {
            has_leases: lease != Lease::Unsupported,
            has_index: found.is_some(),
        })
    };
    let abilities = abilities.await;
    // Even if the insertion seems to have failed.
    let removed = store.remove(key).await;
    abilities.and_then(|abilities| removed.map(|()| abilities))
}

fn nodes(abilities: Abilities) -> Finding {
    let code = FindingCode::StoreNodes;
    let cure = "On one node nothing; on several use Redis or PostgreSQL";
    match (abilities.has_leases, abilities.has_index) {
        (true, true) => code.ok("The store has leases and an index"),
        (false, true) => code.hint(
            "The store has no leases: two nodes may use the same refresh token, and the session ends",
            cure,
        ),
        (true, false) => code.hint(
            "The store has no index: a logout by the provider ends sessions on one node only",
            cure,
        ),
        (false, false) => code.hint(
            "The store has neither leases nor an index: it is for one node",
            cure,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scripted::CountingRandom;
    use crate::report::Severity;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn a_check_leaves_nothing_in_the_store() {
        let store = MemoryStore::new(10);
        let random = CountingRandom::default();
        check(&store, 1_000, &random).await;
        let findings = check(&store, 1_000, &random).await;
        let codes: Vec<_> = findings.iter().map(Finding::code).collect();
        for code in [
            FindingCode::StoreReachable,
            FindingCode::StoreLatency,
            FindingCode::StoreWrites,
            FindingCode::StoreNodes,
        ] {
            assert!(codes.contains(&code), "{code}");
        }
        assert!(
            findings
                .iter()
                .all(|found| found.subject() == Some("MemoryStore"))
        );
        // Each run draws a key, and a name for the provider's session.
        for drawn in [1, 2, 4, 5] {
            assert_eq!(store.load(&[drawn; 32], 1_000).await.unwrap(), None);
            let name = StoredName::Sid([drawn; 32]);
            let left = store.find(&name, 1_000).await.unwrap();
            assert_eq!(left, Some(Vec::new()));
        }
    }

    #[test]
    fn slow_stores_are_remarked_upon() {
        for (milliseconds, severity) in [
            (1, Severity::Ok),
            (20, Severity::Ok),
            (21, Severity::Hint),
            (201, Severity::Warning),
        ] {
            let finding = latency(Duration::from_millis(milliseconds));
            assert_eq!(finding.severity(), severity, "{finding}");
        }
    }

    #[test]
    fn a_store_for_one_node_is_a_hint() {
        for (has_leases, has_index, severity) in [
            (true, true, Severity::Ok),
            (false, true, Severity::Hint),
            (true, false, Severity::Hint),
            (false, false, Severity::Hint),
        ] {
            let finding = nodes(Abilities {
                has_leases,
                has_index,
            });
            assert_eq!(finding.severity(), severity, "{finding}");
        }
    }
}
