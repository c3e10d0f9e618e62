//! What an operator looks up: each line of the log names its event, and the page has a row for it, with its levels and its
//! fields. It has no other rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Finding, Source};

/// The page.
pub(crate) const PAGE: &str = "crates/latchgate/src/telemetry/log.md";

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// The levels of a macro that takes it as a parameter, as those do that log an error.
const BY_FAULT: &[&str] = &["error", "warn", "info"];

/// A line of the log as the source has it.
struct Line<'a> {
    number: usize,
    levels: &'a [&'a str],
    event: Option<&'a str>,
    fields: Vec<&'a str>,
}

/// What is known of an event.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event<'a> {
    levels: BTreeSet<&'a str>,
    fields: BTreeSet<&'a str>,
}

fn lines(source: &Source) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (at, mark) in source.text.match_indices("tracing::") {
        let rest = &source.text[at + mark.len()..];
        let Some((name, rest)) = rest.split_once("!(") else {
            continue;
        };
        let levels = match LEVELS.iter().position(|level| *level == name) {
            Some(place) => &LEVELS[place..=place],
            None if name == "$level" => BY_FAULT,
            None => continue,
        };
        let arguments = arguments(rest);
        let fields = arguments.iter().map(|argument| {
            let name = argument.split('=').next().unwrap_or_default();
            name.trim().trim_start_matches(['?', '%'])
        });
        let event = arguments.iter().find_map(|argument| {
            let value = argument.strip_prefix("event = \"")?;
            value.strip_suffix('"')
        });
        lines.push(Line {
            number: source.text[..at].lines().count().max(1),
            levels,
            event,
            fields: fields.filter(|name| *name != "event").collect(),
        });
    }
    lines
}

/// The arguments of a macro before its message, whose rest this is.
fn arguments(rest: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut begin, mut quoted, mut escaped) = (0, 0, false, false);
    for (at, c) in rest.char_indices() {
        if quoted {
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        let ends = depth == 0 && matches!(c, ',' | ')');
        if ends {
            let argument = rest[begin..at].trim();
            begin = at + 1;
            // The message is last, and what it formats follows.
            if argument.starts_with(['"', '$']) || argument.is_empty() {
                break;
            }
            found.push(argument);
        }
        match c {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The rows of the page.
fn rows(page: &str) -> BTreeMap<&str, Event<'_>> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let event = cells.next()?.trim().trim_end_matches('`');
        let mut quoted = || {
            cells
                .next()
                .into_iter()
                .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        };
        let row = Event {
            levels: quoted().collect(),
            fields: quoted().collect(),
        };
        Some((event, row))
    });
    rows.collect()
}

/// Finds lines without an event, and differences between the events and their rows.
pub(crate) fn differing(sources: &[Source], page: &Source) -> Vec<Finding> {
    let ours = sources.iter().filter(|source| {
        let ours = source.path.starts_with("crates/") && source.path.contains("/src/");
        ours && !source.path.contains("dev-provider")
    });
    let mut findings = Vec::new();
    let mut events: BTreeMap<&str, Event<'_>> = BTreeMap::new();
    for source in ours {
        for line in lines(source) {
            let Some(event) = line.event else {
                let cure =
                    "a line of the log without `event = \"…\"`: give it one, and the page a row";
                findings.push(source.finding(line.number, cure));
                continue;
            };
            let event = events.entry(event).or_default();
            event.levels.extend(line.levels);
            event.fields.extend(line.fields);
        }
    }
    let rows = rows(&page.text);
    let names: BTreeSet<_> = events.keys().chain(rows.keys()).collect();
    for name in names {
        let problem = match (events.get(name), rows.get(name)) {
            (Some(_), None) => format!("`{name}` has no row: add it"),
            (None, Some(_)) => format!("nothing logs `{name}` any more: remove its row"),
            (Some(event), Some(row)) if event != row => {
                format!("the row of `{name}` has {row:?}, and it is logged with {event:?}")
            }
            _ => continue,
        };
        findings.push(page.finding(1, problem));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, page: &str) -> usize {
        let sources = [Source::new("crates/x/src/a.rs", text)];
        differing(&sources, &Source::new(PAGE, page)).len()
    }

    #[test]
    fn a_line_needs_an_event_and_an_event_a_row() {
        let row = "| `one` | `warn`, `info` | | something |\n";
        assert_eq!(found("tracing::warn!(\"something\");", ""), 1);
        assert_eq!(found("tracing::warn!(count);", ""), 1);
        assert_eq!(found("tracing::warn!(event = \"one\", \"x\");", ""), 1);
        assert_eq!(found("tracing::warn!(event = \"one\", \"x\");", row), 1);
        assert_eq!(found("", row), 1);
        let both = "tracing::warn!(\n    event = \"one\",\n    \"a, b\"\n); A => tracing::info!(event = \"one\"),";
        assert_eq!(found(both, row), 0);
    }

    #[test]
    fn fields_are_those_of_the_row() {
        let text = "tracing::$level!(event = \"one\", a = f(x, \"\\\"y)\"), ?b, %c, d = \"e\", \"text {}\", self.g());";
        let row = |fields: &str| format!("| `one` | `error`, `warn`, `info` | {fields} | x |");
        assert_eq!(found(text, &row("`a`, `b`, `c`, `d`")), 0);
        for wrong in ["`a`, `b`, `c`", "`a`, `b`, `c`, `d`, `e`", ""] {
            assert_eq!(found(text, &row(wrong)), 1, "{wrong}");
        }
    }

    #[test]
    fn spans_are_no_lines() {
        assert_eq!(
            found(
                "tracing::info_span!(\"refresh\"); use tracing::Level; tracing::Span::none();",
                ""
            ),
            0
        );
    }
}
