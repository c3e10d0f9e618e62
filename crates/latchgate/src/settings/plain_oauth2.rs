//! Providers that a preset knows whole, and those without OpenID Connect.

use super::reading::{Given as _, Reading};
use crate::builder::Provider;
use crate::config::Problem;
use crate::provider::{Discovery, PlainOAuth2};

/// The endpoints of a provider without OpenID Connect. Any of them says that it is one.
const ENDPOINTS: [&str; 3] = [
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
];

impl Reading<'_> {
    /// The provider that these settings name, with nothing else set.
    pub(super) fn named_provider(&mut self) -> Provider {
        let client_id = self.text("client_id").unwrap_or_default();
        let known: Option<Provider> = match self.text("preset") {
            Some("google") => Some(Provider::google(client_id)),
            Some("gitlab") => Some(Provider::gitlab(client_id)),
            Some("apple") => Some(Provider::apple(client_id)),
            Some("github") => Some(Provider::github(client_id)),
            Some("discord") => Some(Provider::discord(client_id)),
            _ => None,
        };
        let issuer = self.text("issuer");
        if let Some(known) = known {
            return known.given(issuer, Provider::at_issuer);
        }
        let issuer = issuer.unwrap_or_default();
        let is_discovered = self.word("discovery") == Some(Discovery::OAuth2);
        if !is_discovered && ENDPOINTS.iter().all(|name| self.text(name).is_none()) {
            return Provider::new(issuer, client_id);
        }
        for name in ENDPOINTS {
            let needed = !is_discovered || name == "userinfo_endpoint";
            match self.text(name) {
                None if needed => self.mistakes.add(name, Problem::Missing),
                Some(_) if !needed => self.mistakes.add(name, Problem::Discovered),
                _ => {}
            }
        }
        let [authorization, token, userinfo] =
            ENDPOINTS.map(|name| self.text(name).unwrap_or_default());
        let endpoints = match is_discovered {
            true => PlainOAuth2::discovered(userinfo),
            false => PlainOAuth2::new(authorization, token, userinfo),
        };
        let mapping = self.pairs("claim_mapping", || Problem::ClaimMapping);
        if mapping
            .iter()
            .any(|(claim, source)| claim.is_empty() || source.is_empty())
        {
            self.mistakes.add("claim_mapping", Problem::ClaimMapping);
        }
        let endpoints = endpoints
            .given(self.text("emails_endpoint"), PlainOAuth2::emails_endpoint)
            .each(Some(mapping.into_iter()), |endpoints, (claim, source)| {
                endpoints.claim(claim, source)
            });
        Provider::plain_oauth2(issuer, client_id, endpoints)
    }
}
