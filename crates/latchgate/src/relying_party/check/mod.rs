//! Checking a provider against our registration: what it says about itself, and how it answers. Nothing is kept, here or
//! there, beyond what the provider remembers of a login that nobody goes on with.

mod discovery;
mod document;
mod issuer;
mod tokens;
mod unreachable;

use std::time::Duration;

use tokio::time::timeout;

use super::RelyingParty;
use crate::report::{Finding, FindingCode, Severity};

/// How long the check of one provider may take. Several are checked at the same time.
const LIMIT: Duration = Duration::from_secs(30);

impl RelyingParty {
    /// Checks the provider. There is a finding for everything that was looked at.
    pub(crate) async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if timeout(LIMIT, self.examine(&mut findings)).await.is_err() {
            let what = format!(
                "The provider's answers took more than {} seconds, so the check is not complete",
                LIMIT.as_secs()
            );
            let slow = Finding::new(FindingCode::TimeLimit, Severity::Warning, what);
            findings.push(slow.cured_by("Repeat it when the provider is faster"));
        }
        let secret = self.registration.auth.secret();
        let secrets: Vec<&str> = secret.map(|secret| secret.expose()).into_iter().collect();
        findings
            .into_iter()
            .map(|finding| finding.without(&secrets).about(self.label()))
            .collect()
    }

    async fn examine(&self, findings: &mut Vec<Finding>) {
        let Some(document) = self.discover(findings).await else {
            return;
        };
        if !self.is_plain_oauth2() {
            findings.push(tokens::id_token_alg(&document, &self.registration));
        }
    }
}
