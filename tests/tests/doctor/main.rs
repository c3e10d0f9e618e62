//! The doctor against set-ups that are broken on purpose, each in one way: it names what is wrong and the cure, and nothing
//! else. And against healthy ones, of which it has nothing to say.
//!
//! The provider is the development one, in this process. Real ones, real stores and the binary are in `real/doctor.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may be blunt; clippy knows only the `#[test]` functions themselves"
)]

mod broken;
mod healthy;
mod set_up;

use futures_util::future::join_all;
use latchgate::{FindingCode, Report, Severity};

use set_up::SetUp;

/// What is worse than a hint.
fn complaints(report: &Report) -> Vec<FindingCode> {
    let mut codes: Vec<FindingCode> = Vec::new();
    for finding in report.at_least(Severity::Warning) {
        if !codes.contains(&finding.code()) {
            codes.push(finding.code());
        }
    }
    codes
}

/// Fails with everything that is wrong with any of them.
fn report_all(problems: Vec<Option<String>>) {
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_broken_set_up_is_named_with_its_cure() {
    let table = broken::table();
    assert!(table.len() >= 20, "there are {}", table.len());
    let problems = table.into_iter().map(async |broken| {
        let report = broken.set_up.check().await;
        let cure = broken.set_up.fill(broken.cure);
        let found = report.findings().any(|finding| {
            finding.code() == broken.code
                && finding.severity() == broken.severity
                && finding.cure().is_some_and(|told| told.contains(&cure))
        });
        let expected: Vec<FindingCode> = [broken.code]
            .iter()
            .chain(broken.besides)
            .copied()
            .collect();
        let alone = complaints(&report)
            .iter()
            .all(|code| expected.contains(code));
        (!found || !alone).then(|| {
            let (name, code, cure) = (broken.set_up.name, broken.code, broken.cure);
            let bad: Vec<String> = report
                .findings()
                .filter(|finding| finding.severity() > Severity::Ok || finding.code() == code)
                .map(ToString::to_string)
                .collect();
            let bad = bad.join("\n");
            format!("{name}: expected `{code}` with the cure \"{cure}\", but\n{bad}")
        })
    });
    report_all(join_all(problems).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_set_ups_have_no_finding_above_a_hint() {
    let problems = healthy::table().into_iter().map(async |healthy| {
        let report = healthy.check().await;
        (!complaints(&report).is_empty()).then(|| format!("{}:\n{report}", healthy.name))
    });
    report_all(join_all(problems).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_contain_no_secret() {
    for set_up in broken::table().into_iter().map(|broken| broken.set_up) {
        let report = format!("{:?}", set_up.check().await);
        for secret in [SetUp::KEY, "hunter2", "100%+ loopback"] {
            assert!(!report.contains(secret), "{}: {report}", set_up.name);
        }
    }
}
