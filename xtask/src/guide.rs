//! `cargo xtask guide`: the book in `docs/`, built by mdBook.
//!
//! What builds it is a workspace of its own, so that it is compiled here only, and without optimization: that costs CI less
//! than a member of the workspace, which would be checked, tested and benchmarked, or `cargo install mdbook`.

use std::fs;

use crate::run::{Run, cargo, root, target};

/// What the tests call the pictures of pages that the guide shows.
const PICTURES: &str = "guide-";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => {}
        [flag] if flag == "--screenshots" => renew()?,
        _ => {
            return Err(format!(
                "`{}` is not understood; see `cargo xtask help`",
                arguments.join(" ")
            ));
        }
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

/// Takes over the pictures of pages that the last run of the tests has left.
fn renew() -> Result<(), String> {
    let taken = fs::read_dir(target().join("screenshots"));
    let taken = taken.into_iter().flatten().flatten();
    let mut renewed = 0;
    for picture in taken {
        let file = picture.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_prefix(PICTURES) {
            let place = root().join("docs/src/pictures").join(name);
            fs::copy(picture.path(), &place)
                .map_err(|error| format!("{} cannot be written: {error}", place.display()))?;
            renewed += 1;
        }
    }
    if renewed == 0 {
        return Err("there are no screenshots: `cargo xtask test` makes them".to_owned());
    }
    println!("renewed {renewed} pictures in docs/src/pictures");
    Ok(())
}
