//! The list of codes is what operators search by: it has each code that the source has, and no other.

use std::collections::BTreeSet;

use crate::source::{Finding, Source};

/// The list.
pub(crate) const LIST: &str = "crates/latchgate/src/error/codes.md";

/// What to do about each code.
pub(crate) const CURES: &str = "crates/latchgate/src/error/cures.md";

/// The codes of answers that are no errors, and the files that make them.
pub(crate) const ANSWERS: &str = "crates/latchgate/src/error/answers.md";
const ANSWER_MAKERS: [&str; 2] = ["gate/answer.rs", "gate/api_answer.rs"];

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
    let listed = rows(list);
    let missing = made
        .difference(&listed)
        .map(|code| format!("`{code}` has no row: add it"));
    let left = listed.difference(&made);
    let left = left.map(|code| format!("no error has the code `{code}` any more: remove its row"));
    let findings = missing.chain(left);
    findings.map(|message| list.finding(1, message)).collect()
}

/// Finds codes without a cure.
pub(crate) fn incurable(list: &Source, cures: &Source) -> Vec<Finding> {
    let cured = rows(cures);
    let incurable = rows(list).into_iter().filter(|code| !cured.contains(code));
    incurable
        .map(|code| cures.finding(1, format!("`{code}` has no row: say what to do about it")))
        .collect()
}

/// Finds codes of answers that nothing makes.
pub(crate) fn unmade(sources: &[Source], answers: &Source) -> Vec<Finding> {
    let makers = sources.iter().filter(|source| {
        let mut makers = ANSWER_MAKERS.iter();
        makers.any(|maker| source.path.ends_with(maker))
    });
    let texts: Vec<&str> = makers.map(|source| source.text.as_str()).collect();
    let is_made = |code: &str| {
        texts
            .iter()
            .any(|text| text.contains(&format!("\"{code}\"")))
    };
    let unmade = rows(answers).into_iter().filter(|code| !is_made(code));
    unmade
        .map(|code| {
            answers.finding(
                1,
                format!("no answer has the code `{code}`: remove its row"),
            )
        })
        .collect()
}

/// The codes in a table.
fn rows(table: &Source) -> BTreeSet<&str> {
    let rows = table.text.lines().filter_map(|line| {
        let row = line.strip_prefix("| `")?;
        row.split('`').next()
    });
    rows.collect()
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

    #[test]
    fn codes_are_compared_with_cures_and_answers() {
        let list = Source::new("codes.md", "| `one` | x |\n| `two` | x |");
        let cures = |text| incurable(&list, &Source::new("cures.md", text)).len();
        assert_eq!(cures("| `one` | x |\n| `two` | x |"), 0);
        assert_eq!(cures("| `two` | x |"), 1);
        let maker = Source::new("crates/latchgate/src/gate/answer.rs", "code = \"one\",");
        assert_eq!(unmade(&[maker], &list).len(), 1);
    }
}
