//! Commands that the guide shows exist: chores, aliases, packages, and subcommands of ours.

use std::collections::BTreeSet;

use super::chapter::{self, blocks};
use crate::source::{self, Finding, Source};

/// Cargo's own.
const CARGO: &[&str] = &[
    "add", "build", "check", "install", "new", "run", "test", "remove", "doc",
];

/// What there is.
pub(crate) struct Commands {
    aliases: BTreeSet<String>,
    chores: String,
    packages: BTreeSet<String>,
    subcommands: String,
}

impl Commands {
    pub(crate) fn of_the_workspace() -> Self {
        let packages = source::read("Cargo.lock");
        let packages = packages
            .lines()
            .filter_map(|line| line.strip_prefix("name = "));
        let aliases = source::read(".cargo/config.toml");
        let aliases = aliases.lines().filter_map(|line| line.split_once(" = "));
        Self {
            aliases: aliases.map(|(alias, _)| alias.to_owned()).collect(),
            chores: source::read("xtask/src/main.rs"),
            packages: packages
                .map(|name| name.trim_matches('"').to_owned())
                .collect(),
            subcommands: sources("crates/latchgate-cli/"),
        }
    }

    /// Finds commands that do not exist.
    pub(crate) fn unknown(&self, chapter: &Source) -> Vec<Finding> {
        let in_blocks = blocks(chapter)
            .into_iter()
            .filter(|block| block.language() == "sh");
        let in_blocks = in_blocks.flat_map(|block| {
            let code = block.code.replace("\\\n", " \n");
            let lines: Vec<String> = code.lines().map(str::to_owned).collect();
            (block.line + 1..).zip(lines)
        });
        let in_text = chapter::text(chapter).into_iter().flat_map(|(line, text)| {
            chapter::pieces(text).map(move |piece| (line, piece.to_owned()))
        });
        let mut findings = Vec::new();
        for (line, text) in in_blocks.chain(in_text) {
            let commands = text.split("&&").flat_map(|text| text.split(['|', ';']));
            let problems = commands.filter_map(|command| self.problem(command));
            findings.extend(problems.map(|problem| chapter.finding(line, problem)));
        }
        findings
    }

    fn problem(&self, command: &str) -> Option<String> {
        let command = command.split(" #").next().unwrap_or_default();
        let mut words = command.split_whitespace();
        let mut words = words
            .by_ref()
            .skip_while(|word| word.contains('=') || *word == "$");
        match (words.next()?, words.next()?) {
            ("cargo", subcommand) => self.of_cargo(subcommand, &words.collect::<Vec<_>>()),
            ("latchgate", subcommand) => {
                let known = self.subcommands.contains(&format!("\"{subcommand}\""));
                (!known).then(|| format!("`latchgate` has no subcommand `{subcommand}`"))
            }
            _ => None,
        }
    }

    fn of_cargo(&self, subcommand: &str, rest: &[&str]) -> Option<String> {
        if subcommand == "xtask" {
            let chore = rest.first()?;
            let known = self.chores.contains(&format!("Some(\"{chore}\")"));
            return (!known).then(|| format!("there is no chore `cargo xtask {chore}`"));
        }
        if !CARGO.contains(&subcommand) && !self.aliases.contains(subcommand) {
            return Some(format!(
                "`cargo {subcommand}` is neither cargo's nor an alias of ours"
            ));
        }
        let wanted = match subcommand {
            "add" | "install" => {
                let names = rest
                    .iter()
                    .take_while(|word| !word.starts_with("--features"));
                names
                    .filter(|word| !word.starts_with('-'))
                    .copied()
                    .collect()
            }
            _ => package(rest),
        };
        let unknown = wanted.iter().find(|name| !self.packages.contains(**name))?;
        Some(format!("there is no package `{unknown}`"))
    }
}

/// The sources of a crate, one after the other.
fn sources(folder: &str) -> String {
    let sources = source::workspace().into_iter();
    let sources = sources.filter(|source| source.path.starts_with(folder));
    sources.map(|source| source.text).collect()
}

/// The package that `-p` names.
fn package<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let flag = words
        .iter()
        .position(|word| *word == "-p" || *word == "--package");
    let name = flag.and_then(|at| words.get(at + 1));
    name.into_iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let commands = Commands {
            subcommands: "\"doctor\"".to_owned(),
            ..Commands::of_the_workspace()
        };
        commands.unknown(&Source::new("docs/src/a.md", text)).len()
    }

    #[test]
    fn commands_that_do_not_exist_are_found() {
        assert_eq!(
            found(
                "`cargo demo`, `cargo xtask test`, `cargo run -p latchgate-example-axum`, `cargo`"
            ),
            0
        );
        assert_eq!(found("`cargo dmeo`"), 1);
        assert_eq!(found("`cargo xtask tset`"), 1);
        assert_eq!(
            found("```sh\nPORT=1 cargo run -p latchgate-exmaple\n```"),
            1
        );
        assert_eq!(
            found(
                "```sh\ncargo new hello && cargo add axum latchgate-towre\ncargo add tokio --features x\n```"
            ),
            1
        );
        assert_eq!(found("`latchgate doctor` and `latchgate docter`"), 1);
    }
}
