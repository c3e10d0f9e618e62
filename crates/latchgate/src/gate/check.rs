//! The doctor: looks at the gate's settings, its providers and its stores, and reports what it finds.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use futures_util::future::join_all;

use super::{Gate, KeyOrigin};
use crate::report::{Finding, FindingCode, Report, Severity};

/// A check that has not begun: `.await` it.
#[derive(Clone, Debug)]
#[must_use = "a check begins when it is awaited"]
pub struct GateCheck<'g> {
    gate: &'g Gate,
}

impl Gate {
    /// Checks the gate's settings against its providers and its stores, as they are at the moment.
    ///
    /// It asks each provider what a login would ask it, and judges the answers: its metadata and keys, the page at the
    /// authorization endpoint, and the token endpoint's refusal of a code that nobody has issued. Nobody is signed in, and
    /// nothing is kept. It takes half a minute at most, whoever does not answer, and works where nothing else does:
    /// what cannot be reached is a finding.
    ///
    /// ```no_run
    /// # async fn check(gate: latchgate::Gate) {
    /// let report = gate.check().await;
    /// println!("{report}");
    /// assert!(report.is_healthy());
    /// # }
    /// ```
    ///
    /// No finding contains a secret. Still, reports are for operators, not for visitors: they say how the application is
    /// set up.
    pub fn check(&self) -> GateCheck<'_> {
        GateCheck { gate: self }
    }
}

impl GateCheck<'_> {
    async fn run(self) -> Report {
        let gate = self.gate;
        let mut findings = vec![session_keys(gate.0.key_origin, gate.0.keys.count())];
        let parties = gate.relying_parties().iter();
        let providers = join_all(parties.map(|party| party.check())).await;
        findings.extend(providers.into_iter().flatten());
        Report::new(findings)
    }
}

impl<'g> IntoFuture for GateCheck<'g> {
    type Output = Report;
    type IntoFuture = Pin<Box<dyn Future<Output = Report> + Send + 'g>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// More keys than a rotation needs.
const MANY_KEYS: usize = 4;

fn session_keys(origin: KeyOrigin, count: usize) -> Finding {
    let finding = |severity, what| Finding::new(FindingCode::SessionKeys, severity, what);
    match (origin, count) {
        (KeyOrigin::ThisProcess, _) => finding(
            Severity::Hint,
            "No session keys are configured, so this process has made one: sessions end when it does, and no other node opens them".to_owned(),
        )
        .cured_by("That is fine on a developer's machine; elsewhere set `session_keys` (LATCHGATE_SESSION_KEYS) to what `openssl rand -base64 32` prints"),
        (KeyOrigin::Configured, MANY_KEYS..) => finding(
            Severity::Hint,
            format!("There are {count} session keys: the first one seals, and the others open what they have sealed"),
        )
        .cured_by("Remove those that have not been the first one for longer than `session_absolute`: no session needs them any more"),
        (KeyOrigin::Configured, 1) => {
            finding(Severity::Ok, "There is one session key, of 32 bytes".to_owned())
        }
        (KeyOrigin::Configured, _) => {
            finding(Severity::Ok, format!("There are {count} session keys, of 32 bytes each"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_with_the_process_are_a_hint() {
        for (origin, count, severity) in [
            (KeyOrigin::ThisProcess, 1, Severity::Hint),
            (KeyOrigin::Configured, 1, Severity::Ok),
            (KeyOrigin::Configured, 3, Severity::Ok),
            (KeyOrigin::Configured, 4, Severity::Hint),
        ] {
            let finding = session_keys(origin, count);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity != Severity::Ok);
        }
    }
}
