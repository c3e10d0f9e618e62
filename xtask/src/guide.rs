//! `cargo xtask guide`: the book in `docs/`, built by mdBook.
//!
//! What builds it is a workspace of its own, so that it is compiled here only, and without optimization: that costs CI less
//! than a member of the workspace, which would be checked, tested and benchmarked, or `cargo install mdbook`.

use crate::run::{Run, cargo, root, target};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(argument) = arguments.first() {
        return Err(format!(
            "`{argument}` is not understood; see `cargo xtask help`"
        ));
    }
    let mut run = Run::new();
    if step(&mut run) {
        let index = target().join("guide/index.html");
        println!("\nThe guide is at {}", index.display());
    }
    run.finish()
}

/// Builds the book. A warning is an error.
pub(crate) fn step(run: &mut Run) -> bool {
    let mut build = cargo(["run", "--locked", "--quiet", "--manifest-path"]);
    build.arg(root().join("xtask/guide/Cargo.toml"));
    build.arg("--target-dir").arg(target().join("tools/guide"));
    build.arg("--").arg(root().join("docs"));
    run.step("guide", 10, build.arg(target().join("guide")))
}
