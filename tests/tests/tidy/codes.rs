//! The list of codes is what operators search by: it has each code that the source has, and no other.

use std::collections::BTreeSet;

use crate::source::{Finding, Source};

/// The list.
pub(crate) const LIST: &str = "crates/latchgate/src/error/codes.md";

/// Whether codes are made in this file, by a function called `code`.
fn makes_codes(source: &Source) -> bool {
    let path = source.path.as_str();
    path.starts_with("crates/latchgate/src/error")
        || path == "crates/latchgate/src/resource/error.rs"
}

/// Finds codes without a row, and rows without a code.
pub(crate) fn unlisted(sources: &[Source], list: &Source) -> Vec<Finding> {
    let sources = sources.iter().filter(|source| makes_codes(source));
    let made: BTreeSet<&str> = sources.flat_map(codes).collect();
    let rows = list.text.lines().filter_map(|line| {
        let row = line.strip_prefix("| `")?;
        row.split('`').next()
    });
    let listed: BTreeSet<&str> = rows.collect();
    let missing = made
        .difference(&listed)
        .map(|code| format!("`{code}` has no row: add it"));
    let left = listed.difference(&made);
    let left = left.map(|code| format!("no error has the code `{code}` any more: remove its row"));
    let findings = missing.chain(left);
    findings.map(|message| list.finding(1, message)).collect()
}

/// The texts in a file's functions called `code`.
fn codes(source: &Source) -> BTreeSet<&str> {
    let functions = source.text.match_indices("fn code(").map(|(at, _)| {
        let line = source.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let indent = source.text[line..].len() - source.text[line..].trim_start().len();
        let end = format!("\n{}}}\n", " ".repeat(indent));
        source.text[at..].split(&end).next().unwrap_or_default()
    });
    functions
        .flat_map(|body| body.split('"').skip(1).step_by(2))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_with_functions() {
        let source = "impl E {\n    fn code(&self) -> &str {\n        match self {\n            A => \"one\",\n        }\n    }\n    \"not one\"\n}\nfn code() {\n    \"two\"\n}\n";
        let sources = [Source::new("crates/latchgate/src/error/a.rs", source)];
        let found = |list: &str| unlisted(&sources, &Source::new("codes.md", list)).len();
        assert_eq!(found("| code |\n| `one` | x |\n| `two` | `y` |"), 0);
        assert_eq!(found("| `one` | x |"), 1);
        assert_eq!(found("| `one` | x |\n| `two` | x |\n| `three` | x |"), 1);
    }
}
