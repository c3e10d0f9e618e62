//! Back-channel logout: the provider ends sessions without a browser.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::Gate;
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::{LogoutTokenError, VerifiedLogoutToken, logout_token, verify_logout_token};
use crate::session::Ended;

impl Gate {
    /// Obeys a logout token. `200` when its sessions have ended, also when there were none; `400`
    /// for whatever is wrong with it ([OpenID Connect Back-Channel Logout 1.0
    /// §2.8](https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse)); `503` when a
    /// store fails, and then the same token may come again.
    pub(super) async fn back_channel_logout(&self, form: &[u8]) -> Result<Response<Bytes>, Error> {
        let raw = logout_token(form)?;
        let token = self
            .verify_with_newer_keys(
                |rules| verify_logout_token(rules, &raw),
                |error| matches!(error, LogoutTokenError::Token(error) if error.lacks_a_key()),
            )
            .await?;
        self.to_its_end(|gate| async move { gate.obey(token).await })
            .await?;
        let mut answer = Response::new(Bytes::new());
        let no_store = HeaderValue::from_static("no-store");
        answer.headers_mut().insert(header::CACHE_CONTROL, no_store);
        Ok(answer)
    }

    async fn obey(&self, token: VerifiedLogoutToken) -> Result<(), Error> {
        let premises = &self.0;
        let now = premises.clock.now();
        let issuer = premises.registration.issuer.as_str();
        if premises.has_obeyed(issuer, &token.jti, now).await? {
            return Err(LogoutTokenError::Replayed.into());
        }
        // The sessions first, the note last: a token that a store was in the way of comes again.
        premises.end_from_behind(issuer, &token.target, now).await?;
        if !premises
            .note_obeyed(issuer, &token.jti, now, token.worthless_at)
            .await?
        {
            return Err(LogoutTokenError::Replayed.into());
        }
        tracing::info!(event = "back_channel_logout", issuer, target = ?token.target, "sessions ended by the provider");
        let why = Ended::EndedByProvider;
        self.tell_of(Logout::from_behind(issuer, &token.target, why));
        Ok(())
    }
}
