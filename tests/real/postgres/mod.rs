//! The session store on a real PostgreSQL server.

mod migrations;
mod outages;
pub(crate) mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use latchgate::store::{Lease, SessionStore, StoreError, StoreKey, StoredNames, StoredRecord};
use latchgate_dev_provider::Endpoint;
use latchgate_postgres::PostgresStore;
use latchgate_store_contract::{Offer, check};
use latchgate_tests::{Framework, Setup};
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{Executor as _, Row as _};

use crate::alternating::Alternating;
use crate::case::{Case, Failure};
use crate::child::pause;
use crate::need::Need;
use server::Postgres;

/// Some time. The store has no clock of its own for what expires.
const NOW: u64 = 1_900_000_000;

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("contract", keeps_the_contract),
        case("contract_on_two_nodes", keeps_it_on_two_nodes),
        case(
            "contract_where_roles_are_strict",
            keeps_it_where_roles_are_strict,
        ),
        case("load_is_one_statement", load_is_one_statement),
        case(
            "releases_change_no_setting_of_their_connection",
            releases_change_no_setting_of_their_connection,
        ),
        case(
            "those_who_wait_share_a_connection",
            those_who_wait_share_a_connection,
        ),
        case("expired_rows_are_swept", expired_rows_are_swept),
        case("sweep_takes_all_at_once", sweep_takes_all_at_once),
        case("rows_tell_nothing", rows_tell_nothing),
    ];
    cases.extend(migrations::cases());
    cases.extend(outages::cases());
    cases
}

fn case<F>(name: &str, body: F) -> Case
where
    F: AsyncFnOnce(&mut Postgres) -> Result<(), Failure> + Send + 'static,
{
    Case::new(
        format!("postgres::{name}"),
        &[Need::Postgresql],
        move || async move {
            let mut server = Postgres::start().await?;
            body(&mut server).await
        },
    )
}

/// A key that no other call of this gives.
fn key() -> StoreKey {
    static KEYS: AtomicU64 = AtomicU64::new(1);
    let mut key = [7; 32];
    key[..8].copy_from_slice(&KEYS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    key
}

/// A record that lives for an hour.
fn record(generation: u32) -> StoredRecord {
    let names = StoredNames::new([1; 32], [2; 32]);
    StoredRecord::new(vec![0x5a; 2_200], generation, NOW + 3_600).with_names(names)
}

const EVERYTHING: Offer = Offer {
    leases: true,
    index: true,
    lease_ends: true,
};

async fn keeps_the_contract(server: &mut Postgres) -> Result<(), Failure> {
    let store = latchgate_postgres::open(&server.url()).ok_or("the scheme is unknown")??;
    let offer = check(store.as_ref(), [1; 32], NOW).await?;
    ensure!(offer == EVERYTHING, "{offer:?}");
    Ok(())
}

async fn keeps_it_on_two_nodes(server: &mut Postgres) -> Result<(), Failure> {
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(server.options("app", "app"));
    let nodes = [
        PostgresStore::open(&server.url())?,
        PostgresStore::from_pool(pool),
    ];
    let offer = check(&Alternating::new(nodes), [2; 32], NOW).await?;
    ensure!(offer == EVERYTHING, "{offer:?}");
    Ok(())
}

/// Where every transaction is serializable, the server gives up statements that meet, and wants them again.
async fn keeps_it_where_roles_are_strict(server: &mut Postgres) -> Result<(), Failure> {
    let mut admin = server.connect("postgres", "app").await?;
    admin
        .execute("ALTER ROLE app SET default_transaction_isolation = 'repeatable read'")
        .await?;
    let store = PostgresStore::open(&server.url())?;
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    for generation in 1..50 {
        let (one, other) = tokio::join!(
            store.replace(&key, generation, record(generation + 1), NOW),
            store.lease(&key, Duration::from_secs(60), NOW),
        );
        ensure!(one?, "replacing {generation}");
        other?;
    }
    Ok(())
}

async fn load_is_one_statement(server: &mut Postgres) -> Result<(), Failure> {
    let store = PostgresStore::open(&server.url())?;
    store.sweep(NOW).await?;
    let key = key();
    ensure!(store.insert(&key, record(1), NOW).await?, "not inserted");
    let loaded = store.load(&key, NOW).await?;
    ensure!(loaded == Some(record(1).loaded()), "{loaded:?}");

    let before = server.said().len();
    let loaded = store.load(&key, NOW).await?;
    ensure!(loaded.is_some(), "not loaded");
    let said = server.said().split_off(before);
    let statements: Vec<&str> = said.lines().filter(|line| line.contains("LOG:")).collect();
    ensure!(
        matches!(statements[..], [only] if only.contains("execute sqlx_s_") && only.contains("SELECT sealed")),
        "{statements:#?}"
    );
    Ok(())
}

/// Releases do not wait for the disk; what follows on the same connection does.
async fn releases_change_no_setting_of_their_connection(
    server: &mut Postgres,
) -> Result<(), Failure> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(server.options("app", "app"));
    let store = PostgresStore::from_pool(pool.clone());
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    for _ in 0..2 {
        let lease = store.lease(&key, Duration::from_secs(60), NOW).await?;
        let Lease::Granted { fence, .. } = lease else {
            return Err(format!("{lease:?}").into());
        };
        store.release_lease(&key, fence).await?;
        let shown = pool.fetch_one("SHOW synchronous_commit").await?;
        let shown: String = shown.try_get(0)?;
        ensure!(shown == "on", "it is {shown}");
    }
    Ok(())
}

async fn those_who_wait_share_a_connection(server: &mut Postgres) -> Result<(), Failure> {
    let store = PostgresStore::open(&server.url())?;
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    let mut admin = server.connect("postgres", "app").await?;
    let mut listeners = async || -> Result<i64, Failure> {
        let counted = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
        Ok(admin.fetch_one(counted).await?.try_get(0)?)
    };
    let lease = store.lease(&key, Duration::from_secs(60), NOW).await?;
    let Lease::Granted { fence, .. } = lease else {
        return Err(format!("{lease:?}").into());
    };
    drop(store.lease_end(&key));
    ensure!(
        listeners().await? == 0,
        "somebody listens, and nobody waits"
    );
    let wait = || store.lease_end(&key).ok_or("it announces nothing");
    // Whoever waits first looks again once the store listens.
    wait()?.await?;
    let waiting = join_all([wait()?, wait()?, wait()?]);
    let waiting = tokio::time::timeout(Duration::from_secs(5), waiting);
    let released = async {
        ensure!(listeners().await? == 1, "not one connection listens");
        Ok::<(), Failure>(store.release_lease(&key, fence).await?)
    };
    let (told, released) = tokio::join!(waiting, released);
    released?;
    for told in told.map_err(|_| "nobody was told")? {
        told?;
    }
    drop(store);
    while listeners().await? > 0 {
        pause(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Makes rows that have expired at [`NOW`].
async fn expired(server: &Postgres, rows: u32) -> Result<(), Failure> {
    let mut admin = server.connect("postgres", "app").await?;
    let made = sqlx::query(
        "INSERT INTO latchgate.sessions (key, sealed, generation, expires_at) \
         SELECT sha256(number::text::bytea), '\\x00', 0, $1 FROM generate_series(1, $2) AS number",
    );
    admin
        .execute(made.bind(NOW as i64).bind(i64::from(rows)))
        .await?;
    Ok(())
}

async fn rows(server: &Postgres) -> Result<i64, Failure> {
    let mut admin = server.connect("postgres", "app").await?;
    let counted = admin
        .fetch_one("SELECT count(*) FROM latchgate.sessions")
        .await?;
    Ok(counted.try_get(0)?)
}

async fn expired_rows_are_swept(server: &mut Postgres) -> Result<(), Failure> {
    let store = PostgresStore::open(&server.url())?;
    store.sweep(NOW).await?;
    store.insert(&key(), record(1), NOW).await?;
    expired(server, 2_500).await?;

    // The next sweep comes a minute later.
    store.insert(&key(), record(1), NOW + 59).await?;
    ensure!(rows(server).await? == 2_502, "swept too early");
    let an_hour_later = NOW + PostgresStore::GRACE_SECONDS;
    store.insert(&key(), record(1), an_hour_later).await?;
    let mut left = rows(server).await?;
    for _ in 0..100 {
        if left == 3 {
            return Ok(());
        }
        pause(Duration::from_millis(50)).await;
        left = rows(server).await?;
    }
    Err(format!("{left} rows are left").into())
}

async fn sweep_takes_all_at_once(server: &mut Postgres) -> Result<(), Failure> {
    let store = PostgresStore::open(&server.url())?;
    store.sweep(NOW).await?;
    store.insert(&key(), record(1), NOW).await?;
    expired(server, 2_500).await?;
    let before = store.sweep(NOW - 1).await?;
    ensure!(before == 0, "{before} were swept before they expired");

    // Somebody is at one of them.
    let mut admin = server.connect("postgres", "app").await?;
    admin.execute("BEGIN").await?;
    admin
        .execute("SELECT FROM latchgate.sessions WHERE expires_at = 1900000000 LIMIT 1 FOR UPDATE")
        .await?;
    let swept = store.sweep(NOW).await?;
    ensure!(swept == 2_499, "{swept} were swept");
    admin.execute("COMMIT").await?;
    let swept = store.sweep(NOW).await?;
    ensure!(swept == 1, "{swept} more were swept");
    ensure!(rows(server).await? == 1, "the live one is gone, too");
    Ok(())
}

/// Alice logs in and refreshes. Nothing of that can be read in the table.
async fn rows_tell_nothing(server: &mut Postgres) -> Result<(), Failure> {
    let url = server.url();
    let store = Arc::new(PostgresStore::open(&url)?);
    store.migrate().await?;
    let world = Setup::new(Framework::Tower)
        .gate(move |gate| match PostgresStore::open(&url) {
            Ok(store) => gate.store(store),
            Err(_) => gate,
        })
        .start()
        .await?;
    let browser = world.signed_in().await?;
    let before = world.token(&browser).await?["access_token"].to_string();
    browser.fetch("POST", "/refresh").await?.json(200)?;
    let after = world.token(&browser).await?["access_token"].to_string();
    ensure!(before != after, "nothing was refreshed");
    let cookie = browser
        .cookie(world.session_cookie())
        .ok_or("no session cookie")?
        .to_owned();
    let decoded = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cookie.as_bytes())?;
    let sent = world.provider.last_request(Endpoint::Token);
    let refresh_token = sent
        .and_then(|request| request.parameter("refresh_token"))
        .ok_or("no refresh token was sent")?;

    let mut secrets: Vec<Vec<u8>> = ["alice", "Alice", cookie.as_str(), &refresh_token]
        .iter()
        .map(|secret| secret.as_bytes().to_vec())
        .collect();
    secrets.extend([&before, &after].map(|token| token.trim_matches('"').as_bytes().to_vec()));
    secrets.extend(decoded.windows(16).map(<[u8]>::to_vec));

    let mut admin = server.connect("postgres", "app").await?;
    let found = admin
        .fetch_all("SELECT row_to_json(all_of_it)::text, sealed, key, sid, sub FROM latchgate.sessions AS all_of_it")
        .await?;
    ensure!(found.len() == 1, "{} rows", found.len());
    for column in contents(&found)? {
        for secret in &secrets {
            let found = column.windows(secret.len()).any(|part| part == secret);
            ensure!(
                !found,
                "{:?} is in the table",
                String::from_utf8_lossy(secret)
            );
        }
    }
    Ok(())
}

fn contents(rows: &[PgRow]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut contents = Vec::new();
    for row in rows {
        let all: String = row.try_get(0)?;
        contents.push(all.into_bytes());
        for column in 1..5 {
            contents.push(row.try_get(column)?);
        }
    }
    Ok(contents)
}

/// An error with all that it and its sources say, to people and to programmers.
fn everything_said(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}
