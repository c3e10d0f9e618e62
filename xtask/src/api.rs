//! `cargo xtask api`: the public API of every crate that is published, held against `api/<crate>.txt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use crate::run::{cargo, root, target};

/// Set where this very program is called in place of rustdoc.
const AS_RUSTDOC: &str = "LATCHGATE_XTASK_AS_RUSTDOC";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let bless = match arguments {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => {
            return Err(format!(
                "`{}` is not understood; see `cargo xtask help`",
                arguments.join(" ")
            ));
        }
    };
    document()?;
    let lister = build_lister()?;
    let folder = root().join("api");
    let mut changed = Vec::new();
    // What a program can be used for is not in its Rust.
    let has_library = |name: &String| root().join("crates").join(name).join("src/lib.rs").exists();
    for package in published()?.into_iter().filter(has_library) {
        let now = listing(&lister, &package)?;
        let file = folder.join(format!("{package}.txt"));
        let before = fs::read_to_string(&file).unwrap_or_default();
        if now == before {
            continue;
        }
        println!("\n{package} ({})", file.display());
        difference(&before, &now)
            .iter()
            .for_each(|line| println!("{line}"));
        if bless {
            let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &now));
            written.map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
        changed.push(package);
    }
    if changed.is_empty() || bless {
        return Ok(());
    }
    Err(format!(
        "the public API is not what api/ says of {}. If that is meant, `cargo xtask api --bless` accepts it; tell users in \
         CHANGELOG.md. If nothing of ours has changed, the Rust that lists it has",
        changed.join(", ")
    ))
}

/// Whether this program was called by cargo in place of rustdoc, see [`document`].
pub(crate) fn is_rustdoc() -> bool {
    std::env::var_os(AS_RUSTDOC).is_some()
}

/// Runs rustdoc with its unstable options unlocked.
pub(crate) fn rustdoc() -> ExitCode {
    let status = Command::new("rustdoc")
        .args(std::env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    match status.as_ref().map(ExitStatus::success) {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The folder names of the crates that are published, which are the crates' names.
pub(crate) fn published() -> Result<Vec<String>, String> {
    let crates = root().join("crates");
    let entries = fs::read_dir(&crates)
        .map_err(|error| format!("{} cannot be read: {error}", crates.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| is_published(&entry.path().join("Cargo.toml")))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn is_published(manifest: &Path) -> bool {
    let text = fs::read_to_string(manifest);
    text.is_ok_and(|text| !text.lines().any(|line| line.trim() == "publish = false"))
}

/// Lets rustdoc write every library of the workspace as JSON.
///
/// That is unstable. `RUSTC_BOOTSTRAP` would unlock it for a whole build, and dependencies that look at it would be
/// built anew, with what rests on them; so cargo calls us in place of rustdoc, and we set it for rustdoc alone.
fn document() -> Result<(), String> {
    let ourselves = std::env::current_exe()
        .map_err(|error| format!("the path of this program is unknown: {error}"))?;
    let mut documents = cargo([
        "doc",
        "--workspace",
        "--lib",
        "--no-deps",
        "--locked",
        "--quiet",
    ]);
    documents
        .env("RUSTDOC", ourselves)
        .env(AS_RUSTDOC, "1")
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
    match documents.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("rustdoc failed: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

/// Builds the program that lists, with the features that the whole workspace gives its dependencies: so `ci` has them.
fn build_lister() -> Result<PathBuf, String> {
    let name = "latchgate-api-listing";
    let mut build = cargo(["build", "--quiet", "--locked", "--workspace", "--bin", name]);
    match build.status() {
        Ok(status) if status.success() => {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            Ok(target().join("debug").join(file))
        }
        Ok(status) => Err(format!("{name} was not built: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

/// The public items of a crate, one to a line.
fn listing(lister: &Path, package: &str) -> Result<String, String> {
    let json: PathBuf = target()
        .join("doc")
        .join(format!("{}.json", package.replace('-', "_")));
    let output = Command::new(lister)
        .arg(&json)
        .output()
        .map_err(|error| format!("cannot start {}: {error}", lister.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines that have gone, and those that have come.
fn difference(before: &str, now: &str) -> Vec<String> {
    let lines = |text| str::lines(text).collect::<BTreeSet<&str>>();
    let (before, now) = (lines(before), lines(now));
    let gone = before.difference(&now).map(|line| format!("- {line}"));
    let come = now.difference(&before).map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_has_gone_and_what_has_come() {
        assert_eq!(
            difference("fn a()\nfn b()\n", "fn b()\nfn c()\n"),
            ["- fn a()", "+ fn c()"]
        );
    }

    #[test]
    fn the_core_is_published_and_its_tests_are_not() {
        let published = published().unwrap_or_default();
        assert!(published.iter().any(|name| name == "latchgate"));
        assert!(!is_published(&root().join("tests/Cargo.toml")));
    }
}
