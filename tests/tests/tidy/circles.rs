//! Imports inside of a room point one way, too: no file imports, by whichever way round, one that imports it. And a name
//! means one thing: no type of the core has the name of another.

use std::collections::{BTreeMap, BTreeSet};

use crate::homes::{code, declarations};
use crate::imports::{modules, paths_under};
use crate::source::{Finding, Source};

/// The sources whose folders are rooms.
const HOUSES: &[&str] = &[
    "crates/latchgate/src/",
    "crates/latchgate-dev-provider/src/",
];

/// The imports among the files of each room, and a file for each name that stands for one.
#[derive(Default)]
struct Room<'s> {
    imports: BTreeMap<&'s str, BTreeSet<String>>,
    files: BTreeMap<&'s str, &'s Source>,
}

/// Finds files of a room that import each other.
pub(crate) fn inside_rooms(sources: &[Source]) -> Vec<Finding> {
    let mut rooms: BTreeMap<(&str, &str), Room<'_>> = BTreeMap::new();
    for source in sources {
        for house in HOUSES {
            let Some(path) = source.path.strip_prefix(house) else {
                continue;
            };
            let [room, file, deeper @ ..] = &modules(path)[..] else {
                continue;
            };
            let up = vec!["super"; 1 + deeper.len()].join("::");
            let imported = paths_under(&code(source), &up).into_iter();
            let siblings =
                imported.filter_map(|(_, path)| Some(path.split("::").next()?.to_owned()));
            let room = rooms.entry((house, room)).or_default();
            room.imports.entry(file).or_default().extend(siblings);
            room.files.entry(file).or_insert(source);
        }
    }
    let circles = rooms.values().flat_map(|room| {
        let in_a_circle = room
            .files
            .iter()
            .filter(|(file, _)| room.reaches(file, file));
        in_a_circle.map(|(file, source)| {
            let others: Vec<&str> = room
                .files
                .keys()
                .copied()
                .filter(|other| {
                    other != file && room.reaches(file, other) && room.reaches(other, file)
                })
                .collect();
            source.finding(
                1,
                format!(
                    "`{file}` and `{}` import each other: move what both need to a file of its own",
                    others.join("`, `")
                ),
            )
        })
    });
    circles.collect()
}

impl Room<'_> {
    /// Whether a file imports another, perhaps by way of others.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(file) = next.pop() {
            for imported in self.imports.get(file).into_iter().flatten() {
                if imported == to && file != to {
                    return true;
                }
                if imported != file && seen.insert(imported) {
                    next.push(imported);
                }
            }
        }
        false
    }
}

/// Finds types of the core that have one name.
pub(crate) fn one_name_for_one_type(sources: &[Source]) -> Vec<Finding> {
    let mut declared: BTreeMap<String, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        let for_tests = source.path.contains("/tests/") || source.path.ends_with("/scripted.rs");
        if !source.path.starts_with(HOUSES[0]) || for_tests {
            continue;
        }
        // What is indented belongs to a trait or a function.
        let code = code(source);
        let items = code.lines().filter(|line| !line.starts_with(' '));
        for name in items.flat_map(declarations) {
            declared.entry(name.to_owned()).or_default().push(source);
        }
    }
    let twice = declared.into_iter().filter(|(_, homes)| homes.len() > 1);
    twice
        .map(|(name, homes)| {
            let paths: Vec<&str> = homes.iter().map(|source| source.path.as_str()).collect();
            homes[0].finding(
                1,
                format!(
                    "`{name}` is the name of several types: {}",
                    paths.join(", ")
                ),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(&format!("crates/latchgate/src/{path}"), text)
    }

    #[test]
    fn files_that_import_each_other_are_found_by_whichever_way() {
        let circle = [
            source("sessions/a.rs", "use super::b::B;"),
            source("sessions/b/mod.rs", "mod deep;"),
            source("sessions/b/deep.rs", "use super::super::c::{C, D};"),
            source("sessions/c.rs", "use super::{a::A, e};"),
            source("sessions/e.rs", "use super::Sessions;\nuse crate::gate::a;"),
        ];
        assert_eq!(inside_rooms(&circle).len(), 3);
        assert!(inside_rooms(&circle[..3]).is_empty());
        let tests = source(
            "sessions/c.rs",
            "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}",
        );
        let circle = [source("sessions/a.rs", "use super::c::C;"), tests];
        assert!(inside_rooms(&circle).is_empty());
    }

    #[test]
    fn two_types_of_one_name_are_found() {
        let sources = [
            source("sessions/a.rs", "struct Kept;"),
            source(
                "token/b.rs",
                "enum Kept {}\n#[cfg(test)]\nmod tests {\n    struct Other;\n}",
            ),
            source("token/c.rs", "struct Other;"),
        ];
        assert_eq!(one_name_for_one_type(&sources).len(), 1);
    }
}
