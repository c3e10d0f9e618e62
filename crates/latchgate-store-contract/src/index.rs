//! The index: finding the sessions of a person, or of a session at the provider.

use latchgate::store::{StoreKey, StoredName, StoredRecord};

use crate::ask::{LIFE, Run};
use crate::violation::{Call, Rule, Violation};

// The numbers of people and sessions that no other rule uses.
const ALICE: u64 = 1_000;
const BOB: u64 = 1_001;
const NOBODY: u64 = 1_002;

/// `false` for a store that has no index.
pub(crate) async fn check(run: &Run<'_>) -> Result<bool, Violation> {
    let unknown = StoredName::Sub(run.names(NOBODY, NOBODY).sub);
    let found = run.store.find(&unknown, run.now);
    if run
        .by(Rule::Finds)
        .answer(Call::Find, found)
        .await?
        .is_none()
    {
        return Ok(false);
    }
    finds(run).await?;
    forgets(run).await?;
    finds_replaced(run).await?;
    Ok(true)
}

async fn finds(run: &Run<'_>) -> Result<(), Violation> {
    let ask = run.by(Rule::Finds);
    // Alice has three sessions, two of them in one session at the provider. Bob has one.
    let [one, two, three, bobs] = [
        ask.inserted(&named(run, ALICE, ALICE)).await?,
        ask.inserted(&named(run, ALICE, ALICE)).await?,
        ask.inserted(&named(run, NOBODY, ALICE)).await?,
        ask.inserted(&named(run, BOB, BOB)).await?,
    ];
    ask.inserted(&run.record(1)).await?;
    ask.find(sid(run, ALICE), run.now, &[one, two]).await?;
    ask.find(sid(run, NOBODY), run.now, &[three]).await?;
    ask.find(sub(run, ALICE), run.now, &[one, two, three])
        .await?;
    ask.find(sid(run, BOB), run.now, &[bobs]).await?;
    ask.find(sub(run, BOB), run.now, &[bobs]).await?;
    ask.find(sub(run, NOBODY), run.now, &[]).await?;
    // A `sid` with the bytes of a `sub` is another name.
    let bytes = run.names(0, BOB).sub;
    ask.find(StoredName::Sid(bytes), run.now, &[]).await?;
    // A refused record leaves no name behind.
    ask.insert(&one, &named(run, BOB, BOB), run.now, false)
        .await?;
    ask.replace(&one, 7, &named(run, BOB, BOB), run.now, false)
        .await?;
    ask.find(sub(run, BOB), run.now, &[bobs]).await?;
    remove(run, &[one, two, three, bobs]).await
}

async fn finds_replaced(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::FindsReplaced), run.now);
    let key = ask.inserted(&named(run, ALICE, ALICE)).await?;
    let names = run.names(ALICE, ALICE);
    let same = run.record(2).with_names(names);
    ask.replace(&key, 1, &same, now, true).await?;
    ask.find(sid(run, ALICE), now, &[key]).await?;
    ask.find(sub(run, ALICE), now, &[key]).await?;

    let names = run.names(BOB, ALICE);
    let moved = run.record_until(3, now + 2 * LIFE).with_names(names);
    ask.replace(&key, 2, &moved, now, true).await?;
    ask.find(sid(run, ALICE), now, &[]).await?;
    ask.find(sid(run, BOB), now, &[key]).await?;
    ask.find(sub(run, ALICE), now + LIFE, &[key]).await?;

    let nameless = run.record(4);
    ask.replace(&key, 3, &nameless, now, true).await?;
    ask.find(sid(run, BOB), now, &[]).await?;
    ask.find(sub(run, ALICE), now, &[]).await?;

    let again = run.record(5).with_names(run.names(BOB, BOB));
    ask.replace(&key, 4, &again, now, true).await?;
    ask.find(sub(run, BOB), now, &[key]).await?;
    remove(run, &[key]).await
}

async fn forgets(run: &Run<'_>) -> Result<(), Violation> {
    let (ask, now) = (run.by(Rule::ForgetsNames), run.now);
    let record = named(run, ALICE, ALICE);
    let gone = ask.inserted(&record).await?;
    let stays = ask.inserted(&record).await?;
    ask.remove(&gone).await?;
    ask.find(sid(run, ALICE), now, &[stays]).await?;
    ask.find(sub(run, ALICE), now, &[stays]).await?;
    // The key comes back without its names.
    ask.insert(&gone, &run.record(1), now, true).await?;
    ask.find(sub(run, ALICE), now, &[stays]).await?;

    let last = record.expires_at - 1;
    ask.find(sid(run, ALICE), last, &[stays]).await?;
    ask.find(sid(run, ALICE), last + 1, &[]).await?;
    ask.find(sub(run, ALICE), last + 1, &[]).await?;
    // Another person's record replaces an expired one.
    let bobs = run
        .record_until(1, record.expires_at + LIFE)
        .with_names(run.names(BOB, BOB));
    let key = ask.inserted(&record).await?;
    ask.insert(&key, &bobs, record.expires_at, true).await?;
    ask.find(sub(run, ALICE), record.expires_at, &[]).await?;
    ask.find(sub(run, BOB), record.expires_at, &[key]).await?;
    remove(run, &[gone, stays, key]).await
}

fn named(run: &Run<'_>, session: u64, person: u64) -> StoredRecord {
    run.record(1).with_names(run.names(session, person))
}

fn sid(run: &Run<'_>, session: u64) -> StoredName {
    StoredName::Sid(run.names(session, 0).sid)
}

fn sub(run: &Run<'_>, person: u64) -> StoredName {
    StoredName::Sub(run.names(0, person).sub)
}

async fn remove(run: &Run<'_>, keys: &[StoreKey]) -> Result<(), Violation> {
    for key in keys {
        run.by(Rule::RepeatsRemove).remove(key).await?;
    }
    Ok(())
}
