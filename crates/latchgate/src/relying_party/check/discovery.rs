//! Whether the provider answers, and what its metadata says
//! ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).

use futures_util::future::join_all;
use http::{Request, Response, header};
use serde_json::Value;

use super::super::ProviderConnection;
use super::document::Document;
use super::{clock, issuer, keys, unreachable};
use crate::io::Clock;
use crate::jose::{Algorithm, strict_object};
use crate::provider::{DiscoveryError, Metadata, keys_request};
use crate::report::{Finding, FindingCode};
use crate::telemetry::ProviderEndpoint;

/// The metadata of a provider.
pub(crate) struct Described {
    pub(super) document: Document,
    pub(super) metadata: Metadata,
}

impl ProviderConnection {
    /// Fetches the metadata, past the cache. `None` if nothing else can be checked without it.
    pub(crate) async fn describe(
        &self,
        clock: &dyn Clock,
        leeway: u64,
        findings: &mut Vec<Finding>,
    ) -> Option<Described> {
        let request = self.discovery_request().ok()?;
        let url = request.uri().to_string();
        let answer = match self.exchange(ProviderEndpoint::Discovery, request).await {
            Ok(answer) => answer,
            Err(error) => {
                findings.push(unreachable::finding(&url, &error));
                // On a developer's machine, the other scheme may be the right one.
                if let Some(other) = issuer::other_scheme(self.issuer()) {
                    let found = self.issuer_at(other).await;
                    findings.extend(found.map(|found| issuer::otherwise(self.issuer(), &found)));
                }
                return None;
            }
        };
        let reached = format!("`{url}` answers");
        findings.push(FindingCode::ProviderReachable.ok(reached));
        findings.extend(clock::compare(answer.headers(), clock.now(), leeway));
        match self.read_metadata(&answer) {
            Ok(metadata) => {
                let issuer = self.issuer();
                let what = format!("The issuer is `{issuer}`, as the provider spells it");
                findings.push(FindingCode::Issuer.ok(what));
                let document = Document(strict_object(answer.body()).unwrap_or_default());
                Some(Described { document, metadata })
            }
            Err(DiscoveryError::Issuer { found, .. }) => {
                findings.push(issuer::otherwise(self.issuer(), &found));
                None
            }
            Err(DiscoveryError::Status(_) | DiscoveryError::Json(_)) => {
                let location = location(&answer);
                let nearby = self.found_nearby(&url, location.as_slice()).await;
                let nothing = || issuer::nowhere(&url, answer.status(), location.as_deref());
                findings.push(nearby.unwrap_or_else(nothing));
                None
            }
            Err(error) => {
                findings.push(unusable(&url, &error));
                None
            }
        }
    }

    /// The keys for ID tokens, or for access tokens, with this algorithm.
    pub(crate) async fn check_keys(&self, described: &Described, alg: Algorithm) -> Vec<Finding> {
        let Described { metadata, .. } = described;
        let Ok(request) = keys_request(metadata) else {
            return Vec::new();
        };
        match self.exchange(ProviderEndpoint::Jwks, request).await {
            Ok(answer) => keys::judge(&answer, alg),
            Err(error) => vec![unreachable::finding(metadata.jwks_uri().as_str(), &error)],
        }
    }

    /// A provider at an issuer that is spelled similarly. A redirect is followed only to the same server, because another may
    /// be anybody's.
    async fn found_nearby(&self, asked: &str, led_to: &[String]) -> Option<Finding> {
        let urls = issuer::nearby(self.issuer(), led_to);
        let urls = urls.into_iter().filter(|url| url != asked);
        let asked = join_all(urls.map(|url| self.issuer_at(url))).await;
        let found = asked.into_iter().flatten().next()?;
        Some(issuer::otherwise(self.issuer(), &found))
    }

    /// The issuer that the metadata at a URL names.
    async fn issuer_at(&self, url: String) -> Option<String> {
        let request = Request::get(url)
            .header(header::ACCEPT, "application/json")
            .body(Vec::new());
        let answer = self
            .exchange(ProviderEndpoint::Discovery, request.ok()?)
            .await
            .ok()?;
        let document = strict_object(answer.body()).ok()?;
        let issuer = document.get("issuer").and_then(Value::as_str)?;
        Some(super::page::gist(issuer))
    }
}

fn location(answer: &Response<Vec<u8>>) -> Option<String> {
    let location = answer.headers().get(header::LOCATION);
    let location = location.filter(|_| answer.status().is_redirection())?;
    location.to_str().ok().map(str::to_owned)
}

/// Metadata of the right issuer with something wrong in it.
fn unusable(url: &str, error: &DiscoveryError) -> Finding {
    let what = format!("The metadata at `{url}` cannot be used: {error:?}");
    let cure = match error {
        DiscoveryError::Missing(_) => {
            "Set `issuer` to that of an OpenID Provider; a provider with only OAuth 2.0 needs `authorization_endpoint`, `token_endpoint` and `userinfo_endpoint`"
        }
        DiscoveryError::Endpoint { .. } => {
            "Configure the provider's public URL: behind a proxy it has to know that it is called over https"
        }
        _ => "Have the provider correct its metadata",
    };
    FindingCode::Metadata.mistake(what, cure)
}
