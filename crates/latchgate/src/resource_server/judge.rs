//! Whether an access token is good: looked up, verified, or introspected.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use memchr::memchr_iter;

use super::{KEPT, REFUSED, ResourceServer, Verified};
use crate::client::{Freshness, Registration};
use crate::error::Error;
use crate::jose::KeySet;
use crate::resource::{
    BearerError, Credentials, IntrospectionError, VerifiedAccessToken, introspection, verify,
};
use crate::telemetry::ProviderEndpoint;

impl ResourceServer {
    /// Fetches metadata and keys.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let now = self.now();
        self.connection.metadata(now).await?;
        self.connection.keys(now).await?;
        Ok(())
    }

    /// Verifies an access token, whoever presents it.
    pub(super) async fn access_token(&self, raw: &str) -> Result<Arc<VerifiedAccessToken>, Error> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, raw.as_bytes()).as_ref());
        // What follows waits for the authorization server, and is large: it costs nothing where nobody has to wait.
        match &self.introspection {
            _ if is_jwt(raw) => match self.verified_before(&hash) {
                Some(token) => Ok(token),
                None => Box::pin(self.verified(raw, hash)).await,
            },
            Some(client) => Box::pin(self.introspected(client, raw, hash)).await,
            None => {
                Credentials::check_token(raw)?;
                Err(BearerError::Opaque.into())
            }
        }
    }

    /// A token that was verified with the keys that are good now.
    fn verified_before(&self, hash: &[u8; 32]) -> Option<Arc<VerifiedAccessToken>> {
        let now = self.now();
        let keys = self.connection.fresh_keys(now)?;
        let known = self.verified.get(hash, now)?;
        Arc::ptr_eq(&known.keys, &keys).then_some(known.token)
    }

    async fn verified(&self, raw: &str, hash: [u8; 32]) -> Result<Arc<VerifiedAccessToken>, Error> {
        let now = self.now();
        let keys = self.connection.keys(now).await?;
        let known = self.verified.get(&hash, now);
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.keys, &keys)) {
            return Ok(known.token);
        }
        Credentials::check_token(raw)?;
        let (token, keys) = match verify(&self.rules, &keys, raw, now) {
            Err(error) if error.lacks_a_key() => {
                let newer = self.connection.newer_keys(&keys, now).await?;
                (verify(&self.rules, &newer, raw, now)?, newer)
            }
            verified => (verified?, keys),
        };
        Ok(self.keep_verified(token, keys, hash, now))
    }

    fn keep_verified(
        &self,
        token: VerifiedAccessToken,
        keys: Arc<KeySet>,
        hash: [u8; 32],
        now: u64,
    ) -> Arc<VerifiedAccessToken> {
        let until = self.good_until(&token);
        let token = Arc::new(token);
        let verified = Verified {
            token: Arc::clone(&token),
            keys,
        };
        self.verified.entry(hash, now).set(verified, until);
        token
    }

    async fn introspected(
        &self,
        client: &Registration,
        raw: &str,
        hash: [u8; 32],
    ) -> Result<Arc<VerifiedAccessToken>, Error> {
        let now = self.now();
        if let Some(known) = self.introspected.get(&hash, now) {
            return Ok(known);
        }
        if let Some(refused) = self.refused.get(&hash, now) {
            return Err(refused.into());
        }
        Credentials::check_token(raw)?;
        // Anybody can invent tokens: what they cause is bounded.
        let place = self.introspections.try_acquire();
        let _place = place.map_err(|_| IntrospectionError::Busy)?;
        match self.introspect(client, raw).await? {
            Ok(token) => {
                let until = self.good_until(&token).min(now.saturating_add(KEPT));
                let token = Arc::new(token);
                self.introspected
                    .entry(hash, now)
                    .set(Arc::clone(&token), until);
                Ok(token)
            }
            Err(refused) => {
                let until = now.saturating_add(REFUSED);
                self.refused.entry(hash, now).set(refused.clone(), until);
                Err(refused.into())
            }
        }
    }

    async fn introspect(
        &self,
        client: &Registration,
        raw: &str,
    ) -> Result<Result<VerifiedAccessToken, BearerError>, Error> {
        let metadata = self.connection.metadata(self.now()).await?;
        let fresh = Freshness::draw(self.now(), self.random.as_ref())?;
        let request = introspection::request(client, &metadata, &fresh, raw)?;
        let answer = self
            .connection
            .send(ProviderEndpoint::Introspection, request)
            .await?;
        Ok(introspection::response(&self.rules, &answer, self.now())?)
    }

    /// The first second in which the token has expired. One without an expiry is not kept long.
    fn good_until(&self, token: &VerifiedAccessToken) -> u64 {
        let expires_at = token.expires_at.unwrap_or(u64::MAX);
        expires_at.saturating_add(self.rules.leeway)
    }
}

/// Whether it has the three parts of a JWT.
fn is_jwt(token: &str) -> bool {
    memchr_iter(b'.', token.as_bytes()).take(3).count() == 2
}
