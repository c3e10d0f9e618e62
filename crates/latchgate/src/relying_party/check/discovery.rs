//! Whether the provider is there, and what it says about itself.

use http::{Response, StatusCode, header};
use serde_json::Map;

use super::super::RelyingParty;
use super::document::Document;
use super::{issuer, unreachable};
use crate::jose::strict_object;
use crate::provider::DiscoveryError;
use crate::report::{Finding, FindingCode, Severity};

impl RelyingParty {
    /// Fetches the metadata, past the cache. `None` if nothing else can be checked.
    pub(super) async fn discover(&self, findings: &mut Vec<Finding>) -> Option<Document> {
        let configured = self.registration.plain_oauth2.as_ref();
        if configured.is_some_and(|plain| plain.metadata.is_some()) {
            return Some(Document(Map::new()));
        }
        let request = self.connection.discovery_request().ok()?;
        let url = request.uri().to_string();
        let answer = match self.connection.exchange(request).await {
            Ok(answer) => answer,
            Err(error) => {
                findings.push(unreachable::finding(&url, &error));
                return None;
            }
        };
        let reached = format!("`{url}` answers");
        findings.push(Finding::ok(FindingCode::ProviderReachable, reached));
        let document = strict_object(answer.body()).unwrap_or_default();
        match self.connection.read_metadata(&answer) {
            Ok(_) => {
                let issuer = self.issuer();
                let what = format!("The issuer is `{issuer}`, as the provider spells it");
                findings.push(Finding::ok(FindingCode::Issuer, what));
                Some(Document(document))
            }
            Err(error) => {
                findings.push(unusable(self.issuer(), &url, &answer, &error));
                None
            }
        }
    }
}

/// What is wrong with an answer that is no metadata of the issuer.
fn unusable(
    configured: &str,
    url: &str,
    answer: &Response<Vec<u8>>,
    error: &DiscoveryError,
) -> Finding {
    match error {
        DiscoveryError::Issuer { found, .. } => issuer::otherwise(configured, found),
        DiscoveryError::Status(status) => elsewhere(url, *status, answer),
        error => Finding::new(
            FindingCode::Metadata,
            Severity::Mistake,
            format!("The metadata at `{url}` cannot be used: {error:?}"),
        )
        .cured_by(
            "Set `issuer` to that of an OpenID Provider, or let the provider correct its metadata",
        ),
    }
}

/// A page that is no metadata, or leads to another.
fn elsewhere(url: &str, status: StatusCode, answer: &Response<Vec<u8>>) -> Finding {
    let location = answer.headers().get(header::LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let finding = |what| Finding::new(FindingCode::Issuer, Severity::Mistake, what);
    match location.filter(|_| status.is_redirection()) {
        Some(location) => finding(format!(
            "`{url}` redirects to `{location}` ({status}), which is not followed"
        ))
        .cured_by("Set `issuer` to what is before `/.well-known/` there"),
        None => finding(format!(
            "There is no metadata at `{url}`: the answer is {status}"
        ))
        .cured_by(
            "Set `issuer` as the provider spells it: with its path, such as `/realms/name` or `/v2.0`",
        ),
    }
}
