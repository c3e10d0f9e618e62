//! The threat model names files of the source for what it claims. Each of them exists.

use std::path::Path;

use crate::source::{self, Finding, Source};

const THREATS: &str = "docs/src/threat-model.md";

/// Where files may be whose names are given without their beginning, as the page explains.
const ROOTS: [&str; 4] = [
    "",
    "crates/latchgate/src/",
    "tests/tests/scenarios/",
    "crates/latchgate-proxy/",
];

/// Finds names of files that are in none of these places.
fn missing(page: &Source, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(page.text.lines()) {
        for name in text.split('`').skip(1).step_by(2) {
            let is_file = [".rs", ".toml"].iter().any(|end| name.ends_with(end));
            if is_file && !ROOTS.iter().any(|root| exists(&format!("{root}{name}"))) {
                let message = format!("there is no file `{name}`: the code or the test has moved");
                findings.push(page.finding(line, message));
            }
        }
    }
    findings
}

#[test]
fn files_that_the_threat_model_names_exist() {
    let text = source::read(THREATS);
    let page = Source::new(THREATS, &text);
    assert!(
        text.matches(".rs`").count() > 100,
        "files are named in backticks"
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    crate::report(&missing(&page, |path| root.join(path).is_file()));
}

#[test]
fn a_file_that_has_moved_is_found() {
    let page = Source::new(THREATS, "| `a.rs`, `b/c.rs` | `x.rs` |\n`d.toml` `e`");
    let there = [
        "a.rs",
        "crates/latchgate/src/b/c.rs",
        "tests/tests/scenarios/d.toml",
    ];
    let found = missing(&page, |path| there.contains(&path));
    assert_eq!(found.len(), 1, "x.rs");
}
