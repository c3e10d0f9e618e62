//! `cargo xtask test`: every test, with the real components there.

use std::fs;
use std::path::PathBuf;

use crate::component::{COMPONENTS, Component};
use crate::install::install;
use crate::run::{Run, cargo, target};

/// The example servers and the command, and the variables that tell the tests where they are.
const EXAMPLES: &[(&str, &str)] = &[
    ("LATCHGATE_TEST_AXUM_LOGIN", "latchgate-example-axum"),
    ("LATCHGATE_TEST_ACTIX_LOGIN", "latchgate-example-actix"),
    ("LATCHGATE_TEST_QUICKSTART", "latchgate-example-quickstart"),
    (
        "LATCHGATE_TEST_CONFORMANCE_RP",
        "latchgate-example-conformance-rp",
    ),
    ("LATCHGATE_TEST_CLI", "latchgate"),
    ("LATCHGATE_TEST_AXUM_SPA", "latchgate-example-axum-spa"),
];

/// How many runs of the simulation are enough for a change; nights may have more (`cargo xtask simulate`).
const SEEDS: &str = "2000";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let without = without(arguments)?;
    let mut run = Run::new();
    let report = steps(&mut run, &without);
    print!("{report}");
    run.finish()
}

/// Takes the steps, and returns what is to be said of the real components.
pub(crate) fn steps(run: &mut Run, without: &[String]) -> String {
    let (left_out, wanted): (Vec<&Component>, Vec<&Component>) = COMPONENTS
        .iter()
        .partition(|component| without.iter().any(|name| name == component.name));
    let places = provide(run, &wanted);
    // Binaries and tests in one build: the same features for both, so nothing is compiled twice.
    if !run.step(
        "build",
        20,
        &mut cargo(["build", "--workspace", "--bins", "--tests", "--locked"]),
    ) {
        return "no test ran: the build failed\n".to_owned();
    }
    let report = target().join("real-components.txt");
    drop(fs::remove_file(&report));
    let mut tests = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
    tests
        .envs(places)
        .env("LATCHGATE_TEST_REQUIRE", "1")
        .env("LATCHGATE_TEST_SEEDS", SEEDS)
        .env("LATCHGATE_TEST_REPORT", &report);
    tests.env("LATCHGATE_TEST_WITHOUT", without.join(","));
    for (variable, name) in EXAMPLES {
        tests.env(
            variable,
            target()
                .join("debug")
                .join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
        );
    }
    run.step("tests", 20, &mut tests);
    summary(
        &fs::read_to_string(&report).unwrap_or_default(),
        &wanted,
        &left_out,
    )
}

/// Makes sure of the components: finds each, or installs it. Returns the variables that tell the tests where they are.
fn provide(run: &mut Run, wanted: &[&Component]) -> Vec<(&'static str, PathBuf)> {
    println!("\n==> real components");
    install(run, wanted);
    let mut places = Vec::new();
    for component in wanted {
        component.complete(run);
        match component.locate() {
            Ok(found) => {
                for (variable, place) in &found {
                    println!("    {}: {variable}={}", component.name, place.display());
                }
                places.extend(found);
            }
            Err(reason) => run.fail(
                component.name,
                format!(
                    "{} ({reason}); `cargo xtask test --without {}` leaves it out",
                    component.what, component.name
                ),
            ),
        }
    }
    places
}

/// One line for each component: how many cases met it, and which did not run.
fn summary(report: &str, wanted: &[&Component], left_out: &[&Component]) -> String {
    let mut lines = String::from("\nreal components\n");
    for component in wanted {
        let cases = |outcome: &str| {
            let prefix = format!("{outcome}\t{}\t", component.name);
            report
                .lines()
                .filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let (ran, failed, idle) = (cases("ran"), cases("failed"), cases("not run"));
        lines += &format!("  {}: {} cases ran", component.name, ran.len());
        for (list, word) in [(failed, "FAILED"), (idle, "NOT RUN")] {
            if !list.is_empty() {
                lines += &format!("; {word}: {}", list.join(", "));
            }
        }
        lines.push('\n');
    }
    for component in left_out {
        lines += &format!("  {}: NOT RUN, left out with --without\n", component.name);
    }
    lines
}

/// The components to leave out.
fn without(arguments: &[String]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let name = match argument.as_str() {
            "--without" => arguments
                .next()
                .ok_or("--without needs the name of a component")?,
            other => {
                return Err(format!(
                    "`{other}` is not understood; see `cargo xtask help`"
                ));
            }
        };
        if !COMPONENTS.iter().any(|component| component.name == name) {
            let known: Vec<&str> = COMPONENTS.iter().map(|component| component.name).collect();
            return Err(format!(
                "there is no component `{name}`; there are: {}",
                known.join(", ")
            ));
        }
        names.push(name.clone());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_components_are_checked() {
        let arguments = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            without(&arguments(&["--without", "chromium"])),
            Ok(vec!["chromium".to_owned()])
        );
        assert!(without(&arguments(&["--without", "netscape"])).is_err());
        assert!(without(&arguments(&["--without"])).is_err());
        assert!(without(&arguments(&["--with"])).is_err());
    }

    #[test]
    fn the_summary_names_what_did_not_run() {
        let report = "ran\tchromium\taxum\nnot run\tchromium\tactix\nran\toidc-provider\tx\n";
        let (chromium, others): (Vec<_>, Vec<_>) = COMPONENTS
            .iter()
            .partition(|component| component.name == "chromium");
        let text = summary(report, &chromium, &others);
        assert!(
            text.contains("chromium: 1 cases ran; NOT RUN: actix"),
            "{text}"
        );
        assert!(text.contains("oidc-provider: NOT RUN, left out"), "{text}");
    }
}
