//! Access tokens of the application itself.

use super::Gate;
use crate::error::{Error, TenantError};
use crate::session::AccessToken;
use crate::token::TokenFor;

impl Gate {
    /// An access token of the application itself, for calls that no person makes, such as those of a nightly job: by
    /// its client credentials ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)), at the first
    /// provider if there are several, and never at one of a tenant. It is kept in the memory of this process until shortly
    /// before it expires; each node gets one of its own.
    ///
    /// ```no_run
    /// # use latchgate::{Error, Gate, TokenFor};
    /// # async fn nightly(gate: Gate) -> Result<(), Error> {
    /// let stock = TokenFor::audience("https://stock.example.com").scope("stock:read");
    /// let token = gate.client_credentials(&stock).await?;
    /// # let _ = token;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TenantError::NoProvider`] when the gate has no provider but those of tenants; [`Error::Token`] when the provider
    /// refuses, for example because the client may not use this grant; [`Error::Discovery`] and [`Error::Http`] when the
    /// provider is unavailable, and for five seconds after a failure.
    pub async fn client_credentials(&self, wanted: &TokenFor) -> Result<AccessToken, Error> {
        let party = self
            .relying_parties()
            .main()
            .ok_or(TenantError::NoProvider)?;
        party.client_credentials(wanted).await
    }

    /// Another access token of the application itself, after an API has rejected this one. If another caller has got one
    /// already, that one is returned. `None` if this one was issued less than 30 seconds ago: the API would reject the next one
    /// as well.
    ///
    /// # Errors
    ///
    /// As for [`Gate::client_credentials`].
    pub async fn replace_client_credentials(
        &self,
        wanted: &TokenFor,
        rejected: &AccessToken,
    ) -> Result<Option<AccessToken>, Error> {
        let party = self
            .relying_parties()
            .main()
            .ok_or(TenantError::NoProvider)?;
        if !party.reject_own_token(wanted, rejected) {
            return Ok(None);
        }
        party.client_credentials(wanted).await.map(Some)
    }
}
