//! Back-channel logout: the provider ends sessions without a browser.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::Gate;
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::{LogoutTokenError, VerifiedLogoutToken, logout_token};
use crate::relying_party::{Asker, RelyingParty};
use crate::session::SessionEnd;
use crate::telemetry;
use crate::token::{JwtError, unverified_issuer};

impl Gate {
    /// Processes a logout token. `200` when its sessions have ended, even if there were none; `400` when it is not
    /// valid ([OpenID Connect Back-Channel Logout 1.0
    /// §2.8](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse)); `503` when a store fails; then
    /// the same token may be sent again.
    ///
    /// Each tenant has a route of its own, since several may have the same issuer.
    pub(super) async fn back_channel_logout(
        &self,
        form: &[u8],
        tenant: Option<&str>,
    ) -> Result<Response<Bytes>, Error> {
        let raw = logout_token(form)?;
        let parties = self.relying_parties();
        let party = match tenant {
            Some(tenant) => parties.find_tenant(tenant, Asker::Stranger).await?,
            None => {
                // The token of an unknown issuer is refused by whoever verifies it.
                let named = unverified_issuer(&raw).and_then(|issuer| parties.at(&issuer));
                let party = named.or_else(|| parties.main());
                Arc::clone(party.ok_or(LogoutTokenError::Token(JwtError::Issuer))?)
            }
        };
        let token = party.verify_logout_token(&raw).await?;
        self.run_to_end(|gate| async move { gate.process_logout_token(&party, &token).await })
            .await?;
        let mut answer = Response::new(Bytes::new());
        let no_store = HeaderValue::from_static("no-store");
        answer.headers_mut().insert(header::CACHE_CONTROL, no_store);
        Ok(answer)
    }

    async fn process_logout_token(
        &self,
        party: &RelyingParty,
        token: &VerifiedLogoutToken,
    ) -> Result<(), Error> {
        let issuer = token.issuer.as_str();
        let (authority, tenant) = (
            party.registration().authority(issuer),
            party.registration().tenant(),
        );
        self.sessions()
            .end_by_logout_token(authority, token)
            .await?;
        telemetry::logged_out("back_channel");
        tracing::info!(event = "back_channel_logout", issuer, tenant, target = ?token.target, "sessions ended by the provider");
        let end = Logout::by_name(issuer, &token.target, SessionEnd::EndedByProvider);
        self.0.context.notify_logout(end.at_tenant(tenant));
        Ok(())
    }
}
