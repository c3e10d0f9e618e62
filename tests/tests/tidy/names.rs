//! Names that say nothing.

use crate::source::{Finding, Source};

/// What no file and no module may be called.
const PLACES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "types", "misc",
];

/// What no type's name may end in.
const ENDINGS: &[&str] = &["Manager", "Handler", "Processor", "Impl", "Inner"];

const TYPES: &[&str] = &["struct", "enum", "trait", "type", "union"];

/// Finds banned names of files, modules and types.
pub(crate) fn banned(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let steps = source.path.trim_end_matches(".rs").split('/');
    if let Some(place) = steps.into_iter().find(|step| PLACES.contains(step)) {
        findings.push(source.finding(1, place_message(place)));
    }
    for (line, code) in (1..).zip(source.code().lines()) {
        let words: Vec<&str> = code
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let (keyword, name) = (pair[0], pair[1]);
            if keyword == "mod" && PLACES.contains(&name) {
                findings.push(source.finding(line, place_message(name)));
            }
            if let Some(ending) = ENDINGS
                .iter()
                .find(|ending| TYPES.contains(&keyword) && name.ends_with(**ending))
            {
                findings.push(source.finding(line, format!("`{name}` ends in `{ending}`: call it by the standard's noun, or by what it does")));
            }
        }
    }
    findings
}

fn place_message(name: &str) -> String {
    format!(
        "`{name}` says nothing: put each thing on the type it serves, or name the place after what is in it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        let found = |path: &str, text: &str| banned(&Source::new(path, text)).len();
        assert_eq!(found("crates/x/src/utils.rs", ""), 1);
        assert_eq!(found("crates/x/src/helpers/mod.rs", ""), 1);
        assert_eq!(
            found(
                "crates/x/src/lib.rs",
                "mod types;\npub(crate) mod common {}"
            ),
            2
        );
        assert_eq!(
            found(
                "crates/x/src/lib.rs",
                "pub struct SessionManager;\ntrait StoreImpl<T> {}\nenum GateInner {}"
            ),
            3
        );
    }

    #[test]
    fn other_names_are_not() {
        let text = "struct Handlers;\n// struct SessionManager\nimpl axum::Handler for X {}\nfn handler() {}\nmod uncommon;";
        assert!(banned(&Source::new("crates/x/src/session.rs", text)).is_empty());
    }
}
