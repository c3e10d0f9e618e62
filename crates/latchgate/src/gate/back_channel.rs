//! Back-channel logout: the provider ends sessions without a browser.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::Gate;
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::{VerifiedLogoutToken, logout_token};
use crate::session::SessionEnd;
use crate::token::unverified_issuer;

impl Gate {
    /// Processes a logout token. `200` when its sessions have ended, even if there were none; `400` when it is not
    /// valid ([OpenID Connect Back-Channel Logout 1.0
    /// §2.8](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse)); `503` when a store fails; then
    /// the same token may be sent again.
    pub(super) async fn back_channel_logout(&self, form: &[u8]) -> Result<Response<Bytes>, Error> {
        let raw = logout_token(form)?;
        // The token of an unknown issuer is refused by whoever verifies it.
        let parties = self.relying_parties();
        let named = unverified_issuer(&raw).and_then(|issuer| parties.at(&issuer));
        let party = Arc::clone(named.unwrap_or_else(|| parties.first()));
        let token = party.verify_logout_token(&raw).await?;
        self.run_to_end(|gate| async move { gate.process_logout_token(&token).await })
            .await?;
        let mut answer = Response::new(Bytes::new());
        let no_store = HeaderValue::from_static("no-store");
        answer.headers_mut().insert(header::CACHE_CONTROL, no_store);
        Ok(answer)
    }

    async fn process_logout_token(&self, token: &VerifiedLogoutToken) -> Result<(), Error> {
        let issuer = token.issuer.as_str();
        self.sessions().end_by_logout_token(issuer, token).await?;
        tracing::info!(event = "back_channel_logout", issuer, target = ?token.target, "sessions ended by the provider");
        let end = Logout::by_name(issuer, &token.target, SessionEnd::EndedByProvider);
        self.0.context.notify_logout(end);
        Ok(())
    }
}
