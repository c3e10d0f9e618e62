//! The arguments of a command, read one by one.

use std::ffi::OsString;
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::failure::Failure;
use crate::terminal::print;

/// What is left of the command line.
pub(crate) struct Arguments {
    parser: Parser,
    /// The command that they belong to.
    of: &'static str,
}

/// One argument.
pub(crate) enum Argument {
    /// An option, without its dashes: `json`, `v`.
    Option(String),
    /// Anything else.
    Value(String),
}

impl Arguments {
    pub(crate) fn new(given: impl Iterator<Item = OsString>) -> Self {
        Self {
            parser: Parser::from_args(given.collect::<Vec<_>>()),
            of: "help",
        }
    }

    /// The arguments of this command, which messages about mistakes then name.
    pub(crate) fn of(self, command: &'static str) -> Self {
        Self {
            of: command,
            ..self
        }
    }

    /// The next argument. If it asks for help, prints the help and ends the program.
    pub(crate) fn next(&mut self, help: &str) -> Result<Option<Argument>, Failure> {
        let of = self.of;
        let wrong = |error: lexopt::Error| Failure::usage(error.to_string(), of);
        Ok(Some(match self.parser.next().map_err(wrong)? {
            None => return Ok(None),
            Some(Arg::Short('h') | Arg::Long("help")) => {
                print(help)?;
                std::process::exit(0)
            }
            Some(Arg::Short(short)) => Argument::Option(short.to_string()),
            Some(Arg::Long(long)) => Argument::Option(long.to_owned()),
            Some(Arg::Value(value)) => Argument::Value(value.string().map_err(wrong)?),
        }))
    }

    /// A word that says what to do; `None` at the end of the arguments.
    pub(crate) fn command(&mut self, help: &str) -> Result<Option<String>, Failure> {
        match self.next(help)? {
            None => Ok(None),
            Some(Argument::Value(word)) => Ok(Some(word)),
            Some(Argument::Option(name)) if name == "V" || name == "version" => {
                Ok(Some("version".to_owned()))
            }
            Some(Argument::Option(name)) => Err(self.unknown(&name)),
        }
    }

    /// An error if an argument is left.
    pub(crate) fn end(&mut self, help: &str) -> Result<(), Failure> {
        match self.next(help)? {
            None => Ok(()),
            Some(Argument::Option(name)) => Err(self.unknown(&name)),
            Some(Argument::Value(word)) => Err(self.superfluous(&word)),
        }
    }

    /// The value of the option that was just read.
    pub(crate) fn value(&mut self) -> Result<String, Failure> {
        let value = self.parser.value().and_then(|value| value.string());
        value.map_err(|error| Failure::usage(error.to_string(), self.of))
    }

    /// The value of the option that was just read, of this kind.
    pub(crate) fn parsed<T: FromStr>(&mut self, kind: &str) -> Result<T, Failure> {
        let value = self.value()?;
        value
            .parse()
            .map_err(|_| Failure::usage(format!("`{value}` is not {kind}"), self.of))
    }

    /// The option does not exist.
    pub(crate) fn unknown(&self, name: &str) -> Failure {
        let dashes = if name.chars().count() == 1 { "-" } else { "--" };
        Failure::usage(format!("there is no option `{dashes}{name}`"), self.of)
    }

    /// The argument is one too many.
    pub(crate) fn superfluous(&self, word: &str) -> Failure {
        Failure::usage(format!("`{word}` is one argument too many"), self.of)
    }
}
