//! A small test runner that, unlike the standard one, can say that a case did not run and why.

use std::any::Any;
use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::case::{Case, Failure};
use crate::child::{of_case, servers_logs};
use crate::need::Need;

/// No case takes longer than this.
const DEADLINE: Duration = Duration::from_secs(90);

enum Outcome {
    Ran,
    Failed(Failure),
    NotRun { needs: Need, forgiven: bool },
}

/// What became of a case: its place among all, its line in the report, and how it counts.
struct Done {
    place: usize,
    line: String,
    counts: Counts,
}

enum Counts {
    Passed,
    Failed,
    Ignored,
}

/// Runs the cases, several at a time, and tells what became of each.
///
/// A positional argument keeps the cases whose name contains it, as with `cargo test`; flags are not for us.
pub(crate) fn run(cases: Vec<Case>, runtime: &Handle) -> ExitCode {
    if env::var_os("LATCHGATE_TEST_APART").is_some() {
        println!("\nrunning 0 tests: `cargo xtask` runs these in a step of their own\n");
        return ExitCode::SUCCESS;
    }
    let filters: Vec<String> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let all = cases.len();
    let cases: Vec<Case> = cases
        .into_iter()
        .filter(|case| chosen(&case.name, &filters))
        .collect();
    let filtered = all - cases.len();
    let began = now();
    println!("\nrunning {} tests", cases.len());
    let waiting = Mutex::new(mixed(cases).into_iter());
    let next = || waiting.lock().ok()?.next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, case)) = next() {
            done.push(take(place, case, runtime));
        }
        done
    };
    let mut done: Vec<Done> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once()).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().filter_map(|worker| worker.join().ok());
        done.flatten().collect()
    });
    done.sort_by_key(|done| done.place);
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for done in &done {
        *match done.counts {
            Counts::Passed => &mut passed,
            Counts::Failed => &mut failed,
            Counts::Ignored => &mut ignored,
        } += 1;
    }
    if let Some(file) = env::var_os("LATCHGATE_TEST_REPORT") {
        let report: String = done.iter().map(|done| done.line.as_str()).collect();
        if let Err(error) = fs::write(&file, report) {
            println!("the report was not written: {error}");
            failed += 1;
        }
    }
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered} filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        began.elapsed().as_secs_f64(),
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How many cases run at the same time. Each has servers of its own, and mostly waits for them. `RUST_TEST_THREADS` says
/// otherwise, as with the standard runner.
fn at_once() -> usize {
    let chosen = env::var("RUST_TEST_THREADS").ok();
    let chosen = chosen.and_then(|number| number.parse().ok());
    chosen.unwrap_or_else(|| {
        2 * thread::available_parallelism()
            .map_or(1, usize::from)
            .min(4)
    })
}

/// Every kind of case spread over the whole run: some keep the processor busy, others wait for time to pass, and side by
/// side they do both at once.
fn mixed(cases: Vec<Case>) -> Vec<(usize, Case)> {
    let kind = |case: &Case| case.name.split("::").next().map(str::to_owned);
    let mut of_kind: HashMap<_, usize> = HashMap::new();
    for case in &cases {
        *of_kind.entry(kind(case)).or_default() += 1;
    }
    let mut met: HashMap<_, usize> = HashMap::new();
    let mut cases: Vec<_> = cases
        .into_iter()
        .enumerate()
        .map(|(place, case)| {
            let kind = kind(&case);
            let before = met.entry(kind.clone()).or_default();
            let when = *before * 1_000 / of_kind[&kind];
            *before += 1;
            (when, place, case)
        })
        .collect();
    cases.sort_by_key(|(when, place, _)| (*when, *place));
    let cases = cases.into_iter();
    cases.map(|(_, place, case)| (place, case)).collect()
}

/// Runs a case, and tells what became of it, in one piece.
fn take(place: usize, case: Case, runtime: &Handle) -> Done {
    let began = now();
    let name = case.name.clone();
    let component = case.needs.first().map_or("none", |need| need.name());
    let outcome = outcome(case, runtime);
    let took = began.elapsed().as_secs_f64();
    let (word, counts) = match outcome {
        Outcome::Ran => {
            println!("test {name} ... ran ({took:.1} s)");
            ("ran", Counts::Passed)
        }
        Outcome::Failed(failure) => {
            println!(
                "test {name} ... FAILED ({took:.1} s)\n{}\n    its servers' logs: {}",
                told(&failure),
                servers_logs(&name).display()
            );
            ("failed", Counts::Failed)
        }
        Outcome::NotRun { needs, forgiven } => {
            println!(
                "test {name} ... NOT RUN (needs {}; cargo xtask test installs it)",
                needs.name()
            );
            let counts = match forgiven {
                true => Counts::Ignored,
                false => Counts::Failed,
            };
            ("not run", counts)
        }
    };
    Done {
        place,
        line: format!("{word}\t{component}\t{name}\n"),
        counts,
    }
}

fn outcome(case: Case, runtime: &Handle) -> Outcome {
    if let Some(needs) = case.needs.iter().copied().find(|need| !need.met()) {
        let required = env::var_os("LATCHGATE_TEST_REQUIRE").is_some();
        return Outcome::NotRun {
            needs,
            forgiven: !required || needs.left_out(),
        };
    }
    let name = case.name.clone();
    let body = async { tokio::time::timeout(DEADLINE, case.start()).await };
    let running = || runtime.block_on(of_case(name, body));
    match catch_unwind(AssertUnwindSafe(running)) {
        Ok(Ok(Ok(()))) => Outcome::Ran,
        Ok(Ok(Err(failure))) => Outcome::Failed(failure),
        Ok(Err(_)) => Outcome::Failed(format!("not done within {} s", DEADLINE.as_secs()).into()),
        Err(panic) => Outcome::Failed(format!("it panicked: {}", said(&*panic)).into()),
    }
}

fn chosen(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
}

/// The words of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a word")
}

/// The error with what caused it, one to a line.
fn told(failure: &Failure) -> String {
    let mut text = format!("    {failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        let _ = write!(text, "\n    because: {error}");
        cause = error.source();
    }
    text
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test runner tells how long it really took"
)]
fn now() -> Instant {
    Instant::now()
}
