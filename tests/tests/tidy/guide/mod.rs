//! The guide, `docs/`: every chapter is in its table of contents, and its code is compiled.

mod chapter;
mod contents;

use crate::report;
use crate::source::{self, Source};

/// Every chapter.
fn chapters() -> Vec<Source> {
    let files = source::markdown("docs/src");
    let chapters = files
        .into_iter()
        .filter(|file| file.path != contents::SUMMARY);
    let chapters: Vec<Source> = chapters.collect();
    assert!(chapters.len() > 1, "the guide was not found");
    chapters
}

#[test]
fn every_chapter_is_in_the_table_of_contents() {
    let summary = source::read(contents::SUMMARY);
    report(&contents::unlisted(
        &Source::new(contents::SUMMARY, &summary),
        &chapters(),
    ));
}

#[test]
fn every_block_of_rust_is_compiled() {
    let list = source::read(contents::COMPILED);
    report(&contents::not_compiled(
        &Source::new(contents::COMPILED, &list),
        &chapters(),
    ));
}
