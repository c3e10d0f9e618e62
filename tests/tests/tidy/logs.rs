//! What an operator looks up: each line of the log names its event, and the README has a row for it with its level.

use crate::source::{Finding, Source};

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// A line of the log as the source has it.
struct Line<'a> {
    number: usize,
    level: &'a str,
    event: Option<&'a str>,
}

fn lines(source: &Source) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (at, mark) in source.text.match_indices("tracing::") {
        let rest = &source.text[at + mark.len()..];
        let level = LEVELS.iter().find(|level| {
            rest.strip_prefix(**level)
                .is_some_and(|rest| rest.starts_with("!("))
        });
        let Some(level) = level else { continue };
        let call = rest.split_once(';').map_or(rest, |(call, _)| call);
        let event = call.split_once("event = \"").map(|(_, rest)| rest);
        lines.push(Line {
            number: source.text[..at].lines().count().max(1),
            level,
            event: event.and_then(|rest| rest.split('"').next()),
        });
    }
    lines
}

/// The cells of the README's row for an event.
fn row<'a>(readme: &'a str, event: &str) -> Option<(&'a str, &'a str)> {
    let mark = format!("`{event}`");
    readme.lines().find_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (events, levels) = (cells.next()?, cells.next()?);
        events.contains(&mark).then_some((events, levels))
    })
}

/// Finds lines without an event, and events that the README does not explain.
pub(crate) fn unexplained(source: &Source, readme: &str) -> Vec<Finding> {
    let ours = source.path.starts_with("crates/") && source.path.contains("/src/");
    if !ours || source.path.contains("dev-provider") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for line in lines(source) {
        let Some(event) = line.event else {
            let cure =
                "a line of the log without `event = \"…\"`: give it one, and the README a row";
            findings.push(source.finding(line.number, cure));
            continue;
        };
        let told = row(readme, event).is_some_and(|(_, levels)| levels.contains(line.level));
        if !told {
            let level = line.level;
            findings.push(source.finding(
                line.number,
                format!("the README's table of events has no row for `{event}` with `{level}`"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "| `one`, `two` | `warn`, `info` | something |\n";

    fn found(text: &str) -> usize {
        unexplained(&Source::new("crates/x/src/a.rs", text), README).len()
    }

    #[test]
    fn lines_that_nobody_can_look_up_are_found() {
        assert_eq!(found("tracing::warn!(\"something\");"), 1);
        assert_eq!(
            found("tracing::warn!(event = \"three\", \"something\");"),
            1
        );
        assert_eq!(
            found("tracing::error!(\n    event = \"two\",\n    \"x\"\n);"),
            1
        );
        assert_eq!(
            found("tracing::warn!(count); tracing::warn!(event = \"one\");"),
            1
        );
    }

    #[test]
    fn others_are_not() {
        assert_eq!(found("tracing::info!(event = \"two\", \"something\");"), 0);
        assert_eq!(
            found("tracing::info_span!(\"refresh\"); use tracing::Level;"),
            0
        );
    }
}
