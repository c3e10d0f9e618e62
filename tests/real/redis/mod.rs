//! Sessions on a real Redis: the contract of stores, what happens when the server goes and comes back, and what lies in it.

mod connection;
mod diagnosis;
mod secrets;
pub(crate) mod server;

use std::time::Duration;

use futures_util::future::join_all;
use latchgate::store::{Lease, SessionStore, StoreFuture, StoredName, StoredNames, StoredRecord};
use latchgate_redis::RedisStore;
use latchgate_store_contract::{Offer, check};

use crate::alternating::Alternating;
use crate::case::{Case, Failure};
use crate::child::pause;
use crate::need::Need;
use server::Redis;

const NEEDS: &[Need] = &[Need::Redis];

/// The callers' time. It has nothing to do with the server's.
const NOW: u64 = 1_790_000_000;

/// What the contract promises.
const PROMPT: Duration = Duration::from_secs(5);

/// A lease for long enough.
const LEASE: Duration = Duration::from_secs(30);

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("contract", contract),
        case("contract_on_two_nodes", contract_on_two_nodes),
        case("every_call_is_one_command", every_call_is_one_command),
        case("every_key_expires", every_key_expires),
        case("indexes_forget_what_the_server_dropped", indexes_forget),
        case(
            "a_restart_is_not_noticed",
            connection::a_restart_is_not_noticed,
        ),
        case(
            "without_a_server_calls_fail",
            connection::without_a_server_calls_fail,
        ),
        case(
            "a_cut_cable_is_not_noticed",
            connection::a_cut_cable_is_not_noticed,
        ),
        case(
            "all_calls_share_a_connection",
            connection::all_calls_share_a_connection,
        ),
        case(
            "lost_answers_are_had_again",
            connection::lost_answers_are_had_again,
        ),
        case("few_permissions_are_enough", few_permissions_are_enough),
        case(
            "leases_end_where_nobody_may_announce_it",
            leases_end_where_nobody_may_announce_it,
        ),
        case(
            "those_who_wait_share_a_connection",
            those_who_wait_share_a_connection,
        ),
        case(
            "a_wrong_password_is_not_told",
            connection::a_wrong_password_is_not_told,
        ),
        case(
            "only_trusted_certificates",
            connection::only_trusted_certificates,
        ),
        case("a_listing_says_nothing_of_people", secrets::case),
        case("a_check_reads_what_a_restart_loses", diagnosis::settings),
        case("a_check_needs_no_permission", diagnosis::permissions),
    ]
}

fn case<F, T>(name: &str, body: F) -> Case
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = Result<(), Failure>> + 'static,
{
    Case::new(format!("redis::{name}"), NEEDS, body)
}

/// A record of so many seconds, to be found under names that end in `name`.
fn record(generation: u32, seconds: u64, name: u8) -> StoredRecord {
    let names = StoredNames::new([name; 32], [name.wrapping_add(100); 32]);
    let sealed = vec![generation.to_le_bytes()[0]; 2_200];
    StoredRecord::new(sealed, generation, NOW + seconds).with_names(names)
}

/// Fails a call that takes longer than the contract allows.
async fn prompt<T>(call: StoreFuture<'_, T>) -> Result<T, Failure> {
    let answer = tokio::time::timeout(PROMPT, call).await;
    Ok(answer.map_err(|_| "no answer within five seconds")??)
}

/// What a call fails with, its causes included.
async fn failure<T>(call: StoreFuture<'_, T>) -> Result<String, Failure> {
    let Err(error) = prompt(call).await else {
        return Err("the call succeeded".into());
    };
    let mut told = format!("{error} ({error:?})");
    let mut cause = error.source();
    while let Some(error) = cause {
        told += &format!("; {error} ({error:?})");
        cause = error.source();
    }
    ensure!(!told.contains("five seconds"), "{told}");
    Ok(told)
}

async fn contract() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    keeps_the_contract(&store).await
}

async fn contract_on_two_nodes() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let stores = [
        RedisStore::open(&server.url())?,
        RedisStore::open(&server.url())?,
    ];
    keeps_the_contract(&Alternating::new(stores)).await
}

async fn keeps_the_contract(store: &dyn SessionStore) -> Result<(), Failure> {
    let offer = check(store, [7; 32], NOW).await?;
    let all = Offer {
        leases: true,
        index: true,
        lease_ends: true,
    };
    ensure!(offer == all, "{offer:?}");
    Ok(())
}

async fn every_call_is_one_command() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    let walk = async |key: u8| -> Result<(), Failure> {
        let key = [key; 32];
        store.insert(&key, record(1, 60, 1), NOW).await?;
        store.replace(&key, 1, record(2, 60, 1), NOW).await?;
        let Lease::Granted { fence, .. } = store.lease(&key, LEASE, NOW).await? else {
            return Err("no lease".into());
        };
        store.extend_lease(&key, fence, LEASE, NOW).await?;
        store.release_lease(&key, fence).await?;
        store.find(&StoredName::Sid([1; 32]), NOW).await?;
        store.load(&key, NOW).await?;
        Ok(store.remove(&key).await?)
    };
    // The scripts are brought the first time.
    walk(1).await?;
    server.say::<()>("CONFIG RESETSTAT").await?;
    store.insert(&[2; 32], record(1, 60, 1), NOW).await?;
    server.say::<()>("CONFIG RESETSTAT").await?;
    for _ in 0..5 {
        let there = store.load(&[2; 32], NOW).await?;
        ensure!(there == Some(record(1, 60, 1).loaded()), "{there:?}");
    }
    let calls = server.calls().await?;
    ensure!(calls == [("hmget".to_owned(), 5)], "five loads: {calls:?}");
    server.say::<()>("CONFIG RESETSTAT").await?;
    walk(3).await?;
    let calls = server.calls().await?;
    let scripts = calls.iter().find(|(name, _)| name == "evalsha");
    ensure!(scripts.is_some_and(|(_, calls)| *calls == 7), "{calls:?}");
    let loads = ["eval", "script|load"];
    let again = calls.iter().any(|(name, _)| loads.contains(&&**name));
    ensure!(!again, "a script was brought again: {calls:?}");
    Ok(())
}

async fn every_key_expires() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?.with_prefix("shop:");
    for (key, seconds) in [(1, 600), (2, 60), (3, 6_000)] {
        let record = record(1, seconds, 1);
        ensure!(
            store.insert(&[key; 32], record, NOW).await?,
            "key {key} is taken"
        );
    }
    store
        .replace(&[3; 32], 1, record(2, 7_000, 1), NOW + 10)
        .await?;
    store.replace(&[2; 32], 1, record(2, 60, 2), NOW).await?;
    store.lease(&[1; 32], LEASE, NOW).await?;
    let keys: Vec<String> = server.say("KEYS *").await?;
    ensure!(keys.len() == 3 + 4, "{keys:?}");
    for key in &keys {
        ensure!(key.starts_with("shop:"), "{key}");
        let left: i64 = server.ask(redis::cmd("PTTL").arg(key)).await?;
        let longest = key.contains(":s") && left > 6_980_000 && left <= 6_990_000;
        let record = key.starts_with("shop:s:");
        let shorter = left > 50_000 && left <= 600_000;
        ensure!(longest || shorter, "{key} has {left} ms left");
        let lists: i64 = match record {
            true => 0,
            false => server.ask(redis::cmd("ZCARD").arg(key)).await?,
        };
        ensure!(lists != 2 || longest, "{key} goes before its records");
    }
    let ended = record(3, 0, 1);
    ensure!(
        store.replace(&[3; 32], 2, ended, NOW).await?,
        "not replaced"
    );
    store.remove(&[1; 32]).await?;
    store.remove(&[2; 32]).await?;
    // For ever is a century.
    let mut forever = record(1, 0, 1);
    forever.expires_at = u64::MAX;
    store.insert(&[4; 32], forever.clone(), NOW).await?;
    let there = store.load(&[4; 32], NOW).await?;
    ensure!(there == Some(forever.loaded()), "{there:?}");
    store.remove(&[4; 32]).await?;
    let left: Vec<String> = server.say("KEYS *").await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

async fn indexes_forget() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    let sub = StoredName::Sub([101; 32]);
    for (key, seconds) in [(1, 60), (2, 60), (3, 1)] {
        let record = record(1, seconds, 1);
        store.insert(&[key; 32], record, NOW).await?;
    }
    let keys: Vec<String> = server.say("KEYS latchgate:su*").await?;
    let index = keys.first().ok_or("no index")?;
    let mut size = redis::cmd("ZCARD");
    size.arg(index);
    // A record is evicted.
    let evicted: Vec<String> = server.say("KEYS latchgate:s:AgIC*").await?;
    let evicted: u64 = server.ask(redis::cmd("DEL").arg(&evicted)).await?;
    ensure!(evicted == 1, "{evicted} records were evicted");
    let found = store.find(&sub, NOW + 1).await?;
    ensure!(found == Some(vec![[1; 32]]), "{found:?}");
    ensure!(
        server.ask::<u64>(&size).await? == 2,
        "an evicted record is listed"
    );
    // Another runs out, and nobody looks for it: the next one to be listed clears it away.
    let mut records = 2;
    while records > 1 {
        pause(Duration::from_millis(50)).await;
        records = server.say::<Vec<String>>("KEYS latchgate:s:*").await?.len();
    }
    store.insert(&[4; 32], record(1, 60, 1), NOW).await?;
    ensure!(
        server.ask::<u64>(&size).await? == 2,
        "a record that is gone is listed"
    );
    Ok(())
}

/// A user with the permissions that the crate's documentation lists, and then these rules: the URL.
async fn shop(server: &Redis, further: &[&str]) -> Result<String, Failure> {
    let documentation = include_str!("../../../crates/latchgate-redis/README.md");
    let words: Vec<&str> = documentation.split_whitespace().collect();
    let from = words.iter().position(|word| word.ends_with("SETUSER"));
    let rules = &words[from.ok_or("no rules")? + 2..];
    let mut setuser = redis::cmd("ACL");
    setuser.arg("SETUSER").arg("shop").arg(">sesame");
    let until = rules.iter().position(|rule| rule.ends_with('`'));
    for rule in &rules[..=until.ok_or("no end of the rules")?] {
        if !rule.starts_with('>') {
            setuser.arg(rule.trim_end_matches('`'));
        }
    }
    setuser.arg(further);
    server.ask::<()>(&setuser).await?;
    Ok(server.url().replace("//", "//shop:sesame@"))
}

async fn few_permissions_are_enough() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let url = shop(&server, &[]).await?;
    keeps_the_contract(&RedisStore::open(&url)?).await?;
    let store = RedisStore::open(&url)?.with_prefix("elsewhere:");
    let told = failure(store.load(&[1; 32], NOW)).await?;
    ensure!(
        told.contains("NOPERM") && !told.contains("elsewhere"),
        "{told}"
    );
    Ok(())
}

/// As a user of an earlier version, whose permissions had no channel.
async fn leases_end_where_nobody_may_announce_it() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    for rules in [
        &["resetchannels"][..],
        &["-publish", "-subscribe"],
        &["resetchannels", "-publish", "-subscribe"],
    ] {
        let store = RedisStore::open(&shop(&server, rules).await?)?;
        let key = [1; 32];
        store.insert(&key, record(1, 60, 1), NOW).await?;
        for _ in 0..2 {
            let lease = store.lease(&key, LEASE, NOW).await?;
            let Lease::Granted { fence, .. } = lease else {
                return Err(format!("{rules:?}: {lease:?}").into());
            };
            let end = store.lease_end(&key).ok_or("it announces nothing")?;
            store.release_lease(&key, fence).await?;
            let waited = tokio::time::timeout(Duration::from_millis(50), end).await;
            ensure!(waited.is_err(), "{rules:?}: announced nevertheless");
        }
        store.lease(&key, LEASE, NOW).await?;
        store.remove(&key).await?;
        let left: Vec<String> = server.say("KEYS *").await?;
        ensure!(left.is_empty(), "{rules:?}: {left:?}");
    }
    Ok(())
}

async fn those_who_wait_share_a_connection() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    let key = [1; 32];
    store.insert(&key, record(1, 60, 1), NOW).await?;
    let subscribers = async || -> Result<i64, Failure> {
        let (_, subscribers): (String, i64) =
            server.say("PUBSUB NUMSUB latchgate:lease-ends").await?;
        Ok(subscribers)
    };
    let Lease::Granted { fence, .. } = store.lease(&key, LEASE, NOW).await? else {
        return Err("no lease".into());
    };
    drop(store.lease_end(&key));
    ensure!(
        subscribers().await? == 0,
        "somebody listens, and nobody waits"
    );
    let wait = || store.lease_end(&key).ok_or("it announces nothing");
    // Whoever waits first looks again once the store listens.
    prompt(wait()?).await?;
    let waiting = join_all([wait()?, wait()?, wait()?].map(prompt));
    let released = async {
        ensure!(subscribers().await? == 1, "not one connection listens");
        Ok::<(), Failure>(store.release_lease(&key, fence).await?)
    };
    let (told, released) = tokio::join!(waiting, released);
    released?;
    told.into_iter().collect::<Result<(), Failure>>()?;
    drop(store);
    while subscribers().await? > 0 {
        pause(Duration::from_millis(10)).await;
    }
    Ok(())
}
