//! Front-channel logout: the provider ends sessions by frames in the browser ([OpenID Connect
//! Front-Channel Logout 1.0 §2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)).
//!
//! Anyone can send such a request, so its effects are limited:
//!
//! 1. With `iss` and `sid` it ends that session. Anyone who knows the `sid` can; providers make it hard to guess.
//! 2. Without them it ends the session of the request's cookie, if the request fills a frame on a page of the provider
//!    or ours, as far as the page reveals its origin. The cookie is `SameSite=Lax`: it is sent to frames of our own
//!    site only, but with links and windows from any site, which is why those end nothing. The remaining risk is a page
//!    of a sibling subdomain that hides its origin.
//! 3. A cookie of a session other than the one named is left alone.
//! 4. No token is revoked at the provider.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, header};

use super::Gate;
use super::page::framable;
use super::route_request::RequestParts;
use crate::error::{Error, RequestError};
use crate::hook::Logout;
use crate::logout::{NamedSession, named_session};
use crate::relying_party::{Asker, RelyingParty};
use crate::session::SessionEnd;
use crate::sessions::{LoadedSession, Lookup};
use crate::telemetry;

impl Gate {
    /// Ends the session that a request names or brings. `200` even if there is none, so that the response does not
    /// reveal which sessions exist.
    pub(super) async fn front_channel_logout(
        &self,
        parts: &RequestParts,
    ) -> Result<Response<Bytes>, Error> {
        if parts.method != "GET" {
            return Err(RequestError::Method { allow: "GET" }.into());
        }
        // Each tenant has a route of its own, since several may have the same issuer.
        let tenant = match &parts.provider {
            Some(tenant) => {
                let found = self.relying_parties().find_tenant(tenant, Asker::Stranger);
                Some(found.await?)
            }
            None => None,
        };
        let parties: Vec<_> = match &tenant {
            Some(party) => vec![party],
            None => self.relying_parties().iter().collect(),
        };
        let is_at = |party: &&Arc<RelyingParty>, iss: &str| party.registration().issuer.covers(iss);
        let named = named_session(&parts.query, |iss| {
            parties.iter().any(|one| is_at(one, iss))
        })?;
        let mut framers = Vec::new();
        for party in &parties {
            // A provider frames for its own sessions.
            if named
                .as_ref()
                .is_none_or(|named| party.registration().issuer.covers(&named.issuer))
            {
                framers.extend(party.provider_origins());
            }
        }
        framers.push(self.0.base.origin.clone());
        let framed = parts.framing.is_by_one_of(&framers);

        let pieces = self.sessions().pieces(parts.cookie_fields());
        let present = pieces.present();
        if named.is_none() && !present.is_empty() && !framed {
            return Err(RequestError::CrossSite.into());
        }
        let cookie = self.sessions().open(&pieces);
        let brought = match self.sessions().find_to_end(cookie).await? {
            Lookup::Active { loaded, .. } | Lookup::Ended { loaded, .. } => Some(loaded),
            Lookup::NotFound | Lookup::Invalid => None,
        };
        let of_tenant = tenant.as_ref().map(|party| party.registration());
        let brought = brought.filter(|brought| match of_tenant {
            Some(registration) => brought.session.registration == registration.id,
            None => brought.session.tenant().is_none(),
        });
        let meant = brought.filter(|brought| match (&named, &brought.session.sid) {
            (Some(named), _) if *named.issuer != *brought.session.issuer => false,
            (Some(named), Some(sid)) => *named.sid == **sid,
            _ => framed,
        });
        let mut answer = framable("Signed out", &framers);
        if meant.is_some() {
            for cookie in self.sessions().clear_cookies(present) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        if named.is_some() || meant.is_some() {
            self.run_to_end(|gate| async move { gate.end_framed(tenant, named, meant).await })
                .await?;
        }
        Ok(answer)
    }

    /// Ends the session that was named, and the one of the request's cookie, if it is meant.
    async fn end_framed(
        &self,
        tenant: Option<Arc<RelyingParty>>,
        named: Option<NamedSession>,
        meant: Option<LoadedSession>,
    ) -> Result<(), Error> {
        if let Some(named) = &named {
            let authority = match &tenant {
                Some(party) => party.registration().authority(&named.issuer),
                None => &named.issuer,
            };
            let ended = self.sessions().end_unauthenticated(authority, &named.sid);
            ended.await?;
        }
        if let Some(loaded) = &meant {
            let why = SessionEnd::EndedByProvider;
            if self.sessions().end(loaded, why).await {
                let end = Logout::of(&loaded.session, why);
                self.0.context.notify_logout(end);
            }
        }
        telemetry::logged_out("front_channel");
        tracing::info!(
            event = "front_channel_logout",
            issuer = named.as_ref().map(|named| named.issuer.as_str()),
            named = named.is_some(),
            brought = meant.is_some(),
            "a session was ended by front-channel logout"
        );
        Ok(())
    }
}
