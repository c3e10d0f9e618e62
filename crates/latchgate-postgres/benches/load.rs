//! What the store costs on top of PostgreSQL: a session of 2.2 KB is loaded and replaced through it, and by a bare
//! statement on the same pool.
//!
//! `LATCHGATE_BENCH_POSTGRES=postgres://… cargo bench -p latchgate-postgres` on an otherwise idle server. It makes the
//! schema `latchgate_bench` and drops it again.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use latchgate::store::{SessionStore, StoredNames, StoredRecord};
use latchgate_postgres::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor as _, PgPool, Row as _};
use tokio::runtime::Runtime;

const VARIABLE: &str = "LATCHGATE_BENCH_POSTGRES";
const KEY: [u8; 32] = [1; 32];
const NOW: u64 = 1_900_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var(VARIABLE) else {
        println!("not measured: {VARIABLE} names no PostgreSQL server, such as postgres://…");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let options = PgPoolOptions::new().test_before_acquire(false);
    let pool = runtime.block_on(options.connect(&url))?;
    let store = PostgresStore::from_pool(pool.clone()).in_schema("latchgate_bench")?;
    runtime.block_on(async {
        store.remove(&KEY).await?;
        store.insert(&KEY, record(0), NOW).await
    })?;
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    load(&mut criterion, &runtime, &store, &pool);
    replace(&mut criterion, &runtime, &store, &pool);
    criterion.final_summary();
    runtime.block_on(pool.execute("DROP SCHEMA latchgate_bench CASCADE"))?;
    Ok(())
}

fn record(generation: u32) -> StoredRecord {
    let names = StoredNames::new([2; 32], [3; 32]);
    StoredRecord::new(vec![0xa5; 2_200], generation, NOW + 3_600).with_names(names)
}

fn load(criterion: &mut Criterion, runtime: &Runtime, store: &PostgresStore, pool: &PgPool) {
    let mut group = criterion.benchmark_group("load");
    group.bench_function("store", |bencher| {
        bencher.iter(|| {
            let loaded = runtime.block_on(store.load(&KEY, NOW));
            assert!(matches!(black_box(loaded), Ok(Some(_))));
        });
    });
    group.bench_function("bare", |bencher| {
        bencher.iter(|| {
            let select = sqlx::query("SELECT sealed FROM latchgate_bench.sessions WHERE key = $1");
            let row = runtime.block_on(pool.fetch_one(select.bind(KEY.as_slice())));
            let sealed = row.and_then(|row| row.try_get::<Vec<u8>, _>(0));
            assert!(black_box(sealed).is_ok());
        });
    });
    group.finish();
}

fn replace(criterion: &mut Criterion, runtime: &Runtime, store: &PostgresStore, pool: &PgPool) {
    let mut group = criterion.benchmark_group("replace");
    let mut generation = 0;
    group.bench_function("store", |bencher| {
        bencher.iter(|| {
            let (expected, next) = (generation, record(generation + 1));
            let replaced = runtime.block_on(store.replace(&KEY, expected, next, NOW));
            assert!(matches!(black_box(replaced), Ok(true)));
            generation += 1;
        });
    });
    group.bench_function("bare", |bencher| {
        bencher.iter(|| {
            let update = sqlx::query(
                "UPDATE latchgate_bench.sessions SET sealed = $2, generation = generation + 1 WHERE key = $1",
            );
            let sealed = vec![0xa5_u8; 2_200];
            let update = update.bind(KEY.as_slice()).bind(sealed);
            assert!(black_box(runtime.block_on(pool.execute(update))).is_ok());
        });
    });
    group.finish();
}
