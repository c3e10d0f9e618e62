//! The README lists the settings that there are, and no others.

use std::collections::BTreeSet;

use super::super::names::{NOT_YET, all, place, variable};

/// The settings that the README's table explains, in its order.
fn documented() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    let readme = readme.unwrap();
    let (_, table) = readme.split_once("| variable | meaning |").unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let named = rows.filter_map(|row| row.split('|').nth(1));
    let words = named.flat_map(|names| names.split('`'));
    words
        .filter_map(|word| word.strip_prefix("LATCHGATE_"))
        .map(str::to_lowercase)
        .collect()
}

#[test]
fn the_readme_lists_every_setting_in_this_order() {
    let documented = documented();
    let known: Vec<_> = all().filter(|name| !NOT_YET.contains(name)).collect();
    assert_eq!(documented, known);
}

/// A mistake tells its place by the name: there is one of each.
#[test]
fn every_setting_has_one_name() {
    let names: BTreeSet<_> = all().map(variable).collect();
    assert_eq!(names.len(), all().count());
    assert!(all().all(|name| place(name).is_some()));
}
