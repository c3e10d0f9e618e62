//! The guide, `docs/`: every chapter is in its table of contents, its code is compiled, and what it mentions exists.

mod chapter;
mod commands;
mod contents;
mod links;
mod pictures;
mod settings;

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

#[test]
fn links_lead_somewhere() {
    let chapters = chapters();
    let hosts = source::read(links::HOSTS);
    let targets = links::Targets::new(&chapters, &hosts, source::workspace());
    report(
        &chapters
            .iter()
            .flat_map(|chapter| targets.dangling(chapter))
            .collect::<Vec<_>>(),
    );
    let unused = targets.unused_hosts(&chapters);
    assert!(
        unused.is_empty(),
        "no chapter links to {unused:?}: remove them from {}",
        links::HOSTS
    );
    let sorted = hosts.lines().is_sorted();
    assert!(sorted, "{} is not sorted", links::HOSTS);
}

#[test]
fn links_to_the_guide_lead_into_it() {
    let targets = links::Targets::new(&chapters(), "", Vec::new());
    let elsewhere = source::workspace().into_iter().chain(source::documents());
    let findings = elsewhere.flat_map(|source| targets.dangling_from_elsewhere(&source));
    report(&findings.collect::<Vec<_>>());
}

#[test]
fn settings_exist_and_make_a_gate() {
    let table = source::read("crates/latchgate/src/settings/table.md");
    let known = settings::known(&table);
    assert!(
        known.contains("LATCHGATE_ISSUER"),
        "the table was not found"
    );
    let chapters = chapters();
    let unknown = chapters
        .iter()
        .flat_map(|chapter| settings::unknown(chapter, &known));
    let useless = chapters.iter().flat_map(settings::useless);
    report(&unknown.chain(useless).collect::<Vec<_>>());
}

#[test]
fn commands_exist() {
    let commands = commands::Commands::of_the_workspace();
    report(
        &chapters()
            .iter()
            .flat_map(|chapter| commands.unknown(chapter))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn pictures_are_small_and_shown() {
    report(&pictures::wrong(
        &source::sizes("docs/src/pictures"),
        &chapters(),
    ));
}
