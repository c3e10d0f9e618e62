//! What a check has found: findings, each with what was seen, why it matters, the cure, and where the guide says more.

mod code;
mod finding;

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

pub use code::FindingCode;
pub use finding::{Finding, Severity};

/// What [`Gate::check`](crate::Gate::check) has found: at least one [`Finding`] for everything that was looked at, good or
/// bad.
///
/// Its `Display` is for a terminal. Serialized, it is `{"severity": …, "findings": […]}`, with the severity of the worst
/// finding first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<Finding>);

impl Report {
    /// A report of these findings, in this order.
    #[must_use]
    pub fn new(findings: Vec<Finding>) -> Self {
        Self(findings)
    }

    /// The findings: first those about the gate, then those about each provider, then those about stores.
    pub fn findings(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.0.iter()
    }

    /// The findings that are at least this severe.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.0
            .iter()
            .filter(move |finding| finding.severity() >= severity)
    }

    /// The severity of the worst finding.
    #[must_use]
    pub fn worst(&self) -> Severity {
        let severities = self.0.iter().map(Finding::severity);
        severities.max().unwrap_or(Severity::Ok)
    }

    /// Whether logins can be expected to work: there is no [`Severity::Mistake`].
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.worst() < Severity::Mistake
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        let count = |severity| {
            let found = self.0.iter();
            found
                .filter(|finding| finding.severity() == severity)
                .count()
        };
        write!(
            f,
            "mistakes: {}, warnings: {}, hints: {}, in order: {}",
            count(Severity::Mistake),
            count(Severity::Warning),
            count(Severity::Hint),
            count(Severity::Ok)
        )
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 2)?;
        report.serialize_field("severity", &self.worst())?;
        report.serialize_field("findings", &self.0)?;
        report.end()
    }
}

/// A number of things: `1 cookie`, `2 cookies`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_is_no_plural() {
        for (count, expected) in [(0, "0 cookies"), (1, "1 cookie"), (2, "2 cookies")] {
            assert_eq!(counted(count, "cookie"), expected);
        }
    }

    fn finding(severity: Severity) -> Finding {
        FindingCode::Issuer
            .finding(
                severity,
                "It is spelled otherwise",
                "Set `issuer` to what it calls itself",
            )
            .about("https://op.example")
    }

    #[test]
    fn it_is_as_bad_as_its_worst_finding() {
        let report = |severities: &[Severity]| {
            let findings = severities.iter().map(|severity| finding(*severity));
            Report::new(findings.collect())
        };
        for (severities, worst, is_healthy) in [
            (&[][..], Severity::Ok, true),
            (&[Severity::Ok, Severity::Hint], Severity::Hint, true),
            (&[Severity::Warning, Severity::Ok], Severity::Warning, true),
            (
                &[Severity::Hint, Severity::Mistake, Severity::Warning],
                Severity::Mistake,
                false,
            ),
        ] {
            let report = report(severities);
            assert_eq!((report.worst(), report.is_healthy()), (worst, is_healthy));
        }
        let report = report(&[Severity::Ok, Severity::Mistake, Severity::Warning]);
        assert_eq!(report.at_least(Severity::Warning).count(), 2);
    }

    #[test]
    fn machines_read_every_part() {
        let report = Report::new(vec![finding(Severity::Mistake)]);
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            json!({
                "severity": "mistake",
                "findings": [{
                    "code": "issuer",
                    "severity": "mistake",
                    "subject": "https://op.example",
                    "what": "It is spelled otherwise",
                    "why": FindingCode::Issuer.why(),
                    "cure": "Set `issuer` to what it calls itself",
                    "link": "https://latchgate.github.io/latchgate/guide/doctor.html#issuer",
                }],
            })
        );
    }

    #[test]
    fn people_read_it_in_a_terminal() {
        let found = finding(Severity::Mistake).to_string();
        assert_eq!(
            found,
            format!(
                "mistake  issuer  https://op.example\n  It is spelled otherwise.\n  Why: {}\n  Cure: Set `issuer` to what it calls itself.\n  https://latchgate.github.io/latchgate/guide/doctor.html#issuer",
                FindingCode::Issuer.why()
            )
        );
        let good = FindingCode::Issuer.ok("It is spelled alike");
        assert_eq!(good.to_string(), "ok       issuer\n  It is spelled alike.");
        let report = Report::new(vec![good, finding(Severity::Hint)]);
        assert!(
            report
                .to_string()
                .ends_with("\nmistakes: 0, warnings: 0, hints: 1, in order: 1")
        );
    }
}
