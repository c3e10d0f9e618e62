//! A small test runner that, unlike the standard one, can say that a case did not run and why.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::case::{Case, Failure};
use crate::need::Need;

/// No case takes longer than this.
const DEADLINE: Duration = Duration::from_secs(90);

enum Outcome {
    Ran,
    Failed(Failure),
    NotRun { needs: Need, forgiven: bool },
}

/// Runs the cases one after the other, and tells what became of each.
///
/// A positional argument keeps the cases whose name contains it, as with `cargo test`; flags are not for us.
pub(crate) async fn run(cases: Vec<Case>) -> ExitCode {
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
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    let mut report = String::new();
    for case in cases {
        let (name, component) = (
            case.name.clone(),
            case.needs.first().map_or("none", |need| need.name()),
        );
        let word = match outcome(case).await {
            Outcome::Ran => {
                println!("test {name} ... ran");
                passed += 1;
                "ran"
            }
            Outcome::Failed(failure) => {
                println!("test {name} ... FAILED\n{}", told(&failure));
                failed += 1;
                "failed"
            }
            Outcome::NotRun { needs, forgiven } => {
                println!(
                    "test {name} ... NOT RUN (needs {}; cargo xtask test installs it)",
                    needs.name()
                );
                *(if forgiven { &mut ignored } else { &mut failed }) += 1;
                "not run"
            }
        };
        let _ = writeln!(report, "{word}\t{component}\t{name}");
    }
    if let Some(file) = env::var_os("LATCHGATE_TEST_REPORT")
        && let Err(error) = fs::write(&file, report)
    {
        println!("the report was not written: {error}");
        failed += 1;
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

async fn outcome(case: Case) -> Outcome {
    if let Some(needs) = case.needs.iter().copied().find(|need| !need.met()) {
        let required = env::var_os("LATCHGATE_TEST_REQUIRE").is_some();
        return Outcome::NotRun {
            needs,
            forgiven: !required || needs.left_out(),
        };
    }
    match tokio::time::timeout(DEADLINE, case.start()).await {
        Ok(Ok(())) => Outcome::Ran,
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(_) => Outcome::Failed(format!("not done within {} s", DEADLINE.as_secs()).into()),
    }
}

fn chosen(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
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
