//! What must not stay in the code, and the one lint every crate has.

use crate::source::{Finding, Source};

/// Code that must not stay, and the cure. The words stand here, and in the tests below, only as text to look for: the
/// search skips literals, and so finds nothing in this file.
const LEFTOVERS: &[(&str, &str)] = &[
    ("#[allow(", "write `#[expect(…, reason = \"…\")]`"),
    ("#![allow(", "write `#![expect(…, reason = \"…\")]`"),
    ("todo!(", "write it, or leave it out"),
    ("unimplemented!(", "write it, or leave it out"),
    ("dbg!(", "remove it, or say it with `tracing`"),
];

/// Finds allowed lints and notes to self.
pub(crate) fn leftovers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, code) in (1..).zip(source.code().lines()) {
        for (leftover, cure) in LEFTOVERS {
            if code.contains(leftover) {
                findings.push(source.finding(line, format!("`{leftover}…`: {cure}")));
            }
        }
    }
    findings
}

/// Finds a crate that neither forbids unsafe code nor inherits the workspace's lints, which do.
pub(crate) fn unsafe_code(manifest: &Source, root: &Source) -> Vec<Finding> {
    let inherits = manifest
        .text
        .split("[lints]")
        .nth(1)
        .is_some_and(|section| section.trim_start().starts_with("workspace = true"));
    if inherits || root.code().contains("#![forbid(unsafe_code)]") {
        return Vec::new();
    }
    vec![manifest.finding(
        1,
        "unsafe code is not forbidden: add `[lints]` with `workspace = true`",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_found() {
        let found = |text: &str| leftovers(&Source::new("a.rs", text)).len();
        assert_eq!(
            found(
                "#[allow(dead_code)]\nfn a() { todo!() }\n#![allow(x)]\ndbg!(1);\nunimplemented!(\"y\")"
            ),
            5
        );
        assert_eq!(
            found("// #[allow(x)]\n#[expect(x, reason = \"todo!()\")]\nfn todo() {}"),
            0
        );
    }

    #[test]
    fn a_crate_without_the_lint_is_found() {
        let check = |manifest: &str, root: &str| {
            unsafe_code(
                &Source::new("Cargo.toml", manifest),
                &Source::new("lib.rs", root),
            )
            .len()
        };
        assert_eq!(check("[package]\n", "fn a() {}"), 1);
        assert_eq!(check("[lints.clippy]\n", "// #![forbid(unsafe_code)]"), 1);
        assert_eq!(check("[lints]\nworkspace = true\n", ""), 0);
        assert_eq!(check("", "#![forbid(unsafe_code)]"), 0);
    }
}
