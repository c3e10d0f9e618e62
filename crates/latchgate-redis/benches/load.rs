//! What a store on Redis costs over the bare client: `cargo bench -p latchgate-redis`.
//!
//! Starts the server that `LATCHGATE_TEST_REDIS_SERVER` names, or `redis-server` from the `PATH`, on a free port of
//! loopback. All contestants of a case take turns, a few dozen calls each, so that whatever else the machine does meets
//! all of them alike; the table at the end compares the rounds.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot prepare itself has nothing to measure"
)]

use std::hint::black_box;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use latchgate::store::{SessionStore, StoredNames, StoredRecord};
use latchgate_redis::RedisStore;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use tokio::runtime::Runtime;

/// The session of a person with a few claims and tokens.
const BYTES: usize = 2_200;

const NOW: u64 = 1_790_000_000;

const KEY: [u8; 32] = [1; 32];

/// Rounds of each case.
const ROUNDS: usize = 20;

/// How many calls a contestant makes in one turn.
const TURN: u64 = 32;

/// Makes so many calls.
type Calls<'a> = Box<dyn FnMut(u64) + 'a>;

fn main() {
    let Some(server) = Server::start() else {
        println!("no redis-server: name one with LATCHGATE_TEST_REDIS_SERVER");
        return;
    };
    let runtime = Runtime::new().unwrap();
    let store = RedisStore::open(&server.url).unwrap();
    runtime
        .block_on(store.insert(&KEY, record(0), NOW))
        .unwrap();
    let mut criterion = Criterion::default().configure_from_args();
    let bare = |command: Cmd| bare(&runtime, runtime.block_on(server.connection()), command);

    let hash = "latchgate:s:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    let mut get = cmd("GET");
    runtime.block_on(bare_once(
        &server,
        cmd("SET").arg("bare").arg(vec![7_u8; BYTES]),
    ));
    get.arg("bare");
    let mut hmget = cmd("HMGET");
    hmget.arg(hash);
    hmget.arg(&["sealed", "generation", "expires_at", "sid", "sub"]);
    let load: Calls<'_> = Box::new(|calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                assert!(black_box(store.load(&KEY, NOW).await).unwrap().is_some());
            }
        });
    });
    let contestants = vec![
        ("bare HMGET", bare(hmget)),
        ("bare GET", bare(get)),
        ("RedisStore::load", load),
    ];
    case(&mut criterion, "load", contestants);

    let mut hset = cmd("HSET");
    hset.arg("bare hash").arg("sealed").arg(vec![7_u8; BYTES]);
    hset.arg("generation").arg(1).arg("expires_at").arg(NOW);
    let mut set = cmd("SET");
    set.arg("bare").arg(vec![7_u8; BYTES]);
    let mut generation = 0;
    let replace: Calls<'_> = Box::new(|calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let new = record(generation + 1);
                let replaced = store.replace(&KEY, generation, new, NOW).await.unwrap();
                assert!(replaced);
                generation += 1;
            }
        });
    });
    let contestants = vec![
        ("bare HSET", bare(hset)),
        ("bare SET", bare(set)),
        ("RedisStore::replace", replace),
    ];
    case(&mut criterion, "replace", contestants);
}

fn record(generation: u32) -> StoredRecord {
    let names = StoredNames::new([2; 32], [3; 32]);
    StoredRecord::new(vec![7; BYTES], generation, NOW + 3_600).with_names(names)
}

/// The same command again and again, by the client that the store uses.
fn bare(runtime: &Runtime, mut connection: MultiplexedConnection, command: Cmd) -> Calls<'_> {
    Box::new(move |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                let answer: Value = command.query_async(&mut connection).await.unwrap();
                black_box(answer);
            }
        });
    })
}

async fn bare_once(server: &Server, command: &Cmd) {
    let mut connection = server.connection().await;
    command.exec_async(&mut connection).await.unwrap();
}

/// Measures a case. Criterion reports on the last contestant; the table compares all with the first.
fn case(criterion: &mut Criterion, title: &str, mut contestants: Vec<(&str, Calls<'_>)>) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    let mut group = criterion.benchmark_group("redis");
    group
        .sample_size(ROUNDS)
        .sampling_mode(SamplingMode::Flat)
        .measurement_time(Duration::from_secs(6));
    group.bench_function(title, |bencher| {
        bencher.iter_custom(|calls| {
            let mut took = vec![Duration::ZERO; contestants.len()];
            let mut left = calls;
            while left > 0 {
                let turn = left.min(TURN);
                for ((_, make), took) in contestants.iter_mut().zip(&mut took) {
                    let began = now();
                    make(turn);
                    *took += began.elapsed();
                }
                left -= turn;
            }
            let single = |took: &Duration| took.as_nanos() as f64 / calls as f64;
            rounds.push(took.iter().map(single).collect());
            took.last().copied().unwrap_or_default()
        });
    });
    group.finish();
    // Criterion warms up before it measures.
    let rounds = rounds.split_off(rounds.len().saturating_sub(ROUNDS));
    if rounds.is_empty() {
        return;
    }
    println!(
        "\n{title:<24}{:>12}{:>12}{:>9}{:>9}",
        "min µs", "median µs", "x min", "x median"
    );
    let middle = |place: usize| {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[place] / 1_000.0).collect();
        times.sort_by(f64::total_cmp);
        (times[0], times[times.len() / 2])
    };
    for (place, (name, _)) in contestants.iter().enumerate() {
        let (least, median) = middle(place);
        let bare = middle(0);
        let ratios = (least / bare.0, median / bare.1);
        println!(
            "  {name:<22}{least:>12.1}{median:>12.1}{:>9.2}{:>9.2}",
            ratios.0, ratios.1
        );
    }
}

/// A Redis that keeps nothing on disk, killed when dropped.
struct Server {
    url: String,
    child: Child,
}

impl Server {
    fn start() -> Option<Self> {
        let program = std::env::var_os("LATCHGATE_TEST_REDIS_SERVER");
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?;
        let port = port.port();
        let child = Command::new(program.unwrap_or_else(|| "redis-server".into()))
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let url = format!("redis://127.0.0.1:{port}");
        let server = Self { url, child };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(server)
    }

    async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark looks at the real clock"
)]
fn now() -> Instant {
    Instant::now()
}
