//! Checking a provider against our registration: what its metadata says, and how it answers. Nothing is left behind, except
//! what the provider remembers of an unfinished login.

mod client_authentication;
mod clock;
mod discovery;
mod document;
mod encryption;
mod extensions;
mod issuer;
mod keys;
mod logouts;
mod offers;
mod page;
mod post_logout;
mod redirect_uri;
mod tokens;
mod unreachable;

use std::time::Duration;

use futures_util::future::join;
use serde_json::Map;
use tokio::time::timeout;

use super::RelyingParty;
use crate::report::{Finding, FindingCode};
use document::Document;

pub(crate) use discovery::Described;
pub(crate) use logouts::LogoutUris;

/// How long the check of one provider may take. Several are checked at the same time.
const LIMIT: Duration = Duration::from_secs(30);

impl RelyingParty {
    /// Checks the provider. There is a finding for everything that was looked at.
    pub(crate) async fn check(&self, uris: &LogoutUris) -> Vec<Finding> {
        let mut findings = Vec::new();
        if timeout(LIMIT, self.examine(uris, &mut findings))
            .await
            .is_err()
        {
            let what = format!(
                "The provider's answers took more than {} seconds, so the check is not complete",
                LIMIT.as_secs()
            );
            let cure = "Repeat it when the provider is faster";
            findings.push(FindingCode::TimeLimit.warning(what, cure));
        }
        let secret = self.registration.auth.secret();
        let secrets: Vec<&str> = secret.map(|secret| secret.expose()).into_iter().collect();
        findings
            .into_iter()
            .map(|finding| finding.without(&secrets).about(self.label()))
            .collect()
    }

    async fn examine(&self, uris: &LogoutUris, findings: &mut Vec<Finding>) {
        let Some(described) = self.described(findings).await else {
            return;
        };
        let Described { document, metadata } = &described;
        let registration = &self.registration;
        // A provider without metadata has nothing to compare with.
        if !document.0.is_empty() {
            if !self.is_plain_oauth2() {
                findings.push(tokens::id_token_alg(document, registration));
            }
            findings.extend(encryption::judge(document, registration));
            findings.extend(offers::judge(document, registration));
            findings.extend(extensions::judge(document, metadata, registration));
            findings.extend(logouts::judge(document, metadata, registration, uris));
        }
        // The calls are made at the same time: each may take long.
        let keys = async {
            match self.is_plain_oauth2() {
                true => Vec::new(),
                false => {
                    let alg = registration.id_token_alg;
                    self.connection.check_keys(&described, alg).await
                }
            }
        };
        let logins = join(
            self.check_redirect_uri(metadata),
            self.check_client_authentication(metadata),
        );
        let logouts = self.check_post_logout(metadata, &uris.post_logout);
        let ((keys, logouts), (redirect_uri, client)) = join(join(keys, logouts), logins).await;
        for found in [keys, redirect_uri, client] {
            findings.extend(found);
        }
        findings.extend(logouts);
    }

    /// The provider's metadata, or what the settings say about it.
    async fn described(&self, findings: &mut Vec<Finding>) -> Option<Described> {
        let plain = self.registration.plain_oauth2.as_ref();
        match plain.and_then(|plain| plain.metadata.clone()) {
            Some(metadata) => Some(Described {
                document: Document(Map::new()),
                metadata,
            }),
            None => {
                let clock = self.clock.as_ref();
                self.connection.describe(clock, self.leeway, findings).await
            }
        }
    }
}
