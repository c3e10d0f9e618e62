//! `cargo xtask test`: every test, with the real components there.

use std::fs;
use std::path::PathBuf;

use crate::component::{COMPONENTS, Component};
use crate::install::install;
use crate::run::{Run, cargo, root, target};

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

/// Any certificate.
const A_CERTIFICATE: &str = "crates/latchgate/src/settings/tests/client.cert.pem";

/// What is said of the tests where the build failed.
pub(crate) const NONE_RAN: &str = "no test ran: see what failed\n";

/// The real components, and where those that are wanted are.
pub(crate) struct Components {
    wanted: Vec<&'static Component>,
    left_out: Vec<&'static Component>,
    places: Vec<(&'static str, PathBuf)>,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let without = without(arguments)?;
    let mut run = Run::new();
    let components = provide(&mut run, without);
    let report = match build(&mut run) {
        true => tests(&mut run, &components),
        false => NONE_RAN.to_owned(),
    };
    print!("{report}");
    run.finish()
}

/// Makes sure of the components: finds each, or installs it.
pub(crate) fn provide(run: &mut Run, without: Vec<String>) -> Components {
    run.say("\n==> real components");
    let (left_out, wanted): (Vec<&Component>, Vec<&Component>) = COMPONENTS
        .iter()
        .partition(|component| without.iter().any(|name| name == component.name));
    install(run, &wanted);
    let mut places = Vec::new();
    for component in &wanted {
        component.complete(run);
        match component.locate() {
            Ok(found) => {
                for (variable, place) in &found {
                    run.say(&format!(
                        "    {}: {variable}={}",
                        component.name,
                        place.display()
                    ));
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
    Components {
        wanted,
        left_out,
        places,
    }
}

/// Builds binaries, tests and benchmarks: at once, so that all have the same features and nothing is compiled twice. That
/// benchmarks are quick is for those who run them.
pub(crate) fn build(run: &mut Run) -> bool {
    let all = ["--workspace", "--bins", "--tests", "--bench", "*"];
    run.step("build", 20, cargo(["build", "--locked"]).args(all))
}

/// Runs every test, and returns what is to be said of the real components.
pub(crate) fn tests(run: &mut Run, components: &Components) -> String {
    let mut tests = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
    tests
        .env("LATCHGATE_TEST_SEEDS", SEEDS)
        .env("LATCHGATE_TEST_APART", "1")
        // Thousands of clients that speak plain HTTP here would each read all that the system trusts, which takes half the
        // time. Whom a real system trusts is the next step's.
        .env("SSL_CERT_FILE", root().join(A_CERTIFICATE))
        .env("SSL_CERT_DIR", "");
    run.step("tests", 20, &mut tests);
    let report = target().join("real-components.txt");
    drop(fs::remove_file(&report));
    let mut tests = cargo(["test", "--workspace", "--locked", "--test", "real"]);
    let left_out: Vec<_> = components.left_out.iter().map(|one| one.name).collect();
    tests
        .envs(components.places.iter().cloned())
        .env("LATCHGATE_TEST_REQUIRE", "1")
        .env("LATCHGATE_TEST_REPORT", &report)
        .env("LATCHGATE_TEST_WITHOUT", left_out.join(","));
    for (variable, name) in EXAMPLES {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        tests.env(variable, target().join("debug").join(file));
    }
    run.step("tests of real components", 15, &mut tests);
    summary(
        &fs::read_to_string(&report).unwrap_or_default(),
        &components.wanted,
        &components.left_out,
    )
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
