//! Front-channel logout: the provider ends sessions by frames in the browser ([OpenID Connect
//! Front-Channel Logout 1.0 §2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)).
//!
//! Anybody can send such a request, so this is what one can do, and no more:
//!
//! 1. With `iss` and `sid` it ends the session of that name. Whoever knows the name can: providers
//!    make it hard to guess.
//! 2. Without them it ends the session whose cookie came with it, if it fills a frame, and on a page
//!    of the provider's or ours as far as the page says where it is. The cookie is `SameSite=Lax`:
//!    it comes into frames of our own site only, but along with links and windows from anywhere,
//!    which is why those end nothing. What is left is a page of a neighbouring subdomain that hides
//!    where it is.
//! 3. A cookie of another session than the one that is named stays what it is.
//! 4. No token is revoked at the provider.

use bytes::Bytes;
use http::{Response, header};
use url::Url;

use super::door::Found;
use super::errand::Snapshot;
use super::page::framable;
use super::{Gate, Kept};
use crate::cookie::Pieces;
use crate::error::{Error, RequestError};
use crate::logout::named_session;
use crate::session::Ended;

impl Gate {
    /// Ends the session that a request names or brings. `200` also when there is none: the answer
    /// tells nobody which sessions exist.
    pub(super) async fn front_channel_logout(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Response<Bytes>, Error> {
        if snapshot.method != "GET" {
            return Err(RequestError::Method { allow: "GET" }.into());
        }
        let premises = &self.0;
        let now = premises.clock.now();
        let issuer = premises.registration.issuer.as_str();
        let named = named_session(&snapshot.query, issuer)?;
        let mut framers = self.origins_of_the_provider();
        framers.push(premises.base.origin.clone());
        let framed = snapshot.framing.is_by_one_of(&framers);

        let name = premises.session_cookie.name();
        let pieces = Pieces::collect(snapshot.cookie_fields(), name);
        let present = pieces.present();
        if named.is_none() && !present.is_empty() && !framed {
            return Err(RequestError::CrossSite.into());
        }
        let brought = match premises.find(&pieces, now).await? {
            Found::Live { kept, .. } | Found::Over { kept, .. } => Some(kept),
            Found::Gone | Found::Nothing => None,
        };
        let meant = brought.filter(|Kept { session, .. }| match (&named, &session.sid) {
            (Some(named), Some(sid)) => named == sid,
            _ => framed,
        });
        let mut answer = framable("Signed out", &framers);
        if meant.is_some() {
            for cookie in premises.clear(&present) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        if named.is_some() || meant.is_some() {
            let ending = |gate: Self| async move { gate.end_framed(named, meant, now).await };
            self.to_its_end(ending).await?;
        }
        Ok(answer)
    }

    /// Ends the session that was named, and the one whose cookie came along, if it is meant.
    async fn end_framed(
        &self,
        named: Option<String>,
        meant: Option<Kept>,
        now: u64,
    ) -> Result<(), Error> {
        let issuer = self.0.registration.issuer.as_str();
        if let Some(sid) = &named {
            self.0.end_at_anybodys_word(issuer, sid, now).await?;
        }
        if let Some(kept) = &meant {
            self.end_here(kept, Ended::EndedByProvider, now).await;
        }
        tracing::info!(
            event = "front_channel_logout",
            issuer,
            named = named.is_some(),
            brought = meant.is_some(),
            "a frame of the provider ended a session"
        );
        Ok(())
    }

    /// The origins of the provider's pages, as far as they are known.
    fn origins_of_the_provider(&self) -> Vec<String> {
        let premises = &self.0;
        let issuer = Url::parse(premises.registration.issuer.as_str()).ok();
        let metadata = premises.reach.known_metadata();
        let authorization = metadata
            .as_ref()
            .map(|metadata| metadata.authorization_endpoint().url().clone());
        let end_session = metadata
            .as_ref()
            .and_then(|metadata| Some(metadata.end_session_endpoint()?.url().clone()));
        let mut origins = Vec::new();
        for page in [issuer, authorization, end_session].into_iter().flatten() {
            let origin = page.origin().ascii_serialization();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}
