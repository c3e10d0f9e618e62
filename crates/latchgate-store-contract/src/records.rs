//! Records one at a time: what `load`, `insert`, `replace` and `remove` do.

use latchgate::store::StoredRecord;

use crate::ask::{LIFE, Run};
use crate::violation::{Rule, Violation};

/// What stores have to take.
const MIB: usize = 1 << 20;

pub(crate) async fn check(run: &Run<'_>) -> Result<(), Violation> {
    keeps(run).await?;
    absent(run).await?;
    expires(run).await?;
    inserts_once(run).await?;
    inserts_over_expired(run).await?;
    compares_generations(run).await?;
    replaces_all(run).await?;
    repeats(run).await?;
    removes(run).await
}

async fn keeps(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::Keeps);
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let bytes = [Vec::new(), every_byte.clone(), every_byte.repeat(MIB / 256)];
    for (session, sealed) in (0..).zip(bytes) {
        for generation in [0, u32::MAX] {
            let names = run.names(session, session);
            let record = StoredRecord::new(sealed.clone(), generation, run.now + LIFE);
            let record = match generation {
                0 => record,
                _ => record.with_names(names),
            };
            let key = ask.inserted(&record).await?;
            ask.load(&key, run.now, Some(&record)).await?;
            ask.load(&key, run.now, Some(&record)).await?;
            ask.remove(&key).await?;
        }
    }
    Ok(())
}

async fn absent(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, key, now) = (run.by(Rule::Absent), run.key(), run.now);
    ask.load(&key, now, None).await?;
    ask.replace(&key, 0, &run.record(1), now, false).await?;
    ask.replace(&key, 0, &run.record(0), now, false).await?;
    ask.load(&key, now, None).await?;
    ask.extend(&key, 0, crate::leases::LONG, now, false).await?;
    ask.release(&key, 0).await?;
    ask.by(Rule::RepeatsRemove).remove(&key).await?;
    ask.load(&key, now, None).await
}

async fn expires(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::Expires);
    let record = run.record(3);
    let (last, over) = (record.expires_at - 1, record.expires_at);
    let key = ask.inserted(&record).await?;
    ask.load(&key, last, Some(&record)).await?;
    ask.load(&key, over, None).await?;
    ask.load(&key, over + LIFE, None).await?;

    // A store may have dropped it by now: each question is about a record of its own.
    let key = ask.inserted(&record).await?;
    let later = run.record_until(4, over + LIFE);
    ask.replace(&key, 3, &later, over, false).await?;
    ask.load(&key, over, None).await?;
    let key = ask.inserted(&record).await?;
    ask.replace(&key, 3, &record, over, false).await
}

async fn inserts_once(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::InsertsOnce);
    let record = run.record(1);
    let key = ask.inserted(&record).await?;
    ask.insert(&key, &run.record(2), run.now, false).await?;
    ask.insert(&key, &record, run.now, false).await?;
    ask.insert(&key, &run.record(2), record.expires_at - 1, false)
        .await?;
    ask.load(&key, run.now, Some(&record)).await
}

async fn inserts_over_expired(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::InsertsOverExpired);
    let old = run.record(7);
    let key = ask.inserted(&old).await?;
    let new = run.record_until(0, old.expires_at + LIFE);
    ask.insert(&key, &new, old.expires_at, true).await?;
    ask.load(&key, old.expires_at, Some(&new)).await
}

async fn compares_generations(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::ComparesGenerations), run.now);
    let record = run.record(5);
    let key = ask.inserted(&record).await?;
    for expected in [0, 4, 6, 5 + (1 << 8), 5 + (1 << 16), u32::MAX] {
        ask.replace(&key, expected, &run.record(6), now, false)
            .await?;
        ask.load(&key, now, Some(&record)).await?;
    }
    // The same generation with other content is another record: somebody else's.
    let other = StoredRecord::new(b"another refresh".to_vec(), 5, record.expires_at);
    ask.replace(&key, 4, &other, now, false).await?;
    ask.load(&key, now, Some(&record)).await
}

async fn replaces_all(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::ReplacesAll), run.now);
    let key = ask.inserted(&run.record(1)).await?;
    let mut expected = 1;
    // Longer, shorter, far ahead, and the highest there is.
    for (generation, life, length) in [
        (2, 2 * LIFE, 4_096),
        (3, LIFE / 2, 1),
        (900, LIFE, 0),
        (u32::MAX, LIFE, 70_000),
    ] {
        let record = StoredRecord::new(vec![0xa5; length], generation, now + life)
            .with_names(run.names(u64::from(generation), 0));
        ask.replace(&key, expected, &record, now, true).await?;
        ask.load(&key, now + life - 1, Some(&record)).await?;
        expected = generation;
    }
    ask.load(&key, now + LIFE, None).await
}

async fn repeats(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::RepeatsReplace), run.now);
    let key = ask.inserted(&run.record(1)).await?;
    let record = run.record(2).with_names(run.names(0, 0));
    for _ in 0..3 {
        ask.replace(&key, 1, &record, now, true).await?;
        ask.load(&key, now, Some(&record)).await?;
    }
    Ok(())
}

async fn removes(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::Removes), run.now);
    let key = ask.inserted(&run.record(1)).await?;
    let bystander = ask.inserted(&run.record(1)).await?;
    ask.remove(&key).await?;
    ask.load(&key, now, None).await?;
    ask.replace(&key, 1, &run.record(2), now, false).await?;
    ask.replace(&key, 1, &run.record(1), now, false).await?;
    ask.load(&key, now, None).await?;
    ask.by(Rule::RepeatsRemove).remove(&key).await?;
    ask.insert(&key, &run.record(8), now, true).await?;
    ask.load(&key, now, Some(&run.record(8))).await?;
    ask.load(&bystander, now, Some(&run.record(1))).await
}
