//! The doctor: looks at the gate's settings, its providers and its stores, and reports what it finds.

mod proxy;

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use futures_util::future::{join, join_all};

use super::{Gate, KeyOrigin};
use crate::head::RequestHead;
use crate::relying_party::{Asker, LogoutUris};
use crate::report::{Finding, FindingCode, Report};
use proxy::SampleRequest;

/// A check that has not begun: `.await` it.
#[derive(Clone, Debug)]
#[must_use = "a check begins when it is awaited"]
pub struct GateCheck<'g> {
    gate: &'g Gate,
    sample: Option<SampleRequest>,
    tenants: Vec<String>,
}

impl Gate {
    /// Checks the gate's settings against its providers and its stores, as they are at the moment.
    ///
    /// It makes the requests that a login would make, and judges the answers: the provider's metadata and keys, the page at the
    /// authorization endpoint, and the token endpoint's refusal of a made-up code. Nobody is signed in, and
    /// nothing is left behind: a record that is written to a store is removed again. (A store that makes its tables at its first
    /// call makes them now.) It takes half a minute at most, even if nothing answers, and always returns a report:
    /// whatever cannot be reached is a finding.
    ///
    /// ```no_run
    /// # async fn check(gate: latchgate::Gate) {
    /// let report = gate.check().await;
    /// println!("{report}");
    /// assert!(report.is_healthy());
    /// # }
    /// ```
    ///
    /// No finding contains a secret. Still, reports are for operators, not for visitors: they describe the application's
    /// setup.
    pub fn check(&self) -> GateCheck<'_> {
        GateCheck {
            gate: self,
            sample: None,
            tenants: Vec::new(),
        }
    }
}

impl GateCheck<'_> {
    /// Compares the base URL with a request as it arrives at the application, from behind every proxy: with `Host`,
    /// `Forwarded`, `X-Forwarded-Host`, `X-Forwarded-Proto`, `X-Forwarded-Prefix` and the path.
    ///
    /// ```
    /// # async fn check(gate: latchgate::Gate) -> Result<(), http::Error> {
    /// let request = http::Request::get("/")
    ///     .header("host", "app.example.com")
    ///     .header("x-forwarded-proto", "https")
    ///     .body(())?;
    /// let report = gate.check().sample_request(&request).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn sample_request(mut self, head: &dyn RequestHead) -> Self {
        self.sample = Some(SampleRequest::of(head));
        self
    }

    /// Checks the provider of this tenant as well. Those of tenants that are not named are not checked: the application may
    /// have thousands.
    pub fn tenant(mut self, name: impl Into<String>) -> Self {
        self.tenants.push(name.into());
        self
    }

    async fn run(self) -> Report {
        let mut findings = self.of_the_gate();
        let sessions = self.gate.sessions();
        let providers = join(self.of_providers(), self.of_tenants());
        let ((own, of_tenants), stores) = join(providers, sessions.check_stores()).await;
        for found in [own, of_tenants, stores] {
            findings.extend(found);
        }
        Report::new(findings)
    }

    fn of_the_gate(&self) -> Vec<Finding> {
        let parts = &self.gate.0;
        let mut findings = vec![
            proxy::base_url(&parts.base),
            session_keys(parts.key_origin, parts.keys.count()),
        ];
        if let Some(sample) = &self.sample {
            findings.extend(proxy::judge(&parts.base, sample));
        }
        // The cookies are of one size whoever signs in; the largest counts.
        let parties = self.gate.relying_parties().iter();
        let sizes = parties
            .filter_map(|party| self.gate.sessions().check_cookie_size(party.registration()));
        findings.extend(sizes.max_by_key(Finding::severity));
        findings
    }

    async fn of_providers(&self) -> Vec<Finding> {
        let gate = self.gate;
        let uris = LogoutUris {
            post_logout: gate.post_logout_redirect_uri(),
            back_channel: gate.back_channel_logout_uri(),
            front_channel: gate.front_channel_logout_uri(),
        };
        let parties = gate.relying_parties().iter();
        let checked = join_all(parties.map(|party| party.check(&uris))).await;
        checked.into_iter().flatten().collect()
    }

    async fn of_tenants(&self) -> Vec<Finding> {
        if self.gate.relying_parties().tenants().is_none() {
            return Vec::new();
        }
        let code = FindingCode::Tenants;
        if self.tenants.is_empty() {
            let what = "The providers of tenants were not checked: name the tenants that should be"
                .to_owned();
            return vec![code.ok(what)];
        }
        let checks = self.tenants.iter().map(|name| async move {
            let gate = self.gate;
            let found = gate.relying_parties().find_tenant(name, Asker::Session);
            let party = match found.await {
                Ok(party) => party,
                Err(error) => {
                    let what = format!("The tenant `{name}` has no provider: {error:?}");
                    let cure = "See the cause, and check the application's table of tenants";
                    return vec![code.mistake(what, cure).about(name)];
                }
            };
            let uris = gate.tenant_uris(name);
            let uris = LogoutUris {
                post_logout: uris.post_logout_redirect_uri,
                back_channel: uris.back_channel_logout_uri,
                front_channel: uris.front_channel_logout_uri,
            };
            let found = party.check(&uris).await.into_iter();
            found.map(|finding| finding.about(name)).collect()
        });
        join_all(checks).await.into_iter().flatten().collect()
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
    let code = FindingCode::SessionKeys;
    match (origin, count) {
        (KeyOrigin::ThisProcess, _) => code.hint(
            "No session keys are configured, so this process has made one: sessions end with the process, and no other node can open them",
            "That is fine on a developer's machine; elsewhere set `session_keys` (LATCHGATE_SESSION_KEYS) to what `latchgate keys --bare` prints",
        ),
        (KeyOrigin::Configured, MANY_KEYS..) => code.hint(
            format!("There are {count} session keys: the first one seals, and the others open what they have sealed"),
            "Remove those that stopped being the first one longer ago than `session_absolute`: no session needs them any more",
        ),
        (KeyOrigin::Configured, 1) => {
            code.ok("There is one session key, of 32 bytes")
        }
        (KeyOrigin::Configured, _) => {
            code.ok(format!("There are {count} session keys, of 32 bytes each"))
        }
    }
}

#[cfg(test)]
mod tests {
    mod limits;

    use super::*;
    use crate::report::Severity;

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
        let cure = session_keys(KeyOrigin::ThisProcess, 1)
            .cure()
            .map(str::to_owned);
        assert!(cure.unwrap().contains("`latchgate keys --bare`"));
    }
}
