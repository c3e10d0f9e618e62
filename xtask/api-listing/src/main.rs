//! Lists the public API of a crate, one item to a line, from what rustdoc writes as JSON. `cargo xtask api` runs it; it is a
//! package of its own so that the other chores need not build a parser first.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use public_api::Builder;

/// What every type has or has not by its fields, and nobody plans for.
const NOISE: [&str; 6] = [
    "core::marker::Freeze",
    "core::marker::StructuralPartialEq",
    "core::marker::Unpin",
    "core::marker::UnsafeUnpin",
    "core::panic::unwind_safe::RefUnwindSafe",
    "core::panic::unwind_safe::UnwindSafe",
];

/// The functions of derived traits, which say no more than the line of their `impl`.
const DERIVED: [&str; 6] = [
    "::clone(&self)",
    "::cmp(&self",
    "::eq(&self",
    "::fmt(&self",
    "::hash<",
    "::partial_cmp(&self",
];

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("which crate? give the JSON file that rustdoc wrote of it");
        return ExitCode::FAILURE;
    };
    let api = Builder::from_rustdoc_json(&path)
        .omit_blanket_impls(true)
        .build();
    match api {
        Ok(api) => {
            let items = api.items().map(ToString::to_string);
            items
                .filter(|item| is_told(item))
                .for_each(|item| println!("{item}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "{path} cannot be read: {error}; `cargo update -p public-api` may help where Rust is newer"
            );
            ExitCode::FAILURE
        }
    }
}

/// Whether an item is worth a line.
fn is_told(item: &str) -> bool {
    if item.starts_with("impl") {
        return !NOISE
            .iter()
            .any(|noise| item.contains(&format!("{noise} for ")));
    }
    !(item.starts_with("pub fn ") && DERIVED.iter().any(|derived| item.contains(derived)))
}
