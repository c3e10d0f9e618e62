//! Announcements of the ends of leases, to nodes that wait for one.

use std::time::Duration;

use latchgate::store::{StoreFuture, StoreKey};
use tokio::time::timeout;

use crate::ask::Run;
use crate::leases::LONG;
use crate::violation::{Call, Rule, Seen, Violation};

/// Nothing is announced for so long: then the store is ready to announce, and nothing else happens.
const QUIET: Duration = Duration::from_millis(50);

/// How many early announcements in a row are too many. Runs that share a store may cause some for each other.
const NOISE: usize = 200;

/// How many leases are released: each time one more node may have just begun to listen, and look again for that reason.
const RELEASES: usize = 3;

/// `false` for a store that announces nothing.
pub(crate) async fn check(run: &Run<'_>) -> Result<bool, Violation> {
    let [first, second] = [run.key(), run.key()].map(|key| run.store.lease_end(&key).is_some());
    if first != second {
        let ask = run.by(Rule::AnnouncesConsistently);
        return ask.broken(Call::LeaseEnd, Seen::Announces { seen: second });
    }
    if first {
        seldom(run).await?;
        released(run).await?;
        removed(run).await?;
    }
    Ok(first)
}

/// What completes when the lease under this key ends.
fn end<'a>(run: &Run<'a>, key: &'a StoreKey) -> Result<StoreFuture<'a, ()>, Violation> {
    match run.store.lease_end(key) {
        Some(end) => Ok(end),
        None => run
            .by(Rule::AnnouncesConsistently)
            .broken(Call::LeaseEnd, Seen::Announces { seen: false }),
    }
}

async fn seldom(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::AnnouncesEnds);
    let key = ask.inserted(&run.record(1)).await?;
    ask.granted(&key, LONG, run.now, &run.record(1)).await?;
    for _ in 0..NOISE {
        if timeout(QUIET, end(run, &key)?).await.is_err() {
            return Ok(());
        }
    }
    ask.broken(Call::LeaseEnd, Seen::Ends { seen: NOISE })
}

async fn released(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::AnnouncesRelease);
    let key = ask.inserted(&run.record(1)).await?;
    for _ in 0..RELEASES {
        let fence = ask.granted(&key, LONG, run.now, &run.record(1)).await?;
        let end = end(run, &key)?;
        ask.release(&key, fence).await?;
        ask.answer(Call::LeaseEnd, end).await?;
    }
    Ok(())
}

async fn removed(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::AnnouncesRemoval);
    let key = ask.inserted(&run.record(1)).await?;
    ask.granted(&key, LONG, run.now, &run.record(1)).await?;
    let end = end(run, &key)?;
    ask.remove(&key).await?;
    ask.answer(Call::LeaseEnd, end).await
}
