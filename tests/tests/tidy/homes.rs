//! An inherent `impl` stands in the room of its type, so that the picture of imports is the picture of calls: what a room
//! does with a type of another it does by that type's own functions.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{CORE, room};
use crate::source::{Finding, Source};

/// Files whose `impl` of this type may stand where it does, each with its reason.
const ELSEWHERE: &[(&str, &str)] = &[
    // `Gate::builder`, `from_env` and `from_toml`, and those of `Api`, are what README promises in one line; they make what `gate` must not know.
    ("settings/front_door.rs", "Gate"),
    ("settings/front_door.rs", "Api"),
];

/// Finds inherent `impl`s of the core that stand outside of the room that declares their type.
pub(crate) fn inherent_impls(sources: &[Source]) -> Vec<Finding> {
    let abroad = abroad(sources).into_iter();
    abroad
        .filter(|((path, name), _)| !ELSEWHERE.contains(&(path, name)))
        .map(|(_, finding)| finding)
        .collect()
}

/// The exemptions that no `impl` needs any more.
pub(crate) fn unused_exemptions(sources: &[Source]) -> Vec<(&'static str, &'static str)> {
    let abroad = abroad(sources);
    let used = |(path, name): &(&str, &str)| {
        let mut places = abroad.iter().map(|(place, _)| place);
        places.any(|place| place.0 == *path && place.1 == *name)
    };
    let exemptions = ELSEWHERE.iter().copied();
    exemptions.filter(|exemption| !used(exemption)).collect()
}

/// The inherent `impl`s that stand outside of the room of their type, by file and type.
fn abroad(sources: &[Source]) -> Vec<((String, String), Finding)> {
    let core: Vec<(&str, &Source, String)> = sources
        .iter()
        .filter_map(|source| {
            let path = source.path.strip_prefix(CORE)?;
            Some((path, source, code(source)))
        })
        .collect();
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, _, code) in &core {
        for declared in declarations(code) {
            homes.entry(declared).or_default().insert(room(path));
        }
    }
    let mut findings = Vec::new();
    for (path, source, code) in &core {
        for (line, implemented) in implementations(code) {
            let Some(homes) = homes.get(implemented) else {
                continue;
            };
            if homes.contains(room(path)) {
                continue;
            }
            let home = homes.iter().copied().collect::<Vec<_>>().join("` or `");
            let finding = source.finding(
                line,
                format!("`{implemented}` is declared in `{home}`, and its inherent impl belongs there: move it, or make it a function of `{}`", room(path)),
            );
            findings.push((((*path).to_owned(), implemented.to_owned()), finding));
        }
    }
    findings
}

pub(crate) fn code(source: &Source) -> String {
    let code = source.code_before_tests().into_iter();
    code.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// The names of the types and traits that a code declares.
pub(crate) fn declarations(code: &str) -> impl Iterator<Item = &str> {
    let keywords = ["struct", "enum", "union", "trait", "type"];
    words(code).filter_map(move |(at, word)| {
        let declares = keywords.contains(&word);
        let (_, name) = words(&code[at + word.len()..]).next()?;
        (declares && name.starts_with(char::is_uppercase)).then_some(name)
    })
}

/// The types that have an inherent `impl` in a code, with its line.
fn implementations(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code).filter_map(|(at, word)| {
        // Elsewhere, `impl` is a part of a type.
        let item = code[..at].trim_end();
        let begins = item.is_empty() || item.ends_with(['}', ';', '{', ']']);
        if word != "impl" || !begins {
            return None;
        }
        let header = &code[at + word.len()..];
        let header = &header[..header.find('{')?];
        let header = without_generics(header.trim_start());
        if words(header).any(|(_, word)| word == "for") {
            return None;
        }
        let line = 1 + code[..at].matches('\n').count();
        Some((line, last_segment(header)?))
    })
}

/// A header behind its generic parameters, if it has any.
fn without_generics(header: &str) -> &str {
    if !header.starts_with('<') {
        return header;
    }
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in header.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &header[at + 1..];
        }
        before = c;
    }
    header
}

/// `super::Hook<User, String> where …` is a `Hook`, `dyn HttpClient` is a `HttpClient`.
fn last_segment(header: &str) -> Option<&str> {
    let header = header.trim_start();
    let path = header.strip_prefix("dyn ").unwrap_or(header);
    let end = path.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')));
    path[..end.unwrap_or(path.len())].rsplit("::").next()
}

/// Identifiers and keywords, with their places.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let apart = |c: char| !(c.is_alphanumeric() || c == '_');
    code.split(apart)
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let home =
            "pub struct Gate(u8);\nstruct Pages<'a>(&'a str);\npub trait Door {}\nenum Kind { A }";
        let sources = [
            Source::new(&format!("{CORE}gate/mod.rs"), home),
            Source::new(&format!("{CORE}{path}"), text),
        ];
        let findings = inherent_impls(&sources);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_impl_at_home_is_left_in_peace() {
        for (path, text) in [
            ("gate/login.rs", "impl super::Gate { fn a() {} }"),
            ("settings/front_door.rs", "impl Gate { fn builder() {} }"),
            (
                "hook.rs",
                "struct Own; impl Own { fn of(gate: impl Into<Gate>) -> impl Door { gate } }",
            ),
            (
                "hook.rs",
                "impl From<Own> for Gate {}\nimpl<T: Fn() -> u8> Door for Pages<'_> {}",
            ),
            (
                "hook.rs",
                "// impl Gate {\n#[cfg(test)]\nmod tests { impl Gate {} }",
            ),
        ] {
            assert_eq!(found(path, text), Vec::<String>::new(), "{path} {text}");
        }
    }

    #[test]
    fn an_impl_away_from_home_is_found() {
        for text in [
            "\nimpl Gate {}",
            "use a::b;\nimpl crate::gate::Gate {\n}",
            "#[x]\nimpl<'a> Pages<'a> {}",
            "}\nimpl<F: Fn(&str) -> Vec<u8>> Pages<'_> where F: Send {}",
            "\nimpl dyn Door {}",
            "\nimpl Kind { fn of(kind: impl Into<Kind>) {} }",
        ] {
            let found = found("hook.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found[0].starts_with(&format!("{CORE}hook.rs:2: ")),
                "{found:?}"
            );
        }
    }
}
