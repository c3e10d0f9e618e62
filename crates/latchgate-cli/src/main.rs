//! The `latchgate` command: `latchgate help` says what it does.

#![forbid(unsafe_code)]

mod arguments;
mod dev_provider;
mod doctor;
mod explain;
mod failure;
mod keys;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::Arguments;
use failure::Failure;
use terminal::print;

const HELP: &str = "\
Tools for login with OpenID Connect.

Usage: latchgate COMMAND [OPTIONS]

Commands:
  doctor        checks the settings, the provider and the store of an application
  keys          makes and rotates session keys; makes a client's key
  explain       says what an error code means, and what to do
  dev-provider  runs an OpenID Provider on this machine, for any application
  help          explains a command: latchgate help doctor

Options:
  -h, --help     shows this, or the help of a command
  -V, --version  shows the version

Exit codes: 0 success, 1 the doctor has found something, 2 the command failed.
";

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

fn run(given: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let mut arguments = Arguments::new(given);
    let Some(command) = arguments.command(HELP)? else {
        print(HELP)?;
        return Ok(ExitCode::SUCCESS);
    };
    match command.as_str() {
        "dev-provider" => dev_provider::run(arguments),
        "doctor" => doctor::run(arguments),
        "explain" => explain::run(arguments),
        "keys" => keys::run(arguments),
        "help" => help(arguments),
        "version" => {
            print(VERSION)?;
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Failure::unknown("command", unknown, &COMMANDS, "help")),
    }
}

const COMMANDS: [&str; 6] = [
    "dev-provider",
    "doctor",
    "explain",
    "help",
    "keys",
    "version",
];
const VERSION: &str = concat!("latchgate ", env!("CARGO_PKG_VERSION"), "\n");

fn help(mut arguments: Arguments) -> Result<ExitCode, Failure> {
    let topic = arguments.command(HELP)?;
    arguments.end(HELP)?;
    let text = match topic.as_deref() {
        None | Some("help") => HELP,
        Some("dev-provider") => dev_provider::HELP,
        Some("doctor") => doctor::HELP,
        Some("explain") => explain::HELP,
        Some("keys") => keys::HELP,
        Some("version") => VERSION,
        Some(unknown) => return Err(Failure::unknown("command", unknown, &COMMANDS, "help")),
    };
    print(text)?;
    Ok(ExitCode::SUCCESS)
}
