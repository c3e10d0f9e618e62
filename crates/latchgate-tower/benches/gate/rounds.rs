//! Measuring in rounds: all contestants of a case take turns, a few dozen requests each, so that
//! whatever else the machine does meets all of them alike. criterion says how many requests a round
//! has; the table at the end compares the rounds.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use criterion::{Criterion, SamplingMode};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tokio::runtime::Handle;
use tower::{Service, ServiceExt};

use crate::in_process::request;

/// Rounds of each case.
const ROUNDS: usize = 10;

/// How many requests a contestant answers in one turn.
const TURN: u64 = 64;

/// One who is measured: does its work so many times, and says how long that took.
pub(crate) struct Contestant {
    name: String,
    work: Box<dyn FnMut(u64) -> Duration>,
}

/// The rounds of one case.
struct Case {
    title: String,
    names: Vec<String>,
    /// Nanoseconds for one request: for each round one of each contestant.
    rounds: Vec<Vec<f64>>,
}

/// All cases so far.
#[derive(Default)]
pub(crate) struct Table(Vec<Case>);

impl Contestant {
    pub(crate) fn new(
        name: impl Into<String>,
        work: impl FnMut(u64) -> Duration + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            work: Box::new(work),
        }
    }

    /// A service that answers the same request again and again. `expected` is what it must answer.
    pub(crate) fn service<S>(
        name: impl Into<String>,
        runtime: &Handle,
        mut service: S,
        head: &Parts,
        expected: &Bytes,
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + 'static,
    {
        let name = name.into();
        let answer = runtime.block_on(answer(&mut service, head));
        assert_eq!(answer, (StatusCode::OK, expected.clone()), "{name}");
        let (runtime, head) = (runtime.clone(), head.clone());
        Self::new(name, move |times| {
            runtime.block_on(async {
                let requests: Vec<_> = (0..times).map(|_| request(head.clone())).collect();
                let began = now();
                for request in requests {
                    let Ok(ready) = service.ready().await;
                    drop(black_box(ready.call(request).await));
                }
                began.elapsed()
            })
        })
    }
}

/// The status and the body of the answer to one request.
pub(crate) async fn answer<S>(service: &mut S, head: &Parts) -> (StatusCode, Bytes)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(answer) = service.call(request(head.clone())).await;
    let status = answer.status();
    (status, to_bytes(answer.into_body(), 1 << 16).await.unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark looks at the real clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Table {
    /// Measures a case. The first contestant is what the others are compared with, the second is
    /// the one criterion reports on.
    pub(crate) fn case(
        &mut self,
        criterion: &mut Criterion,
        title: &str,
        mut contestants: Vec<Contestant>,
    ) {
        let mut rounds = Vec::new();
        let mut group = criterion.benchmark_group("gate");
        group
            .sample_size(ROUNDS)
            .sampling_mode(SamplingMode::Flat)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(4));
        group.bench_function(title, |bencher| {
            bencher.iter_custom(|times| {
                let took = round(&mut contestants, times);
                let single = |took: &Duration| took.as_nanos() as f64 / times as f64;
                rounds.push(took.iter().map(single).collect());
                took[1]
            });
        });
        group.finish();
        // criterion warms up before it measures.
        let measured = rounds.split_off(rounds.len().saturating_sub(ROUNDS));
        if !measured.is_empty() {
            self.0.push(Case {
                title: title.to_owned(),
                names: contestants.into_iter().map(|one| one.name).collect(),
                rounds: measured,
            });
        }
    }

    /// Prints, for every contestant of every case, the time of one request over all rounds, its
    /// least excess over the first contestant, and its ratios to it.
    pub(crate) fn print(&self) {
        println!(
            "\n{:<52}{:>12}{:>12}{:>12}{:>9}{:>9}",
            "one request", "min ns", "median ns", "added ns", "x min", "x median"
        );
        for case in &self.0 {
            println!("{} ({} rounds)", case.title, case.rounds.len());
            let bare = case.times(0);
            for (place, name) in case.names.iter().enumerate() {
                let [least, median] = case.times(place);
                println!(
                    "  {name:<50}{least:>12.0}{median:>12.0}{:>12.0}{:>9.2}{:>9.2}",
                    least - bare[0],
                    least / bare[0],
                    median / bare[1],
                );
            }
        }
    }
}

/// Lets all contestants do their work `times` times, in turns.
fn round(contestants: &mut [Contestant], times: u64) -> Vec<Duration> {
    let mut took = vec![Duration::ZERO; contestants.len()];
    let mut left = times;
    while left > 0 {
        let turn = left.min(TURN);
        for (one, took) in contestants.iter_mut().zip(&mut took) {
            *took += (one.work)(turn);
        }
        left -= turn;
    }
    took
}

impl Case {
    /// The least and the median time of one contestant.
    fn times(&self, place: usize) -> [f64; 2] {
        let mut times: Vec<f64> = self.rounds.iter().map(|round| round[place]).collect();
        times.sort_by(f64::total_cmp);
        [times[0], times[times.len() / 2]]
    }
}
