//! Leases: who may refresh a session, and for how long.

use std::time::Duration;

use latchgate::store::{Lease, StoreKey};

use crate::ask::{LIFE, Run};
use crate::violation::{Call, Rule, Seen, Violation};

/// A lease that outlasts a run: the longest there is.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A lease whose expiry is waited for.
const SHORT: Duration = Duration::from_secs(1);

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the lease is requested meanwhile. Each time `now` is one second later, for stores without a clock of their own.
const TICK: Duration = Duration::from_millis(100);

/// `now` does not go further than this: until then a long lease is held.
const FURTHEST: u64 = 30;

/// `false` for a store that has no leases.
pub(crate) async fn check(run: &Run<'_>) -> Result<bool, Violation> {
    if !offered(run).await? {
        return Ok(false);
    }
    once(run).await?;
    of_what_is_there(run).await?;
    block_nothing(run).await?;
    released_by_fence(run).await?;
    expire(run).await?;
    go_with_the_record(run).await?;
    Ok(true)
}

async fn offered(run: &Run<'_>) -> Result<bool, Violation> {
    let ask = run.by(Rule::LeasesConsistently);
    let mut offered = Vec::new();
    for _ in 0..2 {
        let key = ask.inserted(&run.record(1)).await?;
        let lease = ask.lease(&key, LONG, run.now).await?;
        offered.push(lease != Lease::Unsupported);
    }
    if let [first, second] = offered[..]
        && first != second
    {
        let seen = Lease::Unsupported;
        return ask.broken(Call::Lease, Seen::Lease { seen });
    }
    Ok(offered.contains(&true))
}

async fn once(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::LeasesOnce), run.now);
    let record = run.record(1).with_names(run.names(0, 0));
    let key = ask.inserted(&record).await?;
    let other = ask.inserted(&record).await?;
    let mut before = None;
    for _ in 0..3 {
        let fence = ask.granted(&key, LONG, now, &record).await?;
        if let Some(before) = before
            && fence <= before
        {
            let seen = Seen::Fence {
                before,
                seen: fence,
            };
            return ask.by(Rule::FencesGrow).broken(Call::Lease, seen);
        }
        ask.refused(&key, LONG, now, &Lease::Held).await?;
        ask.refused(&key, LONG, now + FURTHEST, &Lease::Held)
            .await?;
        let others = ask.granted(&other, LONG, now, &record).await?;
        ask.by(Rule::ReleasesByFence)
            .release(&other, others)
            .await?;
        ask.refused(&key, LONG, now, &Lease::Held).await?;
        ask.by(Rule::ReleasesByFence).release(&key, fence).await?;
        before = Some(fence);
    }
    Ok(())
}

async fn of_what_is_there(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::LeasesWhatIsThere), run.now);
    ask.refused(&run.key(), LONG, now, &Lease::Missing).await?;
    let record = run.record(1);
    let over = record.expires_at;
    let key = ask.inserted(&record).await?;
    ask.refused(&key, LONG, over, &Lease::Missing).await?;
    let key = ask.inserted(&record).await?;
    let fence = ask.granted(&key, LONG, over - 1, &record).await?;
    ask.by(Rule::Expires)
        .extend(&key, fence, LONG, over, false)
        .await
}

async fn block_nothing(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::LeasesBlockNothing), run.now);
    let key = ask.inserted(&run.record(1)).await?;
    let fence = ask.granted(&key, LONG, now, &run.record(1)).await?;
    ask.load(&key, now, Some(&run.record(1))).await?;
    ask.insert(&key, &run.record(9), now, false).await?;
    let next = run
        .record_until(2, now + 2 * LIFE)
        .with_names(run.names(1, 1));
    ask.replace(&key, 1, &next, now, true).await?;
    ask.refused(&key, LONG, now, &Lease::Held).await?;
    ask.extend(&key, fence, LONG, now, true).await?;
    ask.release(&key, fence).await?;
    ask.load(&key, now, Some(&next)).await?;
    let later = ask.granted(&key, LONG, now, &next).await?;
    after(run, fence, later)
}

async fn released_by_fence(run: &Run<'_>) -> Result<(), Violation> {
    let (release, extend) = (run.by(Rule::ReleasesByFence), run.by(Rule::ExtendsByFence));
    let (record, now) = (run.record(1), run.now);
    let key = release.inserted(&record).await?;
    let fence = release.granted(&key, LONG, now, &record).await?;
    for wrong in [fence + 1, fence + 2] {
        extend.extend(&key, wrong, LONG, now, false).await?;
        release.release(&key, wrong).await?;
        release.refused(&key, LONG, now, &Lease::Held).await?;
    }
    release.release(&key, fence).await?;
    extend.extend(&key, fence, LONG, now, false).await?;
    release.release(&key, fence).await?;
    let later = release.granted(&key, LONG, now, &record).await?;
    after(run, fence, later)?;
    release.release(&key, fence).await?;
    release.refused(&key, LONG, now, &Lease::Held).await
}

async fn expire(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, extend) = (run.by(Rule::LeasesExpire), run.by(Rule::ExtendsByFence));
    let (record, now) = (run.record(1), run.now);
    let extended = extend.inserted(&record).await?;
    let fence = extend.granted(&extended, SHORT, now, &record).await?;
    extend.extend(&extended, fence, LONG, now, true).await?;

    let key = ask.inserted(&record).await?;
    let old = ask.granted(&key, SHORT, now, &record).await?;
    let (new, now) = taken_over(run, &key).await?;
    after(run, old, new)?;
    ask.extend(&key, old, LONG, now, false).await?;
    ask.release(&key, old).await?;
    ask.refused(&key, LONG, now, &Lease::Held).await?;
    ask.extend(&key, new, LONG, now, true).await?;
    // It would have run out first, had nothing made it longer.
    extend.refused(&extended, LONG, now, &Lease::Held).await
}

/// Waits until a short lease has run out: the fence of the next, and `now` by then.
async fn taken_over(run: &Run<'_>, key: &StoreKey) -> Result<(u64, u64), Violation> {
    let ask = run.by(Rule::LeasesExpire);
    let waiting = async {
        let mut ticks = tokio::time::interval(TICK);
        let mut now = run.now;
        loop {
            ticks.tick().await;
            match ask.lease(key, LONG, now).await? {
                Lease::Granted { fence, .. } => return Ok((fence, now)),
                Lease::Held => now = (now + 1).min(run.now + FURTHEST),
                seen => return ask.broken(Call::Lease, Seen::Lease { seen }),
            }
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(taken) => taken,
        Err(_) => ask.broken(Call::Lease, Seen::Silence),
    }
}

async fn go_with_the_record(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::RemovesLease), run.now);
    let key = ask.inserted(&run.record(1)).await?;
    let old = ask.granted(&key, LONG, now, &run.record(1)).await?;
    ask.remove(&key).await?;
    ask.refused(&key, LONG, now, &Lease::Missing).await?;
    ask.extend(&key, old, LONG, now, false).await?;
    ask.insert(&key, &run.record(2), now, true).await?;
    ask.extend(&key, old, LONG, now, false).await?;
    ask.granted(&key, LONG, now, &run.record(2)).await.map(drop)
}

/// The later lease has the greater fence.
fn after(run: &Run<'_>, before: u64, later: u64) -> Result<(), Violation> {
    if later > before {
        return Ok(());
    }
    let seen = Seen::Fence {
        before,
        seen: later,
    };
    run.by(Rule::FencesGrow).broken(Call::Lease, seen)
}
