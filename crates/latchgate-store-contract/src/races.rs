//! Concurrent calls: whatever their order, one of them is the first.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use latchgate::store::{Lease, StoredRecord};

use crate::ask::{Ask, LIFE, Run};
use crate::leases::LONG;
use crate::violation::{Call, Rule, Seen, Violation};

/// How many calls race.
const RACERS: u32 = 50;

pub(crate) async fn check(run: &Run<'_>) -> Result<(), Violation> {
    replaces(run).await?;
    inserts(run).await?;
    leases(run).await
}

async fn replaces(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::ReplacesAtomically);
    let key = ask.inserted(&run.record(1)).await?;
    let records: Vec<StoredRecord> = (0..RACERS).map(|racer| of(racer, run)).collect();
    let replaced = records.iter().map(|record| {
        let replaced = run.store.replace(&key, 1, record.clone(), run.now);
        ask.answer(Call::Replace, replaced)
    });
    let winner = only_winner(ask, Call::Replace, together(replaced).await)?;
    ask.load(&key, run.now, records.get(winner)).await
}

async fn inserts(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, key) = (run.by(Rule::InsertsAtomically), run.key());
    let records: Vec<StoredRecord> = (0..RACERS).map(|racer| of(racer, run)).collect();
    let inserted = records.iter().map(|record| {
        let inserted = run.store.insert(&key, record.clone(), run.now);
        ask.answer(Call::Insert, inserted)
    });
    let winner = only_winner(ask, Call::Insert, together(inserted).await)?;
    ask.load(&key, run.now, records.get(winner)).await
}

async fn leases(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::LeasesAtomically);
    let key = ask.inserted(&run.record(1)).await?;
    let leases = (0..RACERS).map(|_| ask.lease(&key, LONG, run.now));
    let mut granted = Vec::new();
    for lease in together(leases).await {
        match lease? {
            Lease::Granted { .. } => granted.push(Ok(true)),
            Lease::Held => granted.push(Ok(false)),
            Lease::Unsupported => {}
            seen => return ask.broken(Call::Lease, Seen::Lease { seen }),
        }
    }
    if granted.is_empty() {
        return Ok(());
    }
    only_winner(ask, Call::Lease, granted).map(drop)
}

/// The record of one racer. No two are equal.
fn of(racer: u32, run: &Run<'_>) -> StoredRecord {
    StoredRecord::new(racer.to_be_bytes().to_vec(), 2, run.now + LIFE)
}

/// The index of the only one that succeeded.
fn only_winner(
    ask: Ask<'_>,
    call: Call,
    answers: Vec<Result<bool, Violation>>,
) -> Result<usize, Violation> {
    let answers: Vec<bool> = answers.into_iter().collect::<Result<_, _>>()?;
    let mut winners = (0..).zip(&answers).filter(|(_, won)| **won);
    match (winners.next(), winners.count()) {
        (Some((winner, _)), 0) => Ok(winner),
        (first, others) => {
            let seen = usize::from(first.is_some()) + others;
            ask.broken(call, Seen::Winners { seen })
        }
    }
}

/// Awaits all of them at the same time.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut under_way: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = under_way.iter().map(|_| None).collect();
    poll_fn(move |context| {
        for (future, done) in under_way.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
    })
    .await
}
