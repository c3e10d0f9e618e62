//! The binary `latchgate`, run as somebody runs it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may be blunt; clippy knows only the `#[test]` functions themselves"
)]

mod dev_provider;
mod doctor;
mod terminal;

use std::process::{Command, Output, Stdio};

/// The binary, without the settings of whoever runs the tests.
fn latchgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchgate"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LATCHGATE_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What it wrote to standard output and standard error, and its exit code.
fn said(output: Output) -> (String, String, Option<i32>) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code();
    (text(output.stdout), text(output.stderr), code)
}
