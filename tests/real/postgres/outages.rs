//! Servers that restart, are away, are silent or busy, and answers that are lost.

use std::sync::Arc;
use std::time::Duration;

use latchgate::store::{Lease, SessionStore, StoreError, StoredName};
use latchgate_postgres::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor as _, PgPool, Row as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::server::{PASSWORD, Postgres};
use super::{NOW, case, everything_said, key, record};
use crate::case::{Case, Failure};
use crate::child::pause;
use crate::road::Road;

/// What the contract of stores says.
const PROMPT: Duration = Duration::from_secs(5);

/// So many calls at once, more than the store has connections.
const CALLS: usize = 30;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("restarts_are_not_noticed", restart),
        case("a_server_that_is_away_fails_in_time", away),
        case("connections_that_fall_silent_are_replaced", silence),
        case("a_server_that_never_answers_fails_in_time", never_answers),
        case("callers_that_leave_keep_no_connection", leaving),
        case(
            "nor_do_those_that_leave_at_the_first_call",
            leaving_at_first,
        ),
        case("a_lock_ends_on_both_sides", locked),
        case("lost_answers_are_asked_for_again", lost_answers),
        case("poolers_that_know_no_timeout_will_do", pooler),
        case("wrong_passwords_are_not_told", wrong_password),
    ]
}

/// So many loads at once; all must find the record.
async fn load_at_once(store: &Arc<PostgresStore>, key: [u8; 32]) -> Result<(), Failure> {
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let store = Arc::clone(store);
        calls.spawn(async move { store.load(&key, NOW).await });
    }
    while let Some(call) = calls.join_next().await {
        match call? {
            Ok(Some(_)) => {}
            Ok(None) => return Err("a record is gone".into()),
            Err(error) => return Err(everything_said(&error).into()),
        }
    }
    Ok(())
}

async fn restart(server: &mut Postgres) -> Result<(), Failure> {
    let store = Arc::new(PostgresStore::open(&server.url())?);
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    for _ in 0..2 {
        // The pool is full of connections that the restart breaks.
        load_at_once(&store, key).await?;
        server.restart().await?;
        load_at_once(&store, key).await?;
    }

    server.restart().await?;
    ensure!(
        store.replace(&key, 1, record(2), NOW).await?,
        "not replaced"
    );
    server.restart().await?;
    let lease = store.lease(&key, Duration::from_secs(60), NOW).await?;
    let Lease::Granted {
        fence,
        record: leased,
        ..
    } = lease
    else {
        return Err(format!("{lease:?}").into());
    };
    ensure!(leased == record(2).loaded(), "{leased:?}");
    server.restart().await?;
    let extended = store
        .extend_lease(&key, fence, Duration::from_secs(60), NOW)
        .await?;
    ensure!(extended, "the lease is gone");
    server.restart().await?;
    let found = store.find(&StoredName::Sub([2; 32]), NOW).await?;
    ensure!(found == Some(vec![key]), "{found:?}");
    server.restart().await?;
    store.release_lease(&key, fence).await?;
    server.restart().await?;
    store.remove(&key).await?;
    server.restart().await?;
    ensure!(store.insert(&key, record(3), NOW).await?, "not inserted");
    Ok(())
}

/// The error of a call that must fail in time.
async fn failed<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<StoreError, Failure> {
    let outcome = timeout(PROMPT, call).await;
    let outcome = outcome.map_err(|_| "no answer within five seconds")?;
    Ok(outcome.err().ok_or("it did not fail")?)
}

async fn away(server: &mut Postgres) -> Result<(), Failure> {
    let (old, new) = (
        PostgresStore::open(&server.url())?,
        PostgresStore::open(&server.url())?,
    );
    let key = key();
    old.insert(&key, record(1), NOW).await?;
    server.stop()?;
    for store in [&old, &new] {
        let (one, other) = tokio::join!(
            failed(store.load(&key, NOW)),
            failed(store.replace(&key, 1, record(2), NOW)),
        );
        for error in [one?, other?] {
            let said = everything_said(&error);
            let at = format!("127.0.0.1:{}/app", server.port);
            ensure!(said.contains(&at) && !said.contains("hunter2"), "{said}");
        }
    }
    server.run().await?;
    for store in [&old, &new] {
        let loaded = store.load(&key, NOW).await?;
        ensure!(loaded == Some(record(1).loaded()), "{loaded:?}");
    }
    Ok(())
}

async fn silence(server: &mut Postgres) -> Result<(), Failure> {
    let road = Road::to(server.port).await?;
    let store = Arc::new(PostgresStore::open(&server.url_by(road.port))?);
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    load_at_once(&store, key).await?;
    road.cut();
    let loaded = timeout(PROMPT, store.load(&key, NOW)).await;
    let loaded = loaded.map_err(|_| "no answer within five seconds")??;
    ensure!(loaded == Some(record(1).loaded()), "{loaded:?}");
    Ok(())
}

async fn never_answers(_: &mut Postgres) -> Result<(), Failure> {
    let mute = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = mute.local_addr()?.port();
    let store = PostgresStore::open(&format!("postgres://app:hunter2@127.0.0.1:{port}/app"))?;
    let said = everything_said(&failed(store.load(&key(), NOW)).await?);
    ensure!(!said.contains("hunter2"), "{said}");
    Ok(())
}

/// Visitors who hang up while the store is silent, as many as it has connections, leave a store that works.
async fn leaving(server: &mut Postgres) -> Result<(), Failure> {
    let road = Road::to(server.port).await?;
    let store = Arc::new(PostgresStore::open(&server.url_by(road.port))?);
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    load_at_once(&store, key).await?;
    road.cut();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.load(&key, NOW).await });
    }
    pause(Duration::from_millis(200)).await;
    calls.shutdown().await;
    let loaded = timeout(PROMPT, store.load(&key, NOW)).await;
    let loaded = loaded.map_err(|_| "no answer within five seconds")??;
    ensure!(loaded == Some(record(1).loaded()), "{loaded:?}");
    load_at_once(&store, key).await
}

/// The same while the tables are to be made, which another node is at.
async fn leaving_at_first(server: &mut Postgres) -> Result<(), Failure> {
    let road = Road::to(server.port).await?;
    let store = Arc::new(PostgresStore::open(&server.url_by(road.port))?);
    let mut admin = server.connect("postgres", "app").await?;
    admin
        .execute("SELECT pg_advisory_lock(7809651199139340660)")
        .await?;
    for _ in 0..12 {
        let (store, key) = (Arc::clone(&store), key());
        let call = tokio::spawn(async move { store.load(&key, NOW).await });
        pause(Duration::from_millis(100)).await;
        road.cut();
        call.abort();
        ensure!(call.await.is_err(), "it did not wait for the other node");
    }
    admin.execute("SELECT pg_advisory_unlock_all()").await?;
    let loaded = timeout(PROMPT, store.load(&key(), NOW)).await;
    let loaded = loaded.map_err(|_| "no answer within five seconds")?;
    let loaded = loaded.map_err(|error| everything_said(&error))?;
    ensure!(loaded.is_none(), "{loaded:?}");
    Ok(())
}

async fn locked(server: &mut Postgres) -> Result<(), Failure> {
    let store = PostgresStore::open(&server.url())?;
    let key = key();
    store.insert(&key, record(1), NOW).await?;
    let mut admin = server.connect("postgres", "app").await?;
    admin.execute("BEGIN").await?;
    admin
        .execute("SELECT FROM latchgate.sessions FOR UPDATE")
        .await?;
    let error = failed(store.replace(&key, 1, record(2), NOW)).await?;
    let said = everything_said(&error);
    // PostgreSQL's: the statement timeout.
    ensure!(said.contains("57014"), "{said}");
    let waiting = admin
        .fetch_one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        .await?;
    let waiting: i64 = waiting.try_get(0)?;
    ensure!(
        waiting == 0,
        "{waiting} statements still wait in the server"
    );
    // Reading waits for nobody.
    ensure!(store.load(&key, NOW).await?.is_some(), "not loaded");
    admin.execute("ROLLBACK").await?;
    ensure!(
        store.replace(&key, 1, record(2), NOW).await?,
        "not replaced"
    );
    Ok(())
}

/// Waits until the pool has its connection back: it asks the server first whether it is there.
async fn at_rest(pool: &PgPool) {
    while pool.num_idle() == 0 {
        pause(Duration::from_millis(5)).await;
    }
}

/// The server has done it, and its answer was lost: asked again, the store says what it would have said.
async fn lost_answers(server: &mut Postgres) -> Result<(), Failure> {
    let road = Road::to(server.port).await?;
    // One connection, so that the next answer is the one that the case is about.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_lazy_with(server.options("app", "app").port(road.port));
    let store = PostgresStore::from_pool(pool.clone());
    let key = key();
    // Not in the background, where its answer might be the one that is lost.
    store.sweep(NOW).await?;
    store.insert(&super::key(), record(1), NOW).await?;
    store.replace(&super::key(), 1, record(2), NOW).await?;
    store.remove(&super::key()).await?;

    at_rest(&pool).await;
    road.lose_an_answer();
    ensure!(store.insert(&key, record(1), NOW).await?, "the insert");
    ensure!(road.has_lost_it(), "no answer was lost");
    ensure!(!store.insert(&key, record(1), NOW).await?, "inserted twice");
    store.replace(&super::key(), 1, record(2), NOW).await?;
    at_rest(&pool).await;
    road.lose_an_answer();
    ensure!(store.replace(&key, 1, record(2), NOW).await?, "the replace");
    ensure!(road.has_lost_it(), "no answer was lost");
    ensure!(
        store.load(&key, NOW).await? == Some(record(2).loaded()),
        "not replaced"
    );
    store.remove(&super::key()).await?;
    at_rest(&pool).await;
    road.lose_an_answer();
    store.remove(&key).await?;
    ensure!(road.has_lost_it(), "no answer was lost");
    ensure!(store.load(&key, NOW).await?.is_none(), "not removed");
    Ok(())
}

/// PgBouncer and its kin refuse a `statement_timeout` at the start of a connection.
async fn pooler(server: &mut Postgres) -> Result<(), Failure> {
    let road = Road::to(server.port).await?;
    road.bar(
        b"statement_timeout",
        b"E\x00\x00\x00\x3bSFATAL\0C08P01\0Munsupported startup parameter: options\0\0",
    );
    let store = Arc::new(PostgresStore::open(&server.url_by(road.port))?);
    let key = key();
    ensure!(store.insert(&key, record(1), NOW).await?, "not inserted");
    load_at_once(&store, key).await?;
    // Whoever comes with prepared tables is not turned away for longer, either.
    let store = PostgresStore::open(&server.url_by(road.port))?.without_migrations();
    ensure!(store.load(&key, NOW).await?.is_some(), "not loaded");
    Ok(())
}

async fn wrong_password(server: &mut Postgres) -> Result<(), Failure> {
    let right = server.url();
    let encoded = PASSWORD.replace(' ', "%20");
    let store = PostgresStore::open(&right.replace(&encoded, "letmein-hunter3"))?;
    let error = failed(store.load(&key(), NOW)).await?;
    let said = everything_said(&error) + &format!("{store:?}");
    ensure!(said.contains("28P01"), "{said}");
    ensure!(!said.contains("hunter"), "{said}");
    Ok(())
}
