//! A report as text for a terminal: the worst findings first, and what is in order last, in one line.

use std::fmt::Write as _;

use latchgate::{Finding, Report, Severity};

use crate::terminal::wrapped;

/// The columns before texts.
const INDENT: usize = 9;

/// The report as text.
pub(super) fn laid_out(report: &Report, verbose: bool, coloured: bool) -> String {
    let paint = Paint { coloured };
    let mut text = String::new();
    for severity in [Severity::Mistake, Severity::Warning, Severity::Hint] {
        for finding in of(report, severity) {
            text += &bad(finding, paint);
            text.push('\n');
        }
    }
    if verbose {
        for finding in of(report, Severity::Ok) {
            text += &heading(finding, paint);
            let _ = writeln!(text, "{}.", below("", finding.what()));
        }
        text.push('\n');
    } else {
        let names = of(report, Severity::Ok).map(|finding| finding.code().as_str());
        let mut names: Vec<&str> = names.collect();
        names.dedup();
        if !names.is_empty() {
            let names = wrapped(&names.join(", "), INDENT);
            let _ = writeln!(text, "{}{names}\n", paint.severity(Severity::Ok));
        }
    }
    let counts = [
        (Severity::Mistake, "mistake", "mistakes"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Hint, "hint", "hints"),
        (Severity::Ok, "in order", "in order"),
    ];
    let counts = counts.map(|(severity, one, many)| match of(report, severity).count() {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    });
    let _ = writeln!(text, "{}", counts.join(", "));
    text
}

fn of(report: &Report, severity: Severity) -> impl Iterator<Item = &Finding> {
    let findings = report.findings();
    findings.filter(move |finding| finding.severity() == severity)
}

fn bad(finding: &Finding, paint: Paint) -> String {
    let mut text = heading(finding, paint);
    let _ = writeln!(text, "{}.", below("", finding.what()));
    let _ = writeln!(text, "{}", below("Why", finding.why()));
    if let Some(cure) = finding.cure() {
        let _ = writeln!(text, "{}.", below("Cure", cure));
    }
    let _ = writeln!(text, "{}", below("More", &finding.link()));
    text
}

fn heading(finding: &Finding, paint: Paint) -> String {
    let severity = paint.severity(finding.severity());
    let code = paint.bold(finding.code().as_str());
    match finding.subject() {
        Some(subject) => format!("{severity}{code}  {subject}\n"),
        None => format!("{severity}{code}\n"),
    }
}

/// A text below its heading, with a word before it.
fn below(word: &str, text: &str) -> String {
    let width = INDENT - 2;
    format!("{word:>width$}  {}", wrapped(text, INDENT))
}

/// Whether there are colours.
#[derive(Clone, Copy)]
struct Paint {
    coloured: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self.coloured {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// The word for it, as wide as the texts are indented.
    fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Mistake => "1;31",
            Severity::Warning => "1;33",
            Severity::Hint => "36",
            _ => "32",
        };
        self.with(code, &format!("{:<INDENT$}", severity.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchgate::FindingCode;

    fn report() -> Report {
        Report::new(vec![
            FindingCode::SessionKeys.ok("There is one session key"),
            FindingCode::Scopes.hint("It does not say which", "Ask it"),
            FindingCode::Issuer
                .mistake(
                    "It is spelled otherwise",
                    "Set `issuer` to `https://op.example/`",
                )
                .about("https://op.example"),
            FindingCode::Metadata.ok("Its metadata can be used"),
        ])
    }

    #[test]
    fn the_worst_comes_first_with_its_cure_and_the_good_in_short() {
        let text = laid_out(&report(), false, false);
        let expected = format!(
            "mistake  issuer  https://op.example\n         It is spelled otherwise.\n    Why  {}\n   Cure  Set `issuer` to `https://op.example/`.\n   More  {}\n\nhint     scopes\n",
            wrapped(FindingCode::Issuer.why(), INDENT),
            FindingCode::Issuer.link(),
        );
        assert!(text.starts_with(&expected), "{text}\n---\n{expected}");
        assert!(
            text.ends_with(
                "\nok       session-keys, metadata\n\n1 mistake, 0 warnings, 1 hint, 2 in order\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn verbose_says_what_is_good() {
        let text = laid_out(&report(), true, false);
        assert!(
            text.contains("ok       metadata\n         Its metadata can be used.\n"),
            "{text}"
        );
    }

    #[test]
    fn colours_are_nothing_but_colours() {
        let coloured = laid_out(&report(), true, true);
        assert!(
            coloured.contains("\x1b[1;31mmistake  \x1b[0m\x1b[1missuer\x1b[0m"),
            "{coloured}"
        );
        let mut plain = coloured;
        for code in ["1;31", "1;33", "36", "32", "1", "0"] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, laid_out(&report(), true, false));
    }
}
