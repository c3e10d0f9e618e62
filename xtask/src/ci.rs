//! `cargo xtask ci`: what a change must pass. Every step runs, so one run tells everything that is wrong.

use std::process::Command;

use crate::component::agrees;
use crate::run::{Run, cargo, root};
use crate::{api, guide, instructions, test, tools};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    nothing_more(arguments)?;
    let mut run = Run::new();
    let titles = "what the tests need, guide, packages";
    let lane = run.beside(titles, |run| {
        let components = test::provide(run, Vec::new());
        instructions::provide(run);
        guide::step(run);
        packages(run);
        components
    });
    run.step("format", 2, &mut cargo(["fmt", "--all", "--check"]));
    run.step(
        "clippy",
        15,
        &mut cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    );
    let mut docs = cargo(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
    run.step("docs", 10, docs.env("RUSTDOCFLAGS", "-D warnings"));
    let built = test::build(&mut run);
    public_api(&mut run);
    // Not beside the others: `cargo install` lets no other cargo look at its packages.
    licences(&mut run);
    oldest_rust(&mut run);
    // Nothing runs beside tests: some of them see to it that an answer comes in time.
    let components = run.join(lane);
    let report = match (built, components) {
        (true, Some(components)) => test::tests(&mut run, &components),
        _ => test::NONE_RAN.to_owned(),
    };
    let not_counted = instructions::step(&mut run);
    print!("{report}{not_counted}");
    run.finish()
}

/// Compares the public API with its listing.
fn public_api(run: &mut Run) {
    match std::env::current_exe() {
        Ok(ourselves) => drop(run.step("public API", 5, Command::new(ourselves).arg("api"))),
        Err(error) => run.fail("public API", error.to_string()),
    }
}

/// What may be in our dependency tree.
fn licences(run: &mut Run) {
    let deny = tools::cargo_deny(run);
    let mut licences = Command::new(deny);
    licences.args([
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "--allow",
        "duplicate",
        "bans",
        "licenses",
        "sources",
    ]);
    run.step("licences, bans, sources", 2, licences.current_dir(root()));
}

/// Packs every crate that is published: its metadata, and the versions of ours it needs. That it compiles is known.
fn packages(run: &mut Run) {
    let published = match api::published() {
        Ok(published) => published,
        Err(reason) => return run.fail("packages", reason),
    };
    let mut package = cargo([
        "package",
        "--locked",
        "--no-verify",
        "--allow-dirty",
        "--quiet",
    ]);
    for name in published {
        package.args(["--package", &name]);
    }
    run.step("packages", 10, &mut package);
}

/// Known vulnerabilities: not part of `ci`, because its answer changes without a change of ours.
pub(crate) fn audit(arguments: &[String]) -> Result<(), String> {
    nothing_more(arguments)?;
    println!("fetches the RustSec advisory database: this needs the network");
    let mut run = Run::new();
    let deny = tools::cargo_deny(&mut run);
    run.step(
        "advisories",
        5,
        Command::new(deny)
            .args(["--all-features", "check", "advisories"])
            .current_dir(root()),
    );
    run.finish()
}

/// Checks with the oldest Rust we promise, where rustup has it; says so where it has not.
fn oldest_rust(run: &mut Run) {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let toolchain = format!("+{version}");
    if agrees(
        Command::new("rustc")
            .arg(&toolchain)
            .arg("--version")
            .env("RUSTUP_AUTO_INSTALL", "0"),
    ) {
        let target = crate::run::target().join("oldest-rust");
        let mut check = Command::new("cargo");
        check
            .arg(&toolchain)
            .args([
                "check",
                "--workspace",
                "--locked",
                "--quiet",
                "--target-dir",
            ])
            .arg(target);
        run.step(
            &format!("Rust {version}"),
            10,
            check
                .env_remove("CARGO")
                .env_remove("RUSTUP_TOOLCHAIN")
                .current_dir(root()),
        );
    } else {
        run.say(&format!(
            "\nnot checked with Rust {version}, the oldest we promise: `rustup toolchain install {version}` brings it"
        ));
    }
}

fn nothing_more(arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!(
            "`{argument}` is not understood; see `cargo xtask help`"
        )),
    }
}
