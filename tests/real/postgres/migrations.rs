//! Who makes the tables, and who may not.

use latchgate::store::SessionStore;
use latchgate::{Finding, FindingCode, Severity};
use latchgate_postgres::PostgresStore;
use sqlx::{Executor as _, PgConnection, Row as _};
use tokio::task::JoinSet;

use super::server::Postgres;
use super::{NOW, case, everything_said, key, record};
use crate::case::{Case, Failure};

/// So many nodes start at once.
const NODES: usize = 8;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("nodes_that_start_at_once_migrate_once", migrate_once),
        case("a_role_that_may_not_create_needs_not", needs_no_rights),
        case("schemas_are_apart", schemas_are_apart),
        case("a_check_reads_settings_and_tables", diagnosis),
        case(
            "the_applications_migrations_are_left_alone",
            leaves_others_alone,
        ),
    ]
}

async fn migrate_once(server: &mut Postgres) -> Result<(), Failure> {
    let mut nodes = JoinSet::new();
    for _ in 0..NODES {
        let store = PostgresStore::open(&server.url())?;
        nodes.spawn(async move {
            // Its first two calls come at once, too.
            let (one, other) = (key(), key());
            let (one, other) = tokio::join!(
                store.insert(&one, record(1), NOW),
                store.insert(&other, record(1), NOW)
            );
            Ok::<bool, Failure>(one? && other?)
        });
    }
    while let Some(node) = nodes.join_next().await {
        ensure!(node??, "a node could not insert");
    }
    let said = server.said();
    for (statement, times) in [
        ("CREATE SCHEMA ", 1),
        (".sessions (\n", 1),
        // Once for each node, whatever happened at once in it.
        ("pg_advisory_xact_lock", NODES),
    ] {
        let seen = said.matches(statement).count();
        ensure!(seen == times, "`{statement}` {seen} times");
    }
    Ok(())
}

async fn diagnosis(server: &mut Postgres) -> Result<(), Failure> {
    use FindingCode::{StoreDurability, StoreSchema};
    let store = PostgresStore::open(&server.url())?;
    let found = |findings: &[Finding]| {
        let found = findings.iter();
        found
            .map(|finding| (finding.code(), finding.severity()))
            .collect::<Vec<_>>()
    };
    let before = store.diagnose().await?;
    let expected = [
        (StoreDurability, Severity::Ok),
        (StoreSchema, Severity::Mistake),
    ];
    ensure!(found(&before) == expected, "{before:?}");
    store.migrate().await?;
    let after = store.diagnose().await?;
    let expected = [(StoreDurability, Severity::Ok), (StoreSchema, Severity::Ok)];
    ensure!(found(&after) == expected, "{after:?}");
    let lazy = format!("{}&options=-c%20synchronous_commit%3Doff", server.url());
    let lazy = PostgresStore::open(&lazy)?.diagnose().await?;
    let expected = [
        (StoreDurability, Severity::Warning),
        (StoreSchema, Severity::Ok),
    ];
    ensure!(found(&lazy) == expected, "{lazy:?}");
    Ok(())
}

async fn run(connection: &mut PgConnection, statements: &[&str]) -> Result<(), Failure> {
    for statement in statements {
        connection.execute(*statement).await?;
    }
    Ok(())
}

async fn needs_no_rights(server: &mut Postgres) -> Result<(), Failure> {
    let mut admin = server.connect("postgres", "app").await?;
    run(&mut admin, &["ALTER DATABASE app OWNER TO postgres"]).await?;

    let refused = PostgresStore::open(&server.url())?.load(&key(), NOW).await;
    let said = everything_said(&refused.err().ok_or("it could create a schema")?);
    ensure!(said.contains("42501") && said.contains("README"), "{said}");
    let refused = PostgresStore::open(&server.url())?.without_migrations();
    let refused = refused.load(&key(), NOW).await;
    let said = everything_said(&refused.err().ok_or("it could load from no table")?);
    ensure!(said.contains("42P01") && said.contains("migrate"), "{said}");

    let url = server.url().replace("//app:", "//postgres:");
    PostgresStore::open(&url)?.migrate().await?;
    PostgresStore::open(&url)?.migrate().await?;
    // What the README says.
    run(
        &mut admin,
        &[
            "GRANT USAGE ON SCHEMA latchgate TO app",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON latchgate.sessions TO app",
        ],
    )
    .await?;
    let plain = PostgresStore::open(&server.url())?.without_migrations();
    everything(&plain).await?;
    run(&mut admin, &["GRANT SELECT ON latchgate.migrations TO app"]).await?;
    everything(&PostgresStore::open(&server.url())?).await
}

/// Every call, once.
async fn everything(store: &PostgresStore) -> Result<(), Failure> {
    let offer = latchgate_store_contract::check(store, key(), NOW).await?;
    ensure!(offer == super::EVERYTHING, "{offer:?}");
    store.sweep(NOW).await?;
    Ok(())
}

async fn schemas_are_apart(server: &mut Postgres) -> Result<(), Failure> {
    let one = PostgresStore::open(&server.url())?;
    let other = PostgresStore::open(&server.url())?.in_schema("select")?;
    let key = key();
    ensure!(one.insert(&key, record(1), NOW).await?, "not inserted");
    ensure!(
        other.load(&key, NOW).await?.is_none(),
        "found in another schema"
    );
    ensure!(other.insert(&key, record(2), NOW).await?, "not inserted");
    ensure!(
        one.load(&key, NOW).await? == Some(record(1).loaded()),
        "overwritten"
    );
    Ok(())
}

/// sqlx keeps an application's migrations in a table that it finds by the search path.
async fn leaves_others_alone(server: &mut Postgres) -> Result<(), Failure> {
    let mut app = server.connect("app", "app").await?;
    run(
        &mut app,
        &[
            "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY)",
            "CREATE TABLE migrations (version bigint PRIMARY KEY)",
            "CREATE TABLE sessions (key text)",
        ],
    )
    .await?;
    let store = PostgresStore::open(&server.url())?;
    ensure!(store.insert(&key(), record(1), NOW).await?, "not inserted");
    let tables = app
        .fetch_all("SELECT schemaname || '.' || relname FROM pg_stat_user_tables ORDER BY 1")
        .await?;
    let tables: Result<Vec<String>, _> = tables.iter().map(|row| row.try_get(0)).collect();
    let tables = tables?;
    ensure!(
        tables
            == [
                "latchgate.migrations",
                "latchgate.sessions",
                "public._sqlx_migrations",
                "public.migrations",
                "public.sessions"
            ],
        "{tables:?}"
    );
    Ok(())
}
