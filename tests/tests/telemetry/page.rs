//! The tables of `metrics.md`.

use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../crates/latchgate/src/telemetry/metrics.md");
const DASHBOARD: &str = include_str!("../../../examples/axum-metrics/dashboard.json");
const CODES: &str = include_str!("../../../crates/latchgate/src/error/codes.md");

/// A row of the table of metrics.
#[derive(Debug)]
pub(crate) struct Documented {
    pub(crate) kind: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) help: &'static str,
}

/// The table of metrics, by name.
pub(crate) fn metrics() -> BTreeMap<&'static str, Documented> {
    let rows = rows(PAGE).filter(|row| row[0].starts_with("`latchgate_"));
    let rows = rows.map(|row| {
        let documented = Documented {
            kind: row[1],
            unit: row[2],
            labels: quoted(row[3]).collect(),
            help: row[4],
        };
        (unquoted(row[0]), documented)
    });
    rows.collect()
}

/// Whether the page says that a label of a metric can have this value.
pub(crate) fn allows(metric: &str, label: &str, value: &str) -> bool {
    let mut rows = rows(PAGE).filter(|row| row.len() == 3 && unquoted(row[0]) == label);
    let row = rows.find(|row| row[1] == "all" || unquoted(row[1]) == metric);
    let is_listed = row.is_some_and(|row| quoted(row[2]).any(|listed| listed == value));
    let is_code = || label == "code" && rows_of_codes().any(|code| code == value);
    is_listed || is_code()
}

fn rows_of_codes() -> impl Iterator<Item = &'static str> {
    rows(CODES).map(|row| unquoted(row[0]))
}

fn rows(page: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    rows.map(|row| {
        row.trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect()
    })
}

fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

fn unquoted(cell: &'static str) -> &'static str {
    quoted(cell).next().unwrap_or(cell)
}

/// The names of metrics in a text, without what Prometheus adds to those of histograms.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let names = words.filter(|word| word.starts_with("latchgate_"));
    names.map(|name| {
        let bare = ["_bucket", "_count", "_sum"];
        let bare = bare.iter().find_map(|suffix| name.strip_suffix(suffix));
        bare.unwrap_or(name)
    })
}

#[test]
fn alerts_ask_for_what_there_is() {
    let (_, alerts) = PAGE.split_once("```promql").unwrap();
    let (alerts, _) = alerts.split_once("```").unwrap();
    let known = metrics();
    let names: BTreeSet<_> = mentioned(alerts).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(known.contains_key(name), "there is no `{name}`");
    }
}

/// Each panel asks for metrics with labels that they have, and each metric has a panel.
#[test]
fn the_dashboard_shows_every_metric_by_labels_that_it_has() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let known = metrics();
    let mut shown = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            for name in mentioned(query) {
                let row = known
                    .get(name)
                    .unwrap_or_else(|| panic!("no `{name}`: {query}"));
                let of_prometheus = ["job", "le"];
                for label in labels(query) {
                    let is_known = row.labels.contains(&label) || of_prometheus.contains(&label);
                    assert!(is_known, "`{name}` has no label `{label}`: {query}");
                }
                shown.insert(name.to_owned());
            }
        }
    }
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    assert_eq!(shown, known.keys().copied().collect::<Vec<_>>());
}

/// The labels in a query: by which it sums, and which it compares.
fn labels(query: &str) -> BTreeSet<&str> {
    let groups = query
        .split("by (")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let filters = query
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let groups = groups.flat_map(|group| group.split(','));
    let filters = filters
        .flat_map(|filter| filter.split(','))
        .filter_map(|pair| pair.split(['=', '!']).next());
    groups.chain(filters).map(str::trim).collect()
}
