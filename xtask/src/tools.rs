//! Cargo subcommands we use, kept in `target/tools` so that they are built once.

use std::ffi::OsString;
use std::process::Command;

use crate::component::{agrees, program};
use crate::run::{Run, cargo, target};

/// cargo-deny, from the `PATH` or from `target/tools`, where it is built when it is in neither.
pub(crate) fn cargo_deny(run: &mut Run) -> OsString {
    if let Some(found) = program(&["cargo-deny"]) {
        return found.into();
    }
    let ours = target()
        .join("tools/bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !agrees(Command::new(&ours).arg("--version")) {
        let mut install = cargo([
            "install",
            "--locked",
            "--quiet",
            "--version",
            "^0.20",
            "cargo-deny",
            "--root",
        ]);
        // It runs once for each time it is built: what its own profile spends on a small and fast program is not got back.
        install
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        run.step(
            "build cargo-deny (once)",
            15,
            install.arg(target().join("tools")),
        );
    }
    ours.into()
}
