//! The house rules that a compiler does not check: which room may import which, what nothing may be called, how long a
//! file may be, where a standard must be cited. `ARCHITECTURE.md` gives the reasons; every finding names its cure.

mod circles;
mod codes;
mod conformance;
mod examples;
mod guide;
mod homes;
mod imports;
mod keys;
mod lints;
mod logs;
mod manifests;
mod names;
mod recipes;
mod routes;
mod shape;
mod source;
mod threats;

use source::{Finding, Source};

/// Fails with every finding, one to a line.
fn report(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "\n\n{}\n", lines.join("\n"));
}

fn every(check: impl Fn(&Source) -> Vec<Finding>) {
    let sources = source::workspace();
    assert!(sources.len() > 10, "the sources were not found");
    report(&sources.iter().flat_map(check).collect::<Vec<_>>());
}

#[test]
fn imports_point_back_in_the_story() {
    every(imports::between_rooms);
}

#[test]
fn inherent_impls_stand_in_the_room_of_their_type() {
    let sources = source::workspace();
    report(&homes::inherent_impls(&sources));
    assert_eq!(homes::unused_exemptions(&sources), [], "remove them");
}

#[test]
fn no_files_of_a_room_import_each_other() {
    report(&circles::inside_rooms(&source::workspace()));
}

#[test]
fn the_routes_of_the_gate_are_named_where_the_layer_is_explained() {
    let settings = source::read("crates/latchgate/src/settings/table.md");
    assert!(settings.contains("`/callback`"), "the table has no paths");
    let documents = routes::DOCUMENTS.iter();
    let findings = documents.flat_map(|path| {
        routes::unnamed(&source::Source::new(path, &source::read(path)), &settings)
    });
    report(&findings.collect::<Vec<_>>());
}

#[test]
fn one_name_means_one_type() {
    report(&circles::one_name_for_one_type(&source::workspace()));
}

#[test]
fn adapters_use_the_front_door() {
    every(imports::of_adapters);
}

#[test]
fn nothing_is_called_utils_or_manager() {
    every(names::banned);
}

#[test]
fn files_are_short() {
    every(shape::length);
}

#[test]
fn protocol_files_cite_their_standard() {
    every(shape::citation);
}

#[test]
fn nothing_is_allowed_or_left_to_do() {
    every(lints::leftovers);
}

#[test]
fn the_page_explains_every_line_of_the_log_and_no_other() {
    let page = source::Source::new(logs::PAGE, &source::read(logs::PAGE));
    assert!(
        page.text.contains("| `rejection` |"),
        "the page was not found"
    );
    report(&logs::differing(&source::workspace(), &page));
}

#[test]
fn every_module_of_the_conformance_suite_has_a_scenario_or_an_excuse() {
    let text = source::read(conformance::TABLE);
    assert!(text.len() > 1_000, "the table was not found");
    let table = source::Source::new(conformance::TABLE, &text);
    report(&conformance::uncovered(&table, &source::workspace()));
}

#[test]
fn every_code_is_in_the_list() {
    let list = source::Source::new(codes::LIST, &source::read(codes::LIST));
    assert!(
        list.text.contains("| `state_missing` |"),
        "the list was not found"
    );
    report(&codes::unlisted(&source::workspace(), &list));
}

#[test]
fn every_code_has_a_cure() {
    let table = |path| source::Source::new(path, &source::read(path));
    let (list, cures) = (table(codes::LIST), table(codes::CURES));
    let answers = table(codes::ANSWERS);
    assert!(answers.text.contains("| `not_permitted` |"));
    report(&codes::incurable(&list, &cures));
    report(&codes::incurable(&answers, &cures));
    report(&codes::unmade(&source::workspace(), &answers));
}

#[test]
fn no_crate_has_unsafe_code() {
    let crates = source::crates();
    assert!(crates.len() >= 5, "the crates were not found");
    report(
        &crates
            .iter()
            .flat_map(|found| lints::unsafe_code(&found.manifest, &found.root))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn published_crates_say_what_they_are() {
    let crates = source::crates();
    let manifests = crates.iter().map(|found| &found.manifest);
    report(&manifests.flat_map(manifests::published).collect::<Vec<_>>());
}

#[test]
fn keys_in_documents_are_refused() {
    let documents = source::documents();
    assert!(documents.len() > 5, "the documents were not found");
    let findings = documents.iter().flat_map(keys::in_document);
    report(&findings.collect::<Vec<_>>());
    every(keys::in_comments);
}

#[test]
fn examples_are_short_and_listed() {
    let examples = source::examples();
    assert!(!examples.is_empty(), "the examples were not found");
    let index = source::read("examples/README.md");
    report(
        &examples
            .iter()
            .flat_map(|example| examples::shown(example, &index))
            .collect::<Vec<_>>(),
    );
}
