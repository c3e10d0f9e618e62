//! `latchgate explain`: what a stable code means, and what to do.

use std::fmt::Write as _;
use std::process::ExitCode;

use latchgate::{ErrorCode, FindingCode};

use crate::arguments::{Argument, Arguments};
use crate::failure::{Failure, nearest};
use crate::terminal::{print, wrapped};

pub(crate) const HELP: &str = "\
Explains what a code means, and what to do about it.

Usage: latchgate explain [CODE]

CODE is the `code` of a page, a problem document or a log line, such as id_token_exp, or that of a
finding of the doctor, such as redirect-uri. Without it, all codes are listed.

Example:
  latchgate explain no_login_under_way
";

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let mut arguments = arguments.of("explain");
    let mut asked = None;
    while let Some(argument) = arguments.next(HELP)? {
        match argument {
            Argument::Option(name) => return Err(arguments.unknown(&name)),
            Argument::Value(code) if asked.is_none() => asked = Some(code),
            Argument::Value(word) => return Err(arguments.superfluous(&word)),
        }
    }
    match asked {
        Some(code) => print(&explanation(&code)?)?,
        None => print(&list())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The columns before meanings and cures.
const INDENT: usize = 16;

fn explanation(asked: &str) -> Result<String, Failure> {
    let asked = asked.trim();
    let found = FindingCode::ALL
        .iter()
        .find(|known| known.as_str() == asked);
    if let Some(finding) = found {
        return Ok(of_the_doctor(*finding));
    }
    let Some(code) = ErrorCode::find(asked) else {
        let all = ErrorCode::all().map(|known| known.code());
        let findings = FindingCode::ALL.iter().map(|known| known.as_str());
        let hint = match nearest(asked, all.chain(findings)) {
            Some(nearest) => format!("; did you mean `{nearest}`?"),
            None => "; `latchgate explain` lists all".to_owned(),
        };
        return Err(Failure::new(format!("there is no code `{asked}`{hint}")));
    };
    let (status, fault) = (code.status(), code.fault());
    let mut text = format!("{code}\n\n");
    for (name, words) in [
        ("What is wrong", code.meaning()),
        ("Whose fault", fault),
        ("HTTP status", status),
        ("What to do", code.cure()),
    ] {
        let _ = writeln!(text, "{name:<INDENT$}{}", wrapped(words, INDENT));
    }
    Ok(text)
}

/// The explanation of a finding of the doctor.
fn of_the_doctor(code: FindingCode) -> String {
    let mut text = format!("{code}\n\n");
    let cure = "`latchgate doctor` checks your setup, and says what to do.";
    for (name, words) in [
        ("Why it matters", code.why()),
        ("What to do", cure),
        ("More", &code.link()),
    ] {
        let _ = writeln!(text, "{name:<INDENT$}{}", wrapped(words, INDENT));
    }
    text
}

/// Every error code and every finding code, with its meaning.
fn list() -> String {
    let longest = ErrorCode::all().map(|known| known.code().len()).max();
    let indent = longest.unwrap_or_default() + 2;
    let mut text = String::new();
    for known in ErrorCode::all() {
        let meaning = wrapped(known.meaning(), indent);
        let _ = writeln!(text, "{:<indent$}{meaning}", known.code());
    }
    text.push_str("\nFindings of the doctor:\n\n");
    for known in FindingCode::ALL {
        let why = wrapped(known.why(), indent);
        let _ = writeln!(text, "{:<indent$}{why}", known.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_explained_with_its_cure() {
        let text = explanation(" id_token_exp\n").unwrap_or_default();
        for part in [
            "id_token_exp\n\n",
            "HTTP status     502\n",
            "clocks",
            "What to do      Compare",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_finding_is_explained_with_its_page() {
        let text = explanation("redirect-uri").unwrap_or_default();
        assert!(text.contains("doctor.html#redirect-uri\n"), "{text}");
    }

    #[test]
    fn what_is_misspelled_is_guessed() {
        let said = |code: &str| explanation(code).unwrap_err().to_string();
        assert!(said("id_token_expp").contains("did you mean `id_token_exp`?"));
        assert!(said("tea").contains("`latchgate explain` lists all"));
    }

    #[test]
    fn the_list_has_a_line_for_each_code() {
        let listed = list();
        for known in ErrorCode::all() {
            let line = listed
                .lines()
                .find(|line| line.starts_with(&format!("{known} ")));
            assert!(line.is_some(), "{known}");
        }
        for known in FindingCode::ALL {
            assert!(listed.contains(&format!("\n{known} ")), "{known}");
        }
    }
}
