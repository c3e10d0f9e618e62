//! The table at [`Settings`] lists the settings that there are, and no others.

use std::collections::BTreeSet;

use crate::config::{SETTINGS, Setting, SettingKind, place, variable};

/// The rows of the table in the documentation of [`Settings`]: the variable, the TOML key, and the other columns.
fn rows() -> Vec<Vec<&'static str>> {
    let table = include_str!("../table.md");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_table_lists_every_setting_in_this_order() {
    let documented: Vec<_> = rows().iter().map(|row| row[1].trim_matches('`')).collect();
    let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(documented, known);
}

#[test]
fn a_row_of_the_table_says_everything() {
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        let key = row[1].trim_matches('`');
        assert_eq!(row[0], format!("`{}`", variable(key)), "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn the_table_says_what_toml_may_have_instead_of_a_string() {
    for row in rows() {
        let key = row[1].trim_matches('`');
        let said = row[3].split_once("TOML: or ").map(|(_, said)| said);
        let right = match Setting::named(key).unwrap().kind {
            SettingKind::Text => None,
            SettingKind::Switch => Some("a boolean"),
            SettingKind::Seconds => Some("a number"),
            SettingKind::Words | SettingKind::List => Some("an array"),
            SettingKind::Tables => Some("tables `[providers.NAME]`, without this key"),
        };
        assert_eq!(said, right, "{key}");
    }
}

/// A mistake tells its place by the name: there is one of each.
#[test]
fn every_setting_has_one_name() {
    let names = || SETTINGS.iter().map(|setting| setting.name);
    let variables: BTreeSet<_> = names().map(variable).collect();
    assert_eq!(variables.len(), SETTINGS.len());
    assert!(names().all(|name| place(name).is_some()));
}
