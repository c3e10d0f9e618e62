//! The two lists of chapters: the table of contents, and the one of chapters whose code is compiled.

use std::collections::BTreeSet;

use super::chapter::{blocks, in_book};
use crate::source::{Finding, Source};

/// mdBook's table of contents.
pub(crate) const SUMMARY: &str = "docs/src/SUMMARY.md";

/// What compiles the code of chapters.
pub(crate) const COMPILED: &str = "tests/src/guide.rs";

/// Finds chapters that the table of contents lacks, and entries without a chapter.
pub(crate) fn unlisted(summary: &Source, chapters: &[Source]) -> Vec<Finding> {
    let links = summary.text.split("](").skip(1);
    let listed: BTreeSet<&str> = links.filter_map(|link| link.split(')').next()).collect();
    let written: BTreeSet<&str> = chapters.iter().map(in_book).collect();
    let missing = written.difference(&listed);
    let missing = missing.map(|path| format!("`{path}` is not listed: add it"));
    let dangling = listed.difference(&written);
    let dangling =
        dangling.map(|path| format!("`{path}` does not exist: write it, or remove its entry"));
    let findings = missing.chain(dangling);
    findings
        .map(|message| summary.finding(1, message))
        .collect()
}

/// Finds blocks of Rust that nothing compiles.
pub(crate) fn not_compiled(list: &Source, chapters: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for chapter in chapters {
        let rust: Vec<_> = blocks(chapter)
            .into_iter()
            .filter(|block| block.language() == "rust")
            .collect();
        let path = in_book(chapter);
        if !rust.is_empty() && !list.text.contains(&format!(" \"{path}\",")) {
            let message = format!(
                "this block is not compiled: add a line for `{path}` to {}",
                list.path
            );
            findings.push(chapter.finding(rust[0].line, message));
        }
        // What a migration leaves behind is code on somebody else's crate.
        let foreign = |info: &str| path.starts_with("from/") && info == "rust,ignore";
        for block in &rust {
            if block.is("ignore") && !foreign(block.info) {
                findings.push(chapter.finding(
                    block.line,
                    "this block is not compiled: hide what it lacks in lines that begin with `# `",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contents_are_compared_with_the_files() {
        let chapters = [
            Source::new("docs/src/a.md", "# A"),
            Source::new("docs/src/b/c.md", "# C"),
        ];
        let found = |summary: &str| unlisted(&Source::new(SUMMARY, summary), &chapters).len();
        assert_eq!(found("[A](a.md)\n- [C](b/c.md)\n"), 0);
        assert_eq!(found("[A](a.md)\n"), 1);
        assert_eq!(found("[A](a.md)\n- [C](b/c.md)\n- [D](d.md)\n- [E]()"), 2);
    }

    #[test]
    fn blocks_that_nothing_compiles_are_found() {
        let found = |path: &str, chapter: &str| {
            let list = Source::new(COMPILED, "    A \"a.md\",\n    B \"from/b.md\",");
            not_compiled(&list, &[Source::new(path, chapter)]).len()
        };
        assert_eq!(
            found("docs/src/a.md", "```rust\n```\n```rust,no_run\n```"),
            0
        );
        assert_eq!(found("docs/src/a.md", "```rust,ignore\n```"), 1);
        assert_eq!(found("docs/src/from/b.md", "```rust,ignore\n```"), 0);
        assert_eq!(found("docs/src/c.md", "```rust\n```"), 1);
        assert_eq!(found("docs/src/c.md", "```sh\n```"), 0);
    }
}
