//! The authorization request, pushed to the provider first if required or configured, and the authorization response.

use url::Url;

use super::RelyingParty;
use super::connection::DEADLINE;
use crate::authorization::{
    AuthorizationRequest, Expected, LoginOptions, LoginSecrets, Parameters, PendingLogin,
    VerifiedCode, push_endpoint, push_request, push_response, request, request_key, response,
    sign_request,
};
use crate::client::{Registration, SenderConstraint};
use crate::error::Error;
use crate::io::{HttpError, Random};
use crate::provider::Metadata;
use crate::return_to::ReturnTo;
use crate::telemetry::ProviderEndpoint;
use crate::token::{self, JwtError, Rules};

/// How many authorization requests are pushed at once. Anybody can start logins, and each is a call to the provider:
/// further ones wait, ten seconds at most, like a call.
pub(super) const PUSHES: usize = 256;

impl RelyingParty {
    /// The URL that starts a login at the provider, and what must be remembered of it.
    pub(crate) async fn authorization_request(
        &self,
        options: LoginOptions,
        return_to: ReturnTo,
        random: &dyn Random,
    ) -> Result<(Url, PendingLogin), Error> {
        let metadata = self.metadata().await?;
        self.request_authorization(&self.registration, &metadata, options, return_to, random)
            .await
    }

    /// The same of a registration at a provider with this metadata.
    pub(super) async fn request_authorization(
        &self,
        registration: &Registration,
        metadata: &Metadata,
        options: LoginOptions,
        return_to: ReturnTo,
        random: &dyn Random,
    ) -> Result<(Url, PendingLogin), Error> {
        let mut secrets = LoginSecrets::draw(random)?;
        if registration.binding == SenderConstraint::Dpop {
            secrets = secrets.with_key(random)?;
        }
        let now = self.now();
        let (request, pending) = request(registration, metadata, options, return_to, secrets, now);
        let request = match request_key(registration, metadata)? {
            Some(key) => sign_request(registration, key, &self.fresh()?, request)?,
            None => request,
        };
        let url = match push_endpoint(registration, metadata)? {
            Some(endpoint) => self.push(registration, metadata, endpoint, request).await?,
            None => request.into_url(),
        };
        Ok((url, pending))
    }

    /// Pushes the request. Returns the URL that stands for it.
    async fn push(
        &self,
        registration: &Registration,
        metadata: &Metadata,
        endpoint: &Url,
        authorization: AuthorizationRequest,
    ) -> Result<Url, Error> {
        let fresh = self.fresh()?;
        let request = push_request(registration, metadata, endpoint, &fresh, &authorization)?;
        let turn = tokio::time::timeout(DEADLINE, self.pushes.acquire()).await;
        let _turn = turn.map_err(|_| HttpError::Timeout)?;
        let answer = self.send(ProviderEndpoint::Par, request).await?;
        Ok(push_response(registration, authorization, &answer)?)
    }

    /// Checks an authorization response against the login that it belongs to.
    pub(crate) async fn authorization_response(
        &self,
        parameters: Parameters<'_>,
        pending: PendingLogin,
    ) -> Result<(VerifiedCode, Expected), Error> {
        let metadata = self.metadata().await?;
        let parameters = match self.registration.response_mode.is_jwt() {
            false => parameters,
            true => {
                let jwt = parameters.jwt()?;
                let verify = |rules: &Rules<'_>| token::verify_response_jwt(rules, jwt);
                let claims = self.verify_with_newer_keys(verify, JwtError::lacks_a_key);
                Parameters::of_claims(&claims.await?)
            }
        };
        Ok(response(
            parameters,
            pending,
            &self.registration,
            &metadata,
        )?)
    }
}
