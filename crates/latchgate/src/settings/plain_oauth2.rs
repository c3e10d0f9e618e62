//! Providers that a preset knows whole, and those without OpenID Connect.

use super::Settings;
use crate::builder::Provider;
use crate::config::{Mistake, Mistakes, Problem};
use crate::provider::{Discovery, PlainOAuth2};

/// The endpoints of a provider without OpenID Connect. Any of them says that it is one.
const ENDPOINTS: [&str; 3] = [
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
];

impl Settings {
    /// The provider that these settings name, with nothing else set.
    pub(super) fn named_provider(&self, mistakes: &mut Mistakes) -> Provider {
        let text = |name| self.get(name).unwrap_or_default();
        let (issuer, client_id) = (text("issuer"), text("client_id"));
        let known: Option<Provider> = match self.get("preset") {
            Some("google") => Some(Provider::google(client_id)),
            Some("gitlab") => Some(Provider::gitlab(client_id)),
            Some("apple") => Some(Provider::apple(client_id)),
            Some("github") => Some(Provider::github(client_id)),
            Some("discord") => Some(Provider::discord(client_id)),
            _ => None,
        };
        if let Some(known) = known {
            return match issuer {
                "" => known,
                issuer => known.at_issuer(issuer),
            };
        }
        let discovery = mistakes.keep(self.discovery()).flatten();
        let is_discovered = discovery == Some(Discovery::OAuth2);
        if !is_discovered && ENDPOINTS.iter().all(|name| self.get(name).is_none()) {
            return Provider::new(issuer, client_id);
        }
        for name in ENDPOINTS {
            let needed = !is_discovered || name == "userinfo_endpoint";
            match self.get(name) {
                None if needed => mistakes.add(Mistake::new(name, Problem::Missing)),
                Some(_) if !needed => mistakes.add(Mistake::new(name, Problem::Discovered)),
                _ => {}
            }
        }
        let [authorization, token, userinfo] = ENDPOINTS.map(text);
        let mut endpoints = match is_discovered {
            true => PlainOAuth2::discovered(userinfo),
            false => PlainOAuth2::new(authorization, token, userinfo),
        };
        if let Some(emails) = self.get("emails_endpoint") {
            endpoints = endpoints.emails_endpoint(emails);
        }
        let mapping = text("claim_mapping").split(',').map(str::trim);
        for pair in mapping.filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((claim, source)) if !claim.trim().is_empty() && !source.trim().is_empty() => {
                    endpoints = endpoints.claim(claim.trim(), source.trim());
                }
                _ => mistakes.add(Mistake::new("claim_mapping", Problem::ClaimMapping)),
            }
        }
        Provider::plain_oauth2(issuer, client_id, endpoints)
    }

    /// By which standard the issuer publishes its metadata.
    pub(super) fn discovery(&self) -> Result<Option<Discovery>, Mistake> {
        let words = [("openid", Discovery::OpenId), ("oauth2", Discovery::OAuth2)];
        self.word("discovery", "openid, oauth2", &words)
    }
}
