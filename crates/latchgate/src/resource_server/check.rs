//! Checking the authorization server whose access tokens are accepted.

use super::ResourceServer;
use crate::report::Finding;

impl ResourceServer {
    /// Whether it can be reached, its issuer, its clock and its keys.
    pub(crate) async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let rules = &self.rules;
        let described = self
            .connection
            .describe(self.clock.as_ref(), rules.leeway, &mut findings);
        if let Some(described) = described.await {
            findings.extend(self.connection.check_keys(&described, rules.alg).await);
        }
        let issuer = rules.issuer.as_str();
        findings
            .into_iter()
            .map(|found| found.about(issuer))
            .collect()
    }
}
