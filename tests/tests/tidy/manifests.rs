//! What crates.io shows of a crate, and what a licence asks to be sent along.

use crate::source::{self, Finding, Source};

/// Finds what a published crate lacks.
pub(crate) fn published(manifest: &Source) -> Vec<Finding> {
    lacking(manifest, |file| !source::read(file).is_empty())
}

fn lacking(manifest: &Source, is_there: impl Fn(&str) -> bool) -> Vec<Finding> {
    let lines: Vec<&str> = manifest.text.lines().map(str::trim).collect();
    if lines.contains(&"publish = false") {
        return Vec::new();
    }
    let fields = [
        "description",
        "license",
        "repository",
        "keywords",
        "categories",
        "rust-version",
    ];
    let unset = |field: &&str| {
        let set = |line: &&str| {
            let rest = line.strip_prefix(field);
            rest.is_some_and(|rest| rest.starts_with([' ', '.']))
        };
        !lines.iter().any(set)
    };
    let folder = manifest.path.trim_end_matches("Cargo.toml");
    let missing = |file: &&str| !is_there(&format!("{folder}{file}"));
    let unset = fields.into_iter().filter(unset);
    let unset = unset.map(|field| format!("a published crate has a `{field}`"));
    let missing = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"]
        .into_iter()
        .filter(missing);
    let missing = missing.map(|file| {
        format!("a published crate has a {file}; licences are links to those at the root")
    });
    unset
        .chain(missing)
        .map(|message| manifest.finding(1, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_crate_says_what_it_is_and_brings_its_licences() {
        let found = |text: &str, files: &[&str]| {
            let manifest = Source::new("crates/x/Cargo.toml", text);
            lacking(&manifest, |file| {
                files.contains(&file.trim_start_matches("crates/x/"))
            })
            .len()
        };
        assert_eq!(found("publish = false", &[]), 0);
        let whole = "description = \"x\"\nlicense.workspace = true\nrepository.workspace = true\nkeywords.workspace = true\ncategories = []\nrust-version.workspace = true";
        let files = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];
        assert_eq!(found(whole, &files), 0);
        assert_eq!(found(whole, &files[1..]), 1);
        assert_eq!(found(&whole.replace("keywords", "words"), &files), 1);
    }
}
